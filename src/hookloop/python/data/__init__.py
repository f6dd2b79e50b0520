"""`python.data`: modules with something of their own."""
