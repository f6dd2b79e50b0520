"""`python.eager`: whether operations run as soon as they are called; they do not."""
