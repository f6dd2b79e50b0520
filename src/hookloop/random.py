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
        **{
            f"{kind}_candidate_sampler": f"ops.candidates.{kind}_candidate_sampler"
            for kind in "all fixed_unigram learned_unigram log_uniform uniform".split()
        },
        "shuffle": "random_shuffle",
        "uniform": "random_uniform",
        **{
            f"stateless_{name}": f"ops.stateless_random.{name}"
            for name in "categorical multinomial normal truncated_normal uniform".split()
        },
    },
)
