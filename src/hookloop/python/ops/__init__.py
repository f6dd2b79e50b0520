"""`python.ops`: paths of public names, and which branch or loop an operation stands in."""
