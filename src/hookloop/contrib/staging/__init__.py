"""`tf.contrib.staging`: elements that wait for a later step."""

from ...ops.staging import StagingArea

__all__ = ["StagingArea"]
