"""TensorFlow's `tensorflow.python`, for the few modules of it that programs import by that path."""
