"""The ops: the table of their definitions, and one module a family."""
