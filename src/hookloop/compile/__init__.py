"""From a graph to a plan: raise regions, order, lower, rewrite, place, assemble.

`compile_request` in `pipeline.py` is the way in. Nothing here imports `_core`: a compiled plan is plain data.
"""
