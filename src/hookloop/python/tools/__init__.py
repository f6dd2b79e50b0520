"""`python.tools`: programs that read and write checkpoints and graphs."""
