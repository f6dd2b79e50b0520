"""The list of ops that run in Python is complete: no other op may."""

import hookloop as tf
from hookloop.ops import registry
from hookloop.ops.host_ops import HOST_OPS


def test_only_listed_ops_run_in_python():
    for module in ("data", "summary", "image", "train"):
        getattr(tf, module, None)
    registry.load_all()
    found = {name for name, op_def in registry._registry.items() if op_def.host is not None}
    assert found == HOST_OPS
