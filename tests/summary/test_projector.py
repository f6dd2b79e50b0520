"""`tf.contrib.tensorboard.plugins.projector`: which variables TensorBoard shows as points."""

import pytest

import hookloop as tf
from hookloop.contrib.tensorboard.plugins import projector


def test_the_file_that_tensorboard_looks_for(tmp_path):
    config = projector.ProjectorConfig()
    embedding = config.embeddings.add()
    embedding.tensor_name, embedding.metadata_path = "v", "m.tsv"
    with tf.summary.FileWriter(str(tmp_path / "logs")) as writer:
        assert projector.visualize_embeddings(writer, config) is None
    text = 'embeddings {\n  tensor_name: "v"\n  metadata_path: "m.tsv"\n}\n'  # what TensorFlow 1.15 writes
    assert (tmp_path / "logs/projector_config.pbtxt").read_text() == text
    assert tf.contrib.tensorboard.plugins.projector is projector


def test_a_writer_without_a_directory():
    class Writer:
        def get_logdir(self):
            return None

    with pytest.raises(ValueError, match="Summary writer must have a logdir"):
        projector.visualize_embeddings(Writer(), projector.ProjectorConfig())
    with pytest.raises(AttributeError, match="get_logdir"):
        projector.visualize_embeddings("x", projector.ProjectorConfig())
