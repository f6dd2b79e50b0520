"""`tf.flags`: absl's flags, parsed at the first look at `FLAGS` where `tf.app.run` has not done it."""

from __future__ import annotations

import sys as _sys

from absl import flags as _flags
from absl.flags import *  # noqa: F403

# The flags are those of the program that defines them: its --help lists them, and errors name its file.
_flags.disclaim_key_flags()


class _FlagValues:
    """absl's FLAGS, which parse the command line by themselves when first asked for a value."""

    def __init__(self, values):
        self.__dict__["__wrapped"] = values

    def __getattribute__(self, name):
        if name == "__dict__":
            return super().__getattribute__(name)
        return self.__dict__["__wrapped"].__getattribute__(name)

    def __getattr__(self, name):
        wrapped = self.__dict__["__wrapped"]
        if not wrapped.is_parsed():
            wrapped(_sys.argv, known_only=True)
        return wrapped.__getattr__(name)

    def __setattr__(self, name, value):
        self.__dict__["__wrapped"].__setattr__(name, value)

    def __delattr__(self, name):
        self.__dict__["__wrapped"].__delattr__(name)

    def __dir__(self):
        return dir(self.__dict__["__wrapped"])

    def __getitem__(self, name):
        return self.__dict__["__wrapped"][name]

    def __setitem__(self, name, flag):
        self.__dict__["__wrapped"][name] = flag

    def __contains__(self, name):
        return name in self.__dict__["__wrapped"]

    def __iter__(self):
        return iter(self.__dict__["__wrapped"])

    def __len__(self):
        return len(self.__dict__["__wrapped"])

    def __call__(self, *args, **kwargs):
        return self.__dict__["__wrapped"](*args, **kwargs)


FLAGS = _FlagValues(_flags.FLAGS)


def _with_old_names(define):
    """TensorFlow's own spelling of the parameters: flag_name, default_value, docstring."""

    def wrapper(*args, **kwargs):
        for old, new in (
            ("flag_name", "name"),
            ("default_value", "default"),
            ("docstring", "help"),
        ):
            if old in kwargs:
                kwargs[new] = kwargs.pop(old)
        return define(*args, **kwargs)

    wrapper.__doc__ = define.__doc__
    return wrapper


DEFINE_string = _with_old_names(_flags.DEFINE_string)
DEFINE_boolean = DEFINE_bool = _with_old_names(_flags.DEFINE_boolean)
DEFINE_float = _with_old_names(_flags.DEFINE_float)
DEFINE_integer = _with_old_names(_flags.DEFINE_integer)
