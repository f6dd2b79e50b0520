"""The passes over a lowered program: small rewrites, one a file, in one literal order.

A pass is a function `(program) -> None` named as its file. It decides by the class of shape and type only, and leaves
alone what it cannot prove: `uses.py` answers who reads and writes a buffer. `Instr.notes` records for `explain` what a pass did
to an instruction. The program is correct before and after each pass, and without any of them; `verify.py` checks the
IR's rules in between when tests run.
"""

from .assign_in_place import assign_in_place
from .batch_products import batch_products
from .block_rows import block_rows
from .compute_again import compute_again
from .count_true import count_true
from .drop_unused import drop_unused
from .expand_powers import expand_powers
from .fold_constants import fold_constants
from .fold_transposes import fold_transposes
from .fuse_column_sums import fuse_column_sums
from .fuse_elementwise import fuse_elementwise
from .fuse_epilogues import fuse_epilogues
from .fuse_product_sums import fuse_product_sums
from .fuse_sums import fuse_sums
from .gather_products import gather_products
from .hoist_invariants import hoist_invariants
from .hold_still import hold_still
from .mask_pool_gradients import mask_pool_gradients
from .merge_updates import merge_updates
from .negate_sums import negate_sums
from .read_in_place import read_in_place
from .repeat_late import repeat_late
from .scale_updates import scale_updates
from .share_equal import share_equal
from .share_quotients import share_quotients
from .split_joined_factors import split_joined_factors
from .split_updates import split_updates
from .spread_late import spread_late
from .sum_products import sum_products
from .transpose_once import transpose_once
from .update_in_products import update_in_products
from .write_in_place import write_in_place

PASSES = (
    expand_powers,
    drop_unused,
    spread_late,
    share_equal,
    share_quotients,
    fold_constants,
    fold_transposes,
    sum_products,
    fuse_epilogues,
    fuse_column_sums,
    negate_sums,
    count_true,
    fuse_product_sums,
    scale_updates,
    mask_pool_gradients,
    split_joined_factors,
    gather_products,
    batch_products,
    transpose_once,
    hoist_invariants,
    read_in_place,
    repeat_late,
    write_in_place,
    split_updates,
    compute_again,
    fuse_elementwise,
    assign_in_place,
    update_in_products,
    merge_updates,
    block_rows,
    fuse_sums,
    hold_still,
)

__all__ = ["PASSES"]
