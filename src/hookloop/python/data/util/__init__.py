"""`python.data.util`: modules with something of their own."""
