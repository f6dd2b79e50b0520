"""Triggers: when the loop is to enter a hook."""

from __future__ import annotations

from .run_types import NotFinite, Trigger

__all__ = ["Trigger", "not_finite"]


def not_finite(tensor):
    """The counter of a trigger that is due when a float tensor has a NaN or an infinity."""
    return NotFinite(tensor)
