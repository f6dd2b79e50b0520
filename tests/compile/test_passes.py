"""The list of passes. `tests/test_random_graphs.py` compares programs with every pass, none, and each alone."""

from hookloop.compile import passes


def test_the_order_of_the_passes_is_one_literal_list():
    assert [rewrite.__name__ for rewrite in passes.PASSES] == [
        "expand_powers",
        "drop_unused",
        "spread_late",
        "share_equal",
        "share_quotients",
        "fold_constants",
        "fold_transposes",
        "sum_products",
        "fuse_epilogues",
        "fuse_column_sums",
        "negate_sums",
        "count_true",
        "fuse_product_sums",
        "scale_updates",
        "mask_pool_gradients",
        "split_joined_factors",
        "gather_products",
        "batch_products",
        "transpose_once",
        "hoist_invariants",
        "read_in_place",
        "repeat_late",
        "write_in_place",
        "split_updates",
        "compute_again",
        "fuse_elementwise",
        "assign_in_place",
        "update_in_products",
        "merge_updates",
        "block_rows",
        "fuse_sums",
        "hold_still",
    ]
