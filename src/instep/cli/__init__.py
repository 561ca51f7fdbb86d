"""The command line: one module for each noun. Nothing is imported here, so that `instep --help` stays quick."""
