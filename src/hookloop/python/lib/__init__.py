"""`python.lib`: paths of public names, and functions of files."""
