"""The commands that a person runs in a terminal about a project's folder: advise, explain, rules."""
