"""`python.client`: sessions, devices, and `timeline`."""
