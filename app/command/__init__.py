"""The command line: one file for each family of commands, each importing only what it needs."""
