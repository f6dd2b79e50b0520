"""MNIST as tutorials read it: `examples.tutorials.mnist.input_data`."""

import gzip
import struct

import numpy as np
import pytest

import hookloop as tf
from hookloop.examples.tutorials.mnist import input_data

IMAGES = np.random.RandomState(0).randint(256, size=(23, 4, 3)).astype(np.uint8)
LABELS = (np.arange(23) % 10).astype(np.uint8)


@pytest.fixture
def directory(tmp_path):
    for name, count in (("train", 23), ("t10k", 5)):
        for kind, array in (("images-idx3", IMAGES[:count]), ("labels-idx1", LABELS[:count])):
            header = struct.pack(f">{1 + array.ndim}i", 2048 + array.ndim, *array.shape)
            with gzip.open(tmp_path / f"{name}-{kind}-ubyte.gz", "wb") as file:
                file.write(header + array.tobytes())
    return str(tmp_path)


def test_the_first_images_are_for_validation(directory):
    data = input_data.read_data_sets(directory, validation_size=4)
    assert [part.num_examples for part in data] == [19, 4, 5]
    np.testing.assert_allclose(data.validation.images, IMAGES[:4].reshape(4, 12) / 255, rtol=1e-6)
    assert data.train.labels.tolist() == LABELS[4:].tolist() and data.test.images.dtype == np.float32


def test_images_as_they_are_and_labels_as_rows(directory):
    data = input_data.read_data_sets(directory, validation_size=0, one_hot=True, reshape=False, dtype=tf.uint8)
    np.testing.assert_array_equal(data.train.images[..., 0], IMAGES)
    assert data.train.labels.argmax(1).tolist() == LABELS.tolist() and data.train.labels.sum() == 23


def test_batches_go_round_and_are_shuffled_each_time(directory):
    train = input_data.read_data_sets(directory, validation_size=3, seed=5).train
    seen = []
    for batch in range(5):
        images, labels = train.next_batch(8)
        assert images.shape == (8, 12) and train.epochs_completed == (batch * 8 + 7) // 20
        seen.extend(labels.tolist())
    assert sorted(seen[:20]) == sorted(seen[20:]) == sorted(LABELS[3:].tolist()) and seen[:20] != seen[20:]
    again = input_data.read_data_sets(directory, validation_size=3, seed=5).train
    assert again.next_batch(8)[1].tolist() == seen[:8]


def test_batches_in_the_order_of_the_file(directory):
    train = input_data.read_data_sets(directory, validation_size=0).train
    labels = np.concatenate([train.next_batch(10, shuffle=False)[1] for _ in range(3)])
    assert labels.tolist() == [*LABELS.tolist(), *LABELS[:7].tolist()]


def test_a_graphs_seed_decides_the_order(directory):
    orders = []
    for _ in range(2):
        with tf.Graph().as_default():
            tf.set_random_seed(9)
            orders.append(input_data.read_data_sets(directory, validation_size=0).train.next_batch(23)[1].tolist())
    assert orders[0] == orders[1] != LABELS.tolist()


def test_made_up_images_need_no_files():
    data = input_data.read_data_sets("nowhere", fake_data=True, one_hot=True)
    images, labels = data.train.next_batch(2)
    assert images == [[1] * 784] * 2 and labels == [[1] + [0] * 9] * 2 and data.test.num_examples == 10000


def test_what_is_wrong_is_said(directory, tmp_path):
    with pytest.raises(ValueError, match=r"Validation size should be between 0 and 23\. Received: 24\."):
        input_data.read_data_sets(directory, validation_size=24)
    with pytest.raises(TypeError, match="Invalid image dtype 'int32', expected uint8 or float32"):
        input_data.read_data_sets(directory, validation_size=0, dtype=tf.int32)
    with pytest.raises(ValueError, match="expected 23 labels, one for each image, got 22"):
        input_data.DataSet(IMAGES[..., None], LABELS[1:])
    (tmp_path / "t10k-images-idx3-ubyte.gz").unlink()
    with pytest.raises(tf.errors.NotFoundError, match="no such file, nor t10k-images.*nothing is downloaded"):
        input_data.read_data_sets(directory)
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(b"short")
    with pytest.raises(ValueError, match="expected an IDX file, got 5 bytes"):
        input_data.read_data_sets(directory)
