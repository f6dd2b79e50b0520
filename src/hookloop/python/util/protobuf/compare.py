"""`python.util.protobuf.compare`: whether messages are the same."""

__all__ = ["assertProtoEqual"]


def assertProtoEqual(self, a, b, check_initialized=True, normalize_numbers=True, msg=None):
    """Fails where two messages differ.

    Args:
      self: a test case.
      a: a message, or its text.
      b: a message.
      check_initialized: whether both must have all fields that are required.
      normalize_numbers: accepted: messages keep numbers as their fields' types have them.
      msg: what is said before the difference.
    """
    if isinstance(a, (str, bytes)):
        from google.protobuf import text_format

        a = text_format.Merge(a, type(b)())
    for message in (a, b):
        if check_initialized and not message.IsInitialized():
            self.fail(f"Initialization errors: {message.FindInitializationErrors()}\n{message}")
    if a != b:
        self.assertMultiLineEqual(str(a), str(b), msg)
        self.assertEqual(a, b, msg)
