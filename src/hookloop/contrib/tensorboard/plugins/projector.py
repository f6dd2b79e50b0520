"""`tf.contrib.tensorboard.plugins.projector`: which variables of a checkpoint TensorBoard shows as points, and their labels."""

import os

from google.protobuf import text_format
from tensorboard.plugins.projector.projector_config_pb2 import EmbeddingInfo, ProjectorConfig, SpriteMetadata

from ....files.atomic import write_atomically

__all__ = ["EmbeddingInfo", "ProjectorConfig", "SpriteMetadata", "visualize_embeddings"]


def visualize_embeddings(summary_writer, config):
    """Writes `projector_config.pbtxt`, which TensorBoard looks for, into the directory of a summary writer.

    Args:
      summary_writer: a `FileWriter`, or another object with `get_logdir`.
      config: a `ProjectorConfig`.

    Raises:
      ValueError: where the writer has no directory.
    """
    directory = summary_writer.get_logdir()
    if directory is None:
        raise ValueError("Summary writer must have a logdir")
    write_atomically(os.path.join(directory, "projector_config.pbtxt"), text_format.MessageToString(config).encode())
