"""TensorFlow's `examples`, for the data that its tutorials import by that path."""
