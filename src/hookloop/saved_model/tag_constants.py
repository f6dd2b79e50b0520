"""`tf.saved_model.tag_constants`: what a graph in a SavedModel is for."""

GPU = "gpu"
SERVING = "serve"
TPU = "tpu"
TRAINING = "train"

__all__ = [name for name in dir() if name.isupper()]
