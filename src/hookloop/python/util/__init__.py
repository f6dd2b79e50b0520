"""`python.util`: paths of public names, and notices of what is deprecated."""
