"""`python.framework`: paths of public names, and helpers of tests."""
