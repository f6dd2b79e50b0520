"""A native hook with Numba: counts the steps whose loss is above a limit, in an array that Python sees.

python examples/native_hooks/numba_hook.py
"""

import numpy as np
from numba import carray, cfunc, types

import hookloop as tf

# The context as `hookloop.h` lays it out, in words of 8 bytes: version and size, step, global step, phase and number of
# fetches, the address of the fetches. The first word of a fetch is the address of its data.
FETCHES = 4


def make_counter(limit):
    """(hook function, array whose only element it counts in)."""
    counts = np.zeros(1, np.int64)
    address = counts.ctypes.data

    @cfunc(types.int32(types.CPointer(types.uint64), types.voidptr))
    def after_step(context, user_data):
        fetch = carray(address_as_pointer(carray(context, 5)[FETCHES]), 1, np.uint64)
        loss = carray(address_as_pointer(fetch[0]), 1, np.float32)[0]
        if loss > limit:
            carray(address_as_pointer(np.uint64(address)), 1, np.int64)[0] += 1
        return 0

    return after_step, counts


def _address_as_pointer():
    from numba import extending
    from numba.core import cgutils

    @extending.intrinsic
    def as_pointer(typing_context, address):
        def generate(context, builder, signature, arguments):
            return builder.inttoptr(arguments[0], cgutils.voidptr_t)

        return types.voidptr(types.uint64), generate

    return as_pointer


address_as_pointer = _address_as_pointer()


def main():
    loss = tf.get_variable("loss", initializer=1.0)
    train = tf.assign(loss, loss * 0.9).op
    after_step, counts = make_counter(0.5)
    hook = tf.train.NativeHook(after_step, fetches=loss)
    with tf.train.MonitoredSession(hooks=[hook]) as session:
        session.run_steps(train, 20)
    print(f"{counts[0]} of 20 losses were above 0.5")


if __name__ == "__main__":
    main()
