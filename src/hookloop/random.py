"""`tf.random`: TensorFlow's other name for the random ops."""

from .namespace import attributes

__getattr__, __dir__ = attributes(
    __name__,
    "get_seed multinomial set_random_seed truncated_normal",
    {
        "categorical": "ops.random.categorical",
        "gamma": "random_gamma",
        "normal": "random_normal",
        "poisson": "random_poisson",
        "shuffle": "random_shuffle",
        "uniform": "random_uniform",
    },
)
