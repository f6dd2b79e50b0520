"""`python.summary`: modules with something of their own."""
