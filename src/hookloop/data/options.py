"""`tf.data.Options`: what a program may ask of the way a dataset runs."""

from __future__ import annotations

__all__ = [
    "DistributeOptions",
    "MapVectorizationOptions",
    "OptimizationOptions",
    "Options",
    "StatsOptions",
    "ThreadingOptions",
]

_RULES = ("filter_fusion", "filter_with_random_uniform_fusion", "hoist_random_uniform", "map_and_batch_fusion",
          "map_and_filter_fusion", "map_fusion", "map_parallelization", "noop_elimination", "parallel_batch",
          "shuffle_and_repeat_fusion")  # fmt: skip
_DEFAULT_RULES = ("map_and_batch_fusion", "noop_elimination", "shuffle_and_repeat_fusion")


class _Option:
    """One property: it has a type, and is None until it is set (or what `default` makes)."""

    def __init__(self, kind, doc, default=None):
        self.kind = kind
        self.__doc__ = doc
        self.default = default

    def __set_name__(self, owner, name):
        self.name = name

    def __get__(self, owner, kind=None):
        if owner is None:
            return self
        if self.name not in owner._set and self.default is not None:
            owner._set[self.name] = self.default()
        return owner._set.get(self.name)

    def __set__(self, owner, value):
        if not isinstance(value, self.kind):
            raise TypeError(f'Property "{self.name}" must be of type {self.kind}, got: {value!r} (type: {type(value)})')
        owner._set[self.name] = value


class _OptionsBase:
    def __init__(self):
        object.__setattr__(self, "_set", {})

    def __setattr__(self, name, value):
        if not isinstance(getattr(type(self), name, None), _Option):
            raise AttributeError(f"Cannot set the property {name} on {type(self).__name__}.")
        object.__setattr__(self, name, value)

    def __eq__(self, other):
        return type(other) is type(self) and self._changed() == other._changed()

    def __ne__(self, other):
        return not self == other

    __hash__ = None

    def _changed(self):
        """The properties that were set; those of options inside, where one was."""
        return {
            name: value for name, value in self._set.items() if not isinstance(value, _OptionsBase) or value._changed()
        }

    def _merged(self, other):
        """Options with the properties of both.

        Raises:
          TypeError: where `other` is of another class.
          ValueError: where both have set one differently.
        """
        if type(other) is not type(self):
            raise TypeError(f"Incompatible options type: {type(other)!r} vs {type(self)!r}")
        merged = type(self)()
        merged._set.update(self._changed())
        for name, value in other._changed().items():
            mine = merged._set.get(name)
            if isinstance(mine, _OptionsBase):
                merged._set[name] = mine._merged(value)
            elif mine is not None and mine != value:
                raise ValueError(f"Cannot merge incompatible values ({mine!r} and {value!r}) of option: {name}")
            else:
                merged._set[name] = value
        return merged


class ThreadingOptions(_OptionsBase):
    """Threads of a dataset: accepted, elements are computed with the session's threads."""

    max_intra_op_parallelism = _Option(int, "How many threads an op may use.")
    private_threadpool_size = _Option(int, "How many threads the dataset has for itself.")


class DistributeOptions(_OptionsBase):
    """Distribution of a dataset over workers: accepted, there is one."""

    auto_shard = _Option(bool, "Whether the dataset is sharded over the workers.")
    num_devices = _Option(int, "How many devices share a batch.")


class StatsOptions(_OptionsBase):
    """Statistics of a dataset: accepted, none are collected."""

    aggregator = _Option(object, "Where they are collected.")
    counter_prefix = _Option(str, "Goes before the names of counters.")
    latency_all_edges = _Option(bool, "Whether every dataset's time is measured.")
    prefix = _Option(str, "Goes before all names.")


class MapVectorizationOptions(_OptionsBase):
    """Functions of elements made functions of batches: accepted."""

    enabled = _Option(bool, "Whether that is done.")
    use_choose_fastest = _Option(bool, "Whether both are tried.")


class OptimizationOptions(_OptionsBase):
    """Which rewritings a dataset may go through. Two show in what it yields: see `shuffle_and_repeat_fusion`."""

    apply_default_optimizations = _Option(bool, "Whether those that TensorFlow applies by default are applied.")
    autotune = _Option(bool, "Accepted.")
    autotune_algorithm = _Option(int, "Accepted.")
    autotune_buffers = _Option(bool, "Accepted.")
    autotune_cpu_budget = _Option(int, "Accepted.")
    filter_fusion = _Option(bool, "Accepted.")
    filter_with_random_uniform_fusion = _Option(bool, "Accepted.")
    hoist_random_uniform = _Option(bool, "Accepted.")
    map_and_batch_fusion = _Option(bool, "Accepted.")
    map_and_filter_fusion = _Option(bool, "Accepted.")
    map_fusion = _Option(bool, "Accepted.")
    map_parallelization = _Option(bool, "Accepted.")
    map_vectorization = _Option(MapVectorizationOptions, "Accepted.", MapVectorizationOptions)
    noop_elimination = _Option(bool, "Whether `take(-1)`, `skip(0)`, `repeat(1)` and `prefetch(0)` are left out.")
    parallel_batch = _Option(bool, "Accepted.")
    shuffle_and_repeat_fusion = _Option(
        bool, "Whether `shuffle().repeat()` is one transformation, which orders elements differently."
    )

    def _rules(self):
        """The names of the rewritings, in their order."""
        chosen = {rule for rule in _RULES if getattr(self, rule)}
        if self.apply_default_optimizations is not False:
            chosen |= {rule for rule in _DEFAULT_RULES if getattr(self, rule) is not False}
        if self.map_vectorization.enabled:
            chosen.add("map_vectorization")
        return sorted(chosen)


class Options(_OptionsBase):
    """What `Dataset.with_options` takes."""

    experimental_deterministic = _Option(bool, "Accepted: elements always come in a fixed order.")
    experimental_distribute = _Option(DistributeOptions, "Accepted.", DistributeOptions)
    experimental_optimization = _Option(OptimizationOptions, "Rewritings.", OptimizationOptions)
    experimental_slack = _Option(bool, "Accepted.")
    experimental_stateful_whitelist = _Option(list, "Accepted.")
    experimental_stats = _Option(StatsOptions, "Accepted.", StatsOptions)
    experimental_threading = _Option(ThreadingOptions, "Accepted.", ThreadingOptions)

    def merge(self, options):
        """Options with the properties of both.

        Raises:
          TypeError: where `options` is of another class.
          ValueError: where both have set one differently.
        """
        return self._merged(options)

    def _rules(self):
        rules = self.experimental_optimization._rules()
        if self.experimental_deterministic is False:
            rules.append("make_sloppy")
        if self.experimental_slack:
            rules.append("slack")
        return rules
