"""`python.lib.io`: paths of public names, and functions of files."""
