"""What a `Saver` saves: `SaveableObject`, and those that variables are."""

from __future__ import annotations

from ..graph.scopes import device
from ..graph.tensor import Tensor
from ..ops.array import reshape
from ..ops.build import apply_op
from ..ops.core import identity
from ..ops.state import assign
from ..partitioned import PartitionedVariable
from ..trackable import VARIABLE_VALUE, Trackable
from ..variables import Variable

__all__ = ["SaveSpec", "SaveableObject"]


class SaveSpec:
    """One tensor of a saveable object.

    Args:
      tensor: the tensor, or a function that makes it.
      slice_spec: the text of a slice as in "4 2 0,2:-"; empty for a whole tensor.
      name: under which it is saved.
      dtype: its type, needed where `tensor` is a function.
      device: the device it is on, needed where `tensor` is a function.
    """

    def __init__(self, tensor, slice_spec, name, dtype=None, device=None):
        self._tensor = tensor
        self.slice_spec = slice_spec
        self.name = name
        if callable(tensor):
            if dtype is None or device is None:
                raise AssertionError(
                    "When passing a callable `tensor` to a SaveSpec, an explicit dtype must be provided."
                )
            self.dtype, self.device = dtype, device
        else:
            self.dtype, self.device = tensor.dtype, tensor.device

    @property
    def tensor(self):
        return self._tensor() if callable(self._tensor) else self._tensor


class SaveableObject:
    """An object that is saved in one or several tensors, and restored from them; subclasses say how.

    Args:
      op: what it belongs to.
      specs: list of `SaveSpec`, or a function that makes it.
      name: under which it is saved.
    """

    def __init__(self, op, specs, name):
        self.op = op
        self._specs = specs
        self.name = name

    @property
    def specs(self):
        if callable(self._specs):
            self._specs = self._specs()
        return self._specs

    @property
    def optional_restore(self):
        return False

    @property
    def device(self):
        return self.specs[0].device

    def restore(self, restored_tensors, restored_shapes):
        """The operation that restores it.

        Args:
          restored_tensors: as many tensors as it has specs.
          restored_shapes: their shapes where a saver reshapes, else None.
        """
        raise AssertionError(f"{type(self).__name__} does not say how it is restored: define restore()")


class VariableSaveable(SaveableObject):
    """A variable, or a tensor that refers to one."""

    def __init__(self, variable, slice_spec, name):
        if isinstance(variable, Variable) and variable._is_resource:
            self._handle = variable.handle
            read = (lambda: _read_on_processor(variable)) if slice_spec else variable._graph_element
            op = variable
        else:
            self._handle, op = None, variable._ref() if isinstance(variable, Variable) else variable
            read = variable.value() if slice_spec else op
        spec = SaveSpec(
            read, slice_spec, name, dtype=variable.dtype if callable(read) else read.dtype, device=variable.device
        )
        super().__init__(op, [spec], name)
        self._restored = op
        self._shape = variable.get_shape()

    def restore(self, restored_tensors, restored_shapes):
        value = restored_tensors[0]
        if restored_shapes is not None:
            value = reshape(value, restored_shapes[0])
        if self._handle is not None:
            with device(self._handle.device):
                return apply_op("AssignVariableOp", [self._handle, identity(value)])
        whole = restored_shapes is None and self._restored.get_shape().is_fully_defined()
        return assign(self._restored, value, validate_shape=whole)


def _read_on_processor(variable):
    """The value of a part of a variable, where its task writes files."""
    with device(variable.device):
        value = variable.read_value()
        with device("/device:CPU:0"):
            return identity(value)


def variable_name(variable):
    """The name under which a variable is saved."""
    info = getattr(variable, "_save_slice_info", None)
    return info.full_name if info else variable.op.name


def _saveables_of(op, name):
    """The saveable objects of one value of a Saver's dictionary."""
    if isinstance(op, SaveableObject):
        return [op]
    if isinstance(op, (list, tuple, PartitionedVariable)):
        parts = list(op)
        for part in parts:
            if not isinstance(part, Variable) or not part._save_slice_info:
                raise ValueError(f"Slices must all be slices: {part}")
            if name is not None and part._save_slice_info.full_name not in (name, parts[0]._save_slice_info.full_name):
                raise ValueError(
                    f"Slices must all be from the same tensor: {name} != {part._save_slice_info.full_name}"
                )
        return [VariableSaveable(part, part._save_slice_info.spec, name) for part in parts]
    if isinstance(op, Variable):
        info = op._save_slice_info
        return [VariableSaveable(op, info.spec if info else "", name)]
    if isinstance(op, Tensor) and op.op.type in ("Variable", "VariableV2", "TemporaryVariable"):
        return [VariableSaveable(op, "", name)]
    if isinstance(op, Trackable):
        own = op._gather_saveables_for_checkpoint().items()
        made = [_made(factory, name if attr == VARIABLE_VALUE else f"{name}_{attr}") for attr, factory in own]
        return [saveable for each in made for saveable in _saveables_of(each, each.name)]
    raise TypeError(
        f"names_to_saveables must be a dict mapping string names to Tensors/Variables. Not a variable: {op}"
    )


def _made(factory, *name):
    """What an object of a program saves of itself: it is given as such, or by a function of the name."""
    return factory(*name) if callable(factory) else factory


def named(var_list):
    """The dictionary name -> what is saved under it, from a Saver's `var_list`.

    Raises:
      TypeError: where an element is no variable.
      ValueError: where two have one name.
    """
    if isinstance(var_list, dict):
        return var_list
    if isinstance(var_list, (str, bytes, Variable, Tensor)) or not hasattr(var_list, "__iter__"):
        raise TypeError(f"Variables to save should be passed in a dict or a list: {var_list}")
    found = {}
    items = list(var_list)
    if all(hasattr(item, "name") for item in items):
        items.sort(key=lambda item: item.name)  # which of several faults is named does not depend on the list's order
    for item in items:
        _add(found, item)
    return found


def _add(found, item):
    if isinstance(item, (SaveableObject, PartitionedVariable)):
        name, value = item.name, item
    elif isinstance(item, Variable):
        name, value = variable_name(item), item
        if item._save_slice_info:  # the parts of a whole are listed together
            if name in found and not isinstance(found[name], list):
                raise ValueError(f"Mixing slices and non-slices with the same name: {name}")
            found.setdefault(name, []).append(item)
            return
    elif isinstance(item, (list, tuple)):
        for part in item:
            _add(found, part)
        return
    elif isinstance(item, Tensor) and item.op.type in ("Variable", "VariableV2"):
        name, value = item.op.name, item
    elif isinstance(item, Trackable):
        for factory in item._gather_saveables_for_checkpoint().values():
            _add(found, _made(factory))
        return
    else:
        raise TypeError(f"Variable to save is not a Variable: {item}")
    if name in found:
        raise ValueError(f"At least two variables have the same name: {name}")
    found[name] = value


def saveables(names_to_saveables):
    """The saveable objects, sorted by name.

    Raises:
      TypeError: where a name is no string, or a value is no variable.
      ValueError: where a variable comes twice.
    """
    if not isinstance(names_to_saveables, dict):
        names_to_saveables = named(names_to_saveables)
    for name in names_to_saveables:
        if not isinstance(name, str):
            raise TypeError(
                f"names_to_saveables must be a dict mapping string names to trackable operations. Name is not a string: {name}"
            )
    out, seen = [], set()
    for name in sorted(names_to_saveables):
        for saveable in _saveables_of(names_to_saveables[name], name):
            key = id(saveable.op)
            if key in seen:
                raise ValueError(f"The same saveable will be restored with two names: {name}")
            seen.add(key)
            out.append(saveable)
    return out
