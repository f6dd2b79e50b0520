"""TensorFlow's files, without a graph: sorted tables, checkpoints in its V2 format, and the messages in them."""
