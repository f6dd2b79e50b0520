"""`tf.strings`: TensorFlow's other names for the ops on text."""

from .namespace import attributes

_OWN = "format join length lower regex_full_match strip to_hash_bucket to_hash_bucket_fast to_hash_bucket_strong to_number upper"

__getattr__, __dir__ = attributes(
    __name__,
    "as_string reduce_join regex_replace substr",
    {
        **{name: f"ops.strings.{name}" for name in _OWN.split()},
        "unicode_transcode": "ops.text_encodings.unicode_transcode",
        "unsorted_segment_join": "ops.text_encodings.unsorted_segment_join",
    },
)
