"""`python.tf2`: whether the API's second version is in force, which it is not."""

__all__ = ["enabled"]


def enabled():
    return False
