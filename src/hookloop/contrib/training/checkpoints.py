"""Waiting for the checkpoints that another program writes."""

from ...train.checkpoint_utils import checkpoints_iterator, wait_for_new_checkpoint

__all__ = ["checkpoints_iterator", "wait_for_new_checkpoint"]
