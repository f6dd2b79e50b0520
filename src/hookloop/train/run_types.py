"""What hooks give to a run and get from it: small compiled classes, here so that hook files need not know `_core`."""

from .._core import NativeCallback, NotFinite, SessionRunArgs, SessionRunContext, SessionRunValues, Trigger

__all__ = ["NativeCallback", "NotFinite", "SessionRunArgs", "SessionRunContext", "SessionRunValues", "Trigger"]
