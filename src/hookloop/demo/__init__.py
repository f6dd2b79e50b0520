"""The demo: a small network trained on handwritten digits through a monitored session."""
