"""`import hookloop.compat.v1 as tf` is `import hookloop as tf`, and so is each module below it.

This is a module and no package: who walks through the package's files would come back to its beginning here.
"""

import sys

import hookloop
from hookloop.module_paths import answer_for

answer_for(__name__, "hookloop")
sys.modules[__name__] = hookloop
