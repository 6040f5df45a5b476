"""Every branch name, title and body that the bot writes, and the reading of those that it reads again."""
