"""`tf.queue`: queues."""

from .namespace import attributes

__getattr__, __dir__ = attributes(
    __name__,
    "",
    {
        name: f"ops.queues.{name}"
        for name in ("FIFOQueue", "PaddingFIFOQueue", "PriorityQueue", "QueueBase", "RandomShuffleQueue")
    },
)
