# Adding a node from what public functions give: attributes as they are written, and inputs that are no tensors yet.
# `ops/build.py` says what a value becomes where it is no tensor; here is what each node asks of it.

cdef dict op_types = {}  # name -> `OpDef`
cdef object look_up_type = None
cdef object parse_signature = None
cdef object dtype_type = None
cdef object convert_attribute = None
cdef object convert_to_tensor = None


def connect_ops(dict types not None, look_up, signature_of, dtype):
    """Says where the definitions of ops are, and of which class types are.

    Args:
      types: the definitions by name.
      look_up: function(name) for a name that is not there.
      signature_of: function(definition) that parses its signature.
      dtype: the class `DType`.
    """
    global op_types, look_up_type, parse_signature, dtype_type
    op_types, look_up_type, parse_signature, dtype_type = types, look_up, signature_of, dtype


def connect_conversions(attribute, tensor):
    """Says what values become.

    Args:
      attribute: function(definition, signature, name, value, default) that gives an attribute's value.
      tensor: function(value, type, name, preferred type, hint, whether a reference is wanted) that gives a tensor.
    """
    global convert_attribute, convert_to_tensor
    convert_attribute, convert_to_tensor = attribute, tensor


def apply_op(type, inputs, attrs=None, name=None):
    """Adds a node to the graph of its inputs (the default graph where there is none).

    Args:
      type: the op type's name.
      inputs: one value for each input of the signature; a list for an input that is a list. What is no
        tensor becomes a constant, named after the input, in the node's own scope.
      attrs: the attributes that inputs do not tell and that differ from their defaults.
      name: the node's name; by default its type.

    Returns:
      The output tensor; a list where the signature has several outputs or a list; the `Operation` where
      the node has no outputs.

    Raises:
      TypeError: where the inputs' types do not fit.
      ValueError: where their shapes or graphs do not fit.
    """
    op_def = op_types.get(type)
    if op_def is None:
        op_def = look_up_type(type)
    signature = op_def._signature
    if signature is None:
        signature = parse_signature(op_def)
    cdef dict all_attrs = (<dict?>signature.defaults).copy()
    if attrs:
        set_attributes(op_def, signature, all_attrs, attrs)
    if name is None:
        name = type
    node = add_plain_node(op_def, signature, inputs, attrs, all_attrs, name)
    if node is None:
        node = NodeInputs(op_def, signature, inputs, attrs, all_attrs, name).node()
    cdef OperationFields op = <OperationFields>node
    cdef list outputs = <list>op.outputs
    if signature.single:
        return outputs[0]
    return list(outputs) or op


def set_attributes(op_def, signature, dict all_attrs not None, attrs):
    """Puts attributes that a caller gives among all of a node's, as the graph keeps them; None stands for the default.

    Raises:
      TypeError: for a type that the attribute cannot be.
    """
    for key, value in attrs.items():
        kind = type(value)
        if kind is str and key not in signature.type_attrs:
            value = (<str>value).encode()
        elif kind is dtype_type:
            allowed = op_def.types.get(key)
            if allowed is not None and value.base_dtype not in allowed:
                convert_attribute(op_def, signature, key, value, None)
        elif not ((kind is bool or kind is int or kind is float or kind is list) and kind is type(all_attrs.get(key))):
            default = all_attrs.get(key)
            value = default if value is None and default is not None else convert_attribute(op_def, signature, key, value, default)
        all_attrs[key] = value


@cython.auto_pickle(False)
cdef class NodeInputs:
    """The inputs of a node that is being made, turned into tensors.

    The node's name scope is entered only where a value must become a constant: a scope costs more than all the rest of a node.
    """

    cdef object op_def
    cdef object signature
    cdef object values
    cdef object given
    cdef dict attrs
    cdef object name
    cdef GraphFields graph
    cdef GraphNameScope scope
    cdef str scope_name
    cdef object default
    cdef dict told  # type or number attribute -> the argument (and number) that told it

    def __init__(self, op_def, signature, values, given, dict attrs not None, name):
        self.op_def = op_def
        self.signature = signature
        self.values = values
        self.given = given or ()
        self.attrs = attrs
        self.name = name
        self.told = {}

    cdef object node(self):
        """Adds the node."""
        cdef list tensors
        try:
            tensors = self.resolve()
        finally:
            self.close()
        cdef str name = self.graph.name_of(self.name) if not self.scope_name else self.scope_name[: len(self.scope_name) - 1]
        return self.graph._add_node(
            self.op_def, tensors, self.attrs, name, output_types(self.signature, self.attrs), self.signature.refs
        )

    cdef list resolve(self):
        """The tensors, flat; the type attributes are set on the way."""
        cdef list arguments = self.signature.inputs
        cdef list tensors = []
        cdef Py_ssize_t i, count = len(arguments)
        if len(self.values) != count:
            raise TypeError(f"expected {count} inputs for op '{self.op_def.name}', got {len(self.values)}")
        for i in range(count):
            argument = arguments[i]
            value = self.values[i]
            if argument.is_list:
                tensors.extend(self.list_of(argument, value))
                continue
            if type(value) is not tensor_type:
                value = self.converted(argument, value)
            self.check(argument, <TensorFields?>value)
            tensors.append(value)
        return self.in_one_graph(tensors)

    cdef list in_one_graph(self, list tensors):
        cdef TensorFields tensor
        cdef GraphFields default = the_default_graph.get()
        if default._outer is not None:
            self.graph = default
            return [default.capture(found) for found in tensors]
        for tensor in tensors:
            if self.graph is None:
                self.graph = tensor.graph
            elif tensor.graph is not self.graph:
                raise ValueError(f"{tensor} must be from the same graph as {tensors[0]}.")
        if self.graph is None:
            self.graph = default
        return tensors

    cdef int enter_scope(self) except -1:
        if self.scope is not None:
            return 0
        self.graph = graph_of(self.values)
        if self.graph is not the_default_graph.get():
            self.default = self.graph.as_default()
            self.default.__enter__()
        cdef GraphNameScope scope = GraphNameScope(self.graph, self.name)
        self.scope_name = scope.enter()
        self.scope = scope
        return 0

    cdef int close(self) except -1:
        if self.scope is not None:
            self.scope.leave()
        if self.default is not None:
            self.default.__exit__(None, None, None)
        return 0

    # --- types ----------------------------------------------------------------------------------------

    cdef object wanted(self, argument):
        """The type that an input must have: fixed, given, or told by an earlier input; else None."""
        dtype = argument.dtype
        if dtype is not None:
            return dtype
        attr = argument.type_attr
        return self.attrs.get(attr) if attr in self.given or attr in self.told else None

    cdef int check(self, argument, TensorFields tensor) except -1:
        """Compares a tensor's type with what the signature wants, and learns from it."""
        dtype = tensor.dtype
        base = dtype.base_dtype
        if argument.is_ref and not dtype._is_ref_dtype:
            raise TypeError(
                f"'{self.op_def.name}' Op requires that input '{argument.name}' be a mutable tensor "
                f"(e.g.: a tf.Variable), got {tensor!r}"
            )
        wanted = self.wanted(argument)
        if wanted is None:
            if argument.allowed is not None and base not in argument.allowed:
                self.refuse_type(argument, base)
            self.told[argument.type_attr] = argument
            self.attrs[argument.type_attr] = base
        elif wanted is not base:
            self.refuse_mismatch(argument, base, wanted)
        elif argument.allowed is not None and argument.type_attr not in self.told:
            if base not in argument.allowed:
                self.refuse_type(argument, base)
        return 0

    cdef int refuse_type(self, argument, base) except -1:
        allowed = ", ".join(sorted([t.name for t in argument.allowed]))
        raise TypeError(
            f"Value passed to parameter '{argument.name}' has DataType {base.name} not in list of allowed "
            f"values: {allowed} (op: '{self.op_def.name}', name: '{self.name}')"
        )

    cdef int refuse_mismatch(self, argument, found, wanted) except -1:
        prefix = f"Input '{argument.name}' of '{self.op_def.name}' Op has type {found.name} that does not match"
        if argument.dtype is not None:
            raise TypeError(f"{prefix} expected type of {wanted.name}.")
        source = self.told.get(argument.type_attr)
        origin = f"argument '{source.name}'" if source else f"attribute '{argument.type_attr}'"
        raise TypeError(f"{prefix} type {wanted.name} of {origin}.")

    # --- values ---------------------------------------------------------------------------------------

    cdef object converted(self, argument, value):
        self.enter_scope()
        wanted = self.wanted(argument)
        if argument.is_ref:
            return convert_to_tensor(value, None, argument.name, None, None, True)
        try:
            return convert_to_tensor(value, wanted, argument.name, argument.preferred)
        except TypeError as error:
            if wanted is None:
                raise
            raise TypeError(
                f"Expected {wanted.name} passed to parameter '{argument.name}' of op '{self.op_def.name}', "
                f"got {value!r} of type '{value.__class__.__name__}' instead. Error: {error}"
            ) from None
        except ValueError:
            if wanted is None or value is None or not hasattr(value, "dtype"):
                raise
            found = convert_to_tensor(value, None, argument.name)
            if found.dtype.base_dtype is wanted:
                raise
            self.refuse_mismatch(argument, found.dtype.base_dtype, wanted)

    cdef list list_of(self, argument, values):
        cdef list tensors = []
        cdef Py_ssize_t i = 0
        cdef bint is_ref = argument.is_ref
        if not isinstance(values, (list, tuple)):
            raise TypeError(f"Expected list for '{argument.name}' argument to '{self.op_def.name}' Op, not {values!r}.")
        if argument.type_list_attr is not None:
            return self.mixed_list(argument, values)
        dtype = self.wanted(argument)
        if dtype is None:
            dtype = type_among(values)
        for value in values:
            if is_ref or type(value) is not tensor_type:
                value = self.element(argument, f"{argument.name}_{i}", value, dtype)
            tensors.append(value)
            i += 1
        if argument.type_attr is not None:
            dtype = self.list_type(argument, tensors, dtype)
        self.attrs[argument.number_attr] = self.number(argument, i)
        for value in tensors:
            if (<TensorFields?>value).dtype.base_dtype is not dtype:
                self.refuse_list(argument, tensors, dtype)
        return tensors

    cdef object element(self, argument, str name, value, dtype):
        self.enter_scope()
        if argument.is_ref:
            return convert_to_tensor(value, None, name, None, None, True)
        try:
            return convert_to_tensor(value, dtype, name, argument.preferred)
        except (TypeError, ValueError) as error:
            if dtype is None:
                raise
            raise TypeError(
                f"Tensors in list passed to '{argument.name}' of '{self.op_def.name}' Op have types that do not "
                f"all match {dtype.name}: {error}"
            ) from None

    cdef object list_type(self, argument, list tensors, dtype):
        attr = argument.type_attr
        if dtype is None and tensors:
            dtype = tensors[0].dtype.base_dtype
        if dtype is None:
            dtype = self.attrs.get(attr)
        if attr not in self.told and attr not in self.given:
            if argument.allowed is not None and dtype not in argument.allowed:
                self.refuse_type(argument, dtype)
            self.attrs[attr] = dtype
            self.told[attr] = argument
        return dtype

    cdef object number(self, argument, Py_ssize_t count):
        earlier = self.told.setdefault(argument.number_attr, (argument, count))
        if earlier[1] != count:
            raise ValueError(
                f"List argument '{argument.name}' to '{self.op_def.name}' Op with length {count} must match "
                f"length {earlier[1]} of argument '{earlier[0].name}'."
            )
        return count

    cdef int refuse_list(self, argument, list tensors, dtype) except -1:
        found = ", ".join([t.dtype.base_dtype.name for t in tensors])
        raise TypeError(
            f"Tensors in list passed to '{argument.name}' of '{self.op_def.name}' Op have types [{found}] that "
            f"don't all match{'' if dtype is None else ' ' + dtype.name}."
        )

    cdef list mixed_list(self, argument, values):
        cdef list tensors = [], found = []
        cdef Py_ssize_t i = 0
        attr = argument.type_list_attr
        given = self.attrs.get(attr) if attr in self.given else None
        if given and len(given) != len(values):
            raise ValueError(
                f"List argument '{argument.name}' to '{self.op_def.name}' Op with length {len(values)} must match the {len(given)} "
                f"types of attribute '{attr}'."
            )
        for value in values:
            if type(value) is not tensor_type:
                self.enter_scope()
                value = convert_to_tensor(value, given[i] if given else None, f"{argument.name}_{i}")
            tensors.append(value)
            found.append((<TensorFields?>value).dtype.base_dtype)
            i += 1
        for dtype in found:
            if argument.allowed is not None and dtype not in argument.allowed:
                self.refuse_type(argument, dtype)
        self.attrs[attr] = found
        return tensors


cdef object type_among(values):
    """The type of the first of values that is a tensor or a variable, or None."""
    for value in values:
        if type(value) is tensor_type:
            return (<TensorFields>value).dtype.base_dtype
        if isinstance(value, tensor_type) or hasattr(value, "_as_graph_element"):
            return value.dtype.base_dtype
    return None


def constant_node(op_def, array, dtype, name):
    """The output of a node that holds an array, in the default graph.

    Args:
      op_def: the definition of such nodes.
      array: it is the graph's from now on.
      dtype: its type.
      name: the node's name.
    """
    cdef GraphFields graph = the_default_graph.get()
    cdef OperationFields op = graph._add_node(op_def, [], {"value": array, "dtype": dtype}, graph.name_of(name), (dtype,))
    return (<list>op.outputs)[0]
