"""`python.util.tf_export`: decorators that name what is public, which change nothing here."""

__all__ = ["estimator_export", "keras_export", "tf_export"]


def tf_export(*names, **kwargs):
    """A decorator that leaves functions and classes as they are; it may also be asked for its `export_constant`."""
    return _Export()


class _Export:
    def __call__(self, decorated):
        return decorated

    def export_constant(self, module_name, name):
        """Nothing changes."""


estimator_export = keras_export = tf_export
