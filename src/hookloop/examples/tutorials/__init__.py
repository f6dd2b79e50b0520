"""`examples.tutorials`: `mnist`."""
