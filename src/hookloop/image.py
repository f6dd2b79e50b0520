"""`tf.image`: patches of images. Of the other functions of images there is none yet."""

from .namespace import attributes

__getattr__, __dir__ = attributes(__name__, "extract_image_patches", {"extract_patches": "ops.patches.extract_patches"})
