"""`tf.version`: which of TensorFlow's versions hookloop behaves like, for programs that ask; and which hookloop this is."""

VERSION = "1.15.0"
HOOKLOOP_VERSION = "0.1.0"
GIT_VERSION = "unknown"
COMPILER_VERSION = "unknown"
GRAPH_DEF_VERSION = 134
GRAPH_DEF_VERSION_MIN_CONSUMER = 0
GRAPH_DEF_VERSION_MIN_PRODUCER = 0


def __dir__():
    return ["COMPILER_VERSION", "GIT_VERSION", "GRAPH_DEF_VERSION", "GRAPH_DEF_VERSION_MIN_CONSUMER",
            "GRAPH_DEF_VERSION_MIN_PRODUCER", "VERSION"]  # fmt: skip
