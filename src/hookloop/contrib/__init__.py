"""`tf.contrib`: of TensorFlow's collection, what belongs to training sessions and to graphs."""

from importlib import import_module

from ..module_paths import install

__all__ = ["data", "framework", "opt", "training", "util"]

_FRAMEWORK = ("contrib.framework",)

install(
    __name__,
    {
        **{
            f"framework.python.framework.{name}": _FRAMEWORK
            for name in ("checkpoint_utils", "graph_util", "tensor_util")
        },
        **{f"framework.python.ops.{name}": _FRAMEWORK for name in ("ops", "script_ops", "sort_ops")},
        "framework.python.ops": ("contrib.framework",),
        "framework.python.ops.arg_scope": ("contrib.framework.arg_scope",),
        "framework.python.ops.variables": ("contrib.framework.variables", "contrib.framework"),
        **{
            f"training.python.training.{name}": ("contrib.training", f"?contrib.training.{name}")
            for name in ("evaluation", "hparam", "training")
        },
        "training.python.training.device_setter": ("contrib.training",),
        **{
            f"data.python.ops.{name}": ("contrib.data",)
            for name in (
                "batching",
                "counter",
                "enumerate_ops",
                "error_ops",
                "get_single_element",
                "grouping",
                "interleave_ops",
                "iterator_ops",
                "prefetching_ops",
                "random_ops",
                "readers",
                "resampling",
                "scan_ops",
                "shuffle_ops",
                "sliding",
                "unique",
                "writers",
            )
        },
        **{
            f"opt.python.training.{name}": ("contrib.opt",)
            for name in (
                "adam_gs_optimizer",
                "adamax",
                "addsign",
                "drop_stale_gradient_optimizer",
                "external_optimizer",
                "ggt",
                "lars_optimizer",
                "lazy_adam_gs_optimizer",
                "lazy_adam_optimizer",
                "moving_average_optimizer",
                "multitask_optimizer_wrapper",
                "nadam_optimizer",
                "powersign",
                "reg_adagrad_optimizer",
                "shampoo",
                "variable_clipping_optimizer",
                "weight_decay_optimizers",
            )
        },
        "opt.python.training.matrix_functions": ("contrib.opt.matrix_functions",),
        "opt.python.training.sign_decay": ("contrib.opt.signs",),
    },
)


def __getattr__(name):
    if name in __all__ or name in (
        "predictor",
        "staging",
        "tensorboard",
    ):  # which TensorFlow's list of names leaves out
        return import_module("." + name, __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return list(__all__)
