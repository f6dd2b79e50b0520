"""`python.client.timeline`: the same as `client.timeline`."""

from ...client.timeline import AllocationMaximum, StepStatsAnalysis, Timeline

__all__ = ["AllocationMaximum", "StepStatsAnalysis", "Timeline"]
