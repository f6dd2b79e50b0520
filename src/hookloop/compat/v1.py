"""`import hookloop.compat.v1 as tf` is `import hookloop as tf`."""

import sys

import hookloop

sys.modules[__name__] = hookloop
