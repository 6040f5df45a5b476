"""GitHub's JSON shapes, built from what the sandbox remembers."""
