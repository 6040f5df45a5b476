"""What can be done on the sandbox: each action writes and tells the Apps, whichever door it came through."""
