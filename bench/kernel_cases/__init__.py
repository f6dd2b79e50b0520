"""The cases of bench/kernels.py: one module a family of kernels, each with a function `cases()` that yields `Case`s."""
