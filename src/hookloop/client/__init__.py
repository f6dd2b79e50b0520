"""`client`: what reads the traces of a session."""
