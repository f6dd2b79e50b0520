"""`python.client`: `timeline`."""
