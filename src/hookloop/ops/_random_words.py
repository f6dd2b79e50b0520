"""A stream of random 32-bit words, one at a time: what shuffling queues and datasets draw from."""

from __future__ import annotations

import os

from ._philox import blocks

_BLOCKS = 64


class RandomWords:
    """The words of TensorFlow's generator for two seeds; where both are 0, for seeds of the moment.

    Args:
      seed, seed2: the seeds of a node.
    """

    __slots__ = ("_at", "_buffer", "_counter", "key", "stream")

    def __init__(self, seed, seed2):
        if seed == 0 and seed2 == 0:
            seed, seed2 = (int.from_bytes(os.urandom(8), "little") for _ in range(2))
        self.key = seed & (1 << 64) - 1
        self.stream = seed2 & (1 << 64) - 1
        self._counter = 0
        self._buffer = []
        self._at = 0

    def next(self):
        """The next word."""
        if self._at == len(self._buffer):
            self._buffer = blocks(self, self._counter, _BLOCKS).ravel().tolist()
            self._counter += _BLOCKS
            self._at = 0
        word = self._buffer[self._at]
        self._at += 1
        return word
