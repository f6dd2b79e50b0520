# Building a graph: what every op that is added costs. `graph/` inherits from the classes here and has all that is rare;
# `ops/build.py` turns into tensors what is none. Nothing here runs Python code between reading a table and writing it, so
# under the interpreter's lock several threads may build one graph without a lock of its own.

cdef extern from *:
    """
    #include <structmember.h>

    #include <frameobject.h>  /* PyFrame_GetBack of Python 3.10 */

    static uint64_t hl_this_thread(void) { return PyThreadState_GetID(PyThreadState_Get()); }

    #define hl_new(type, arguments) (((PyTypeObject *)(type))->tp_new((PyTypeObject *)(type), arguments, NULL))

    static PyObject *hl_innermost_frame(void) {
        PyObject *frame = (PyObject *)PyEval_GetFrame();
        Py_XINCREF(frame);
        return frame;
    }

    /* The frame that called one, which is let go. */
    static PyObject *hl_calling_frame(PyObject *frame) {
        PyObject *caller = (PyObject *)PyFrame_GetBack((PyFrameObject *)frame);
        Py_DECREF(frame);
        return caller;
    }

    #define hl_code_of_frame(frame) ((PyObject *)PyFrame_GetCode((PyFrameObject *)(frame)))

    /* Makes a field of a compiled class an attribute as `__slots__` does: Python reads those without a call. They cannot be
     * deleted, as compiled code reads them where they lie; what can be set is set by the class's `__setattr__`. */
    static int hl_add_slot(PyObject *type, const char *name, Py_ssize_t offset) {
        PyMemberDef *member = (PyMemberDef *)PyMem_Calloc(1, sizeof(PyMemberDef)); /* for as long as the class */
        if (!member) return PyErr_NoMemory(), -1;
        *member = (PyMemberDef){name, T_OBJECT_EX, offset, READONLY, NULL};
        PyObject *descriptor = PyDescr_NewMember((PyTypeObject *)type, member);
        if (!descriptor) return -1;
        int status = PyDict_SetItemString(((PyTypeObject *)type)->tp_dict, name, descriptor);
        Py_DECREF(descriptor);
        PyType_Modified((PyTypeObject *)type);
        return status;
    }

    /* The struct of a class is Cython's own. */
    #define HL_SLOT(of, class, field) hl_add_slot(of, #field, offsetof(struct __pyx_obj_8hookloop_5_core_##class, field))
    #define HL_TENSOR_SLOT(of, field) HL_SLOT(of, TensorFields, field)
    #define HL_OPERATION_SLOT(of, field) HL_SLOT(of, OperationFields, field)
    #define hl_add_tensor_slots(of) ( \
        HL_TENSOR_SLOT(of, op) || HL_TENSOR_SLOT(of, value_index) || \
        HL_TENSOR_SLOT(of, dtype) || HL_TENSOR_SLOT(of, graph) || \
        HL_TENSOR_SLOT(of, _shape) || HL_TENSOR_SLOT(of, _consumers) ? -1 : 0)
    #define hl_add_operation_slots(of) ( \
        HL_OPERATION_SLOT(of, type) || HL_OPERATION_SLOT(of, name) || \
        HL_OPERATION_SLOT(of, inputs) || HL_OPERATION_SLOT(of, outputs) || \
        HL_OPERATION_SLOT(of, graph) || HL_OPERATION_SLOT(of, op_def) || \
        HL_OPERATION_SLOT(of, _control_inputs) || HL_OPERATION_SLOT(of, _attrs) || \
        HL_OPERATION_SLOT(of, _id) || HL_OPERATION_SLOT(of, _control_flow_context) || \
        HL_OPERATION_SLOT(of, _device) || HL_OPERATION_SLOT(of, _user_code) || \
        HL_OPERATION_SLOT(of, _user_instruction) || HL_OPERATION_SLOT(of, _known_values) ? -1 : 0)
    """
    uint64_t hl_this_thread()  # a number that no other thread has or had
    object hl_new(object type, tuple arguments)  # an instance whose __init__ is not called
    PyObject *hl_innermost_frame()
    PyObject *hl_calling_frame(PyObject *frame)
    object hl_code_of_frame(PyObject *frame)
    int hl_add_tensor_slots(object type) except -1
    int hl_add_operation_slots(object type) except -1


# --- threads ---------------------------------------------------------------------------------------------------


cdef class PerThread:
    """A value for each thread, made by `make` when it is first asked for. Who asks again at once finds it without a look-up."""

    cdef object _values
    cdef object _make
    cdef object _last
    cdef uint64_t _last_thread

    def __init__(self, make):
        self._values = thread_local()
        self._make = make

    cdef object get(self):
        cdef uint64_t thread = hl_this_thread()
        if thread == self._last_thread:
            return self._last
        try:
            value = self._values.value
        except AttributeError:
            value = self._values.value = self._make()
        before = self._last  # released last: that may run code, and another thread
        self._last = value
        self._last_thread = thread
        return value


cdef class DefaultGraph:
    """The graph to which a thread's ops are added: the innermost of its stack, or the ground under all stacks.

    Attributes:
      ground: the process's own graph, or None until it is needed.
    """

    cdef PerThread _stacks
    cdef object _make_ground
    cdef public object ground

    def __cinit__(self):
        self._stacks = PerThread(list)

    def connect(self, stack_of_thread, make_ground):
        """Says where a thread's stack comes from (a function that gives its list), and the ground."""
        self._stacks = PerThread(stack_of_thread)
        self._make_ground = make_ground

    def get(self):
        """The graph to which this thread's ops are added."""
        cdef list stack = <list>self._stacks.get()
        cdef Py_ssize_t depth = len(stack)
        if depth:
            return stack[depth - 1]
        return self._make_ground() if self.ground is None else self.ground


cdef DefaultGraph the_default_graph = DefaultGraph()
default_graph = the_default_graph


# --- names -----------------------------------------------------------------------------------------------------


cdef bint is_scope_name(str name, bint nested):
    """Whether a name has only characters that names of nodes may have."""
    cdef Py_UCS4 c
    cdef bint first = True
    for c in name:
        if not (c'a' <= c <= c'z' or c'A' <= c <= c'Z' or c'0' <= c <= c'9' or c == c'.'):
            if (first and not nested) or not (c == c'_' or c == c'-' or c == c'/'):
                return False
        first = False
    return nested or not first


def check_scope_name(name, bint nested):
    """Refuses a name that is no scope name.

    Args:
      name: the name.
      nested: whether it stands in a scope: then it may start with "_", "-" and "/".

    Raises:
      ValueError: for characters that names of nodes cannot have.
    """
    if not isinstance(name, str):
        raise TypeError(f"name for name_scope must be a string, not {type(name).__name__}")
    if not is_scope_name(name if type(name) is str else str(name), nested):
        raise ValueError(f"'{name}' is not a valid scope name")


@cython.nonecheck(True)
cdef class GraphNameScope:
    """`graph.name_scope(name)`: entering it gives the scope's full name with a "/" at the end."""

    cdef GraphFields _graph
    cdef object _name
    cdef str _outer

    def __init__(self, GraphFields graph not None, name):
        self._graph = graph
        self._name = (<bytes>name).decode() if isinstance(name, bytes) else name

    cdef str enter(self):
        cdef ThreadState state = self._graph.state()
        self._outer = state.name_stack
        if not self._name:
            state.name_stack = ""
            return ""
        check_scope_name(self._name, bool(self._outer))
        state.name_stack = self._graph.name_of(self._name)
        return state.name_stack + "/"

    cdef int leave(self) except -1:
        self._graph.state().name_stack = self._outer
        return 0

    def __enter__(self):
        return self.enter()

    def __exit__(self, *_):
        self.leave()


@cython.nonecheck(True)
cdef class name_scope:
    """Puts the ops made inside under a common prefix of their names.

    Args:
      name: the scope; one that is in use gets "_1" and so on; with a "/" at the end the scope is entered
        again as it is; None or "" is the root.
      default_name: the scope where name is None.
      values: tensors; the graph that they belong to is made the default.
    """

    cdef object _name
    cdef object _default_name
    cdef object _values
    cdef GraphNameScope _scope
    cdef object _default

    def __init__(self, name, default_name=None, values=None):
        name = default_name if name is None else name
        self._name = (<bytes>name).decode() if isinstance(name, bytes) else name
        self._default_name = default_name
        self._values = values

    @property
    def name(self):
        return self._name

    def __enter__(self):
        if self._name is None and self._values is not None:
            raise ValueError(
                f"At least one of name ({self._name}) and default_name ({self._default_name}) must be provided."
            )
        default = the_default_graph.get()
        graph = default if self._values is None else graph_of(self._values)
        self._default = None
        if graph is not default:
            self._default = graph.as_default()
            self._default.__enter__()
        self._scope = GraphNameScope(graph, self._name)
        try:
            return self._scope.enter()
        except BaseException:
            if self._default is not None:
                self._default.__exit__(None, None, None)
            raise

    def __exit__(self, *error):
        self._scope.leave()
        if self._default is not None:
            self._default.__exit__(*error)
        return False


def graph_of(values):
    """The graph that the tensors among `values` belong to, else the default graph.

    Raises:
      ValueError: where they belong to several.
    """
    cdef GraphFields default = the_default_graph.get()
    if default._outer is not None:
        return default
    found = tensor_among(values, None)
    return default if found is None else found.graph


cdef object tensor_among(values, found):
    """The first of values, and of lists among them, that belongs to a graph; `found` where that is not None."""
    for value in values:
        if type(value) is tensor_type:
            graph = (<TensorFields>value).graph
        elif type(value) is int or type(value) is float or type(value) is str or value is None:
            continue
        elif isinstance(value, (list, tuple)):
            found = tensor_among(value, found)
            continue
        else:
            graph = getattr(value, "graph", None)
            if not isinstance(graph, GraphFields):  # a library's own tensors belong to graphs of its own
                continue
        if found is None:
            found = value
        elif graph is not found.graph:
            raise ValueError(f"{element_of(value)} must be from the same graph as {element_of(found)}.")
    return found


cdef object element_of(value):
    """The tensor that a variable stands for; anything else is itself."""
    convert = getattr(value, "_as_graph_element", None)
    return value if convert is None else convert()


# --- what runs before -------------------------------------------------------------------------------------------


@cython.nonecheck(True)
cdef class ControlDependencies:
    """`graph.control_dependencies(...)`: new ops inside run after `inputs`; where that is None, outer ones are cleared."""

    cdef readonly list inputs
    cdef GraphFields _graph
    cdef bint _new_stack
    cdef set _seen  # the ops made inside: what consumes one of them runs after the inputs anyway
    cdef list _outer_stack
    cdef object _outer_context

    def __init__(self, GraphFields graph not None, inputs):
        self._graph = graph
        self._new_stack = inputs is None
        self.inputs = inputs or []
        self._seen = set()

    def __enter__(self):
        cdef ThreadState state = self._graph.state()
        self._outer_stack, self._outer_context = state.control_stack, state.context
        if self._new_stack:
            state.control_stack = [self]
            state.context = None
        else:
            state.control_stack = [*self._outer_stack, self]

    def __exit__(self, *_):
        cdef ThreadState state = self._graph.state()
        state.control_stack = self._outer_stack
        if self._new_stack:
            state.context = self._outer_context


@cython.nonecheck(True)
cdef class ColocationScope:
    """`graph.colocate_with(op)`: new ops inside share a device with `op`, which is stronger than the devices of scopes around it.

    Args:
      graph: the graph.
      op: the op, or None.
      alone: whether the ops of outer scopes are forgotten.
      devices: the devices in force instead of those of scopes around it.
    """

    cdef GraphFields _graph
    cdef object _op
    cdef bint _alone
    cdef tuple _devices, _outer_ops, _outer_devices, _outer_asked

    def __init__(self, GraphFields graph not None, op, bint alone, tuple devices not None=()):
        self._graph = graph
        self._op = op
        self._alone = alone
        self._devices = devices

    def __enter__(self):
        cdef ThreadState state = self._graph.state()
        self._outer_ops, self._outer_devices = state.colocation_stack, state.device_stack
        self._outer_asked = state.devices_around
        if state.devices_around is None:
            state.devices_around = state.device_stack
        own = () if self._op is None else (self._op,)
        state.colocation_stack = own if self._alone or not self._outer_ops else self._outer_ops + own
        state.device_stack = self._devices
        state.refresh()

    def __exit__(self, *_):
        cdef ThreadState state = self._graph.state()
        state.colocation_stack, state.device_stack = self._outer_ops, self._outer_devices
        state.devices_around = self._outer_asked
        state.refresh()


@cython.nonecheck(True)
cdef class BesideScope:
    """New ops inside lie beside a node that is not there yet: the variable whose initial value they are, and itself.

    Args:
      graph: the graph.
      name: the name that the node will have.
    """

    cdef GraphFields _graph
    cdef list _groups
    cdef list _outer

    def __init__(self, GraphFields graph not None, str name not None):
        self._graph = graph
        self._groups = [b"loc:@" + name.encode()]

    def __enter__(self):
        cdef ThreadState state = self._graph.state()
        self._outer, state.beside = state.beside, self._groups

    def __exit__(self, *_):
        self._graph.state().beside = self._outer


cdef list groups_of(OperationFields op):
    """The names of the groups that an op shares a device with: those that it was told, or the one named after it."""
    cdef list own = op._attrs.get("_class")
    cdef list named
    if own is not None:
        for group in own:
            if not (<bytes?>group).startswith(b"loc:@"):
                named = [other for other in own if other.startswith(b"loc:@")]
                break
        else:
            named = own
        if named:
            return named
    return [b"loc:@" + (<str>op.name).encode()]


def colocation_groups(OperationFields op not None):
    """The names of the groups that an op shares a device with, as bytes "loc:@name"."""
    return list(groups_of(op))


cdef int lay_beside(OperationFields op, tuple others, tuple refs) except -1:
    """Puts a new op into the groups, and on the device, of others and of the variables that it refers to.

    Args:
      op: the new op.
      others: the ops of the scopes around it.
      refs: which of its inputs are references, or None. What refers to a variable is where that is, whatever scopes say.
    """
    cdef OperationFields other
    cdef list groups = None
    cdef bint several = False
    if refs is not None:
        op._device = ""
    for other in others:
        several = groups is not None
        groups = groups + groups_of(other) if several else groups_of(other)
        if other._device:
            op._device = other._device
    if refs is not None:
        for i in refs:
            if i >= len(op.inputs):  # an empty list of references
                continue
            other = (<TensorFields>(<list>op.inputs)[i]).op
            several = groups is not None
            groups = groups + groups_of(other) if several else groups_of(other)
            if other._device:
                op._device = other._device
    op._attrs["_class"] = sorted(set(groups)) if several else groups
    return 0


def control_inputs_for(list inputs, list controllers):
    """The operations that a new one with these inputs has to run after, as the controllers say."""
    cdef ControlDependencies controller
    cdef TensorFields tensor
    cdef set producers = None
    cdef dict found = {}
    for controller in controllers:
        if not controller.inputs:
            continue
        if producers is None:
            producers = set()
            for tensor in inputs:
                producers.add(tensor.op)
        if producers.isdisjoint(controller._seen):
            for op in controller.inputs:
                if op not in producers:
                    found[op] = None
    return list(found)


def note_made_inside(op, list controllers):
    """Has controllers know an operation as one of those made inside: what consumes it need not run after their inputs again."""
    for controller in controllers:
        (<ControlDependencies>controller)._seen.add(op)


# --- where the user's program stands ---------------------------------------------------------------------------

cdef str own_package = __name__.partition(".")[0]
cdef dict own_files = {}  # file of code -> whether it is the package's


cdef bint is_own(object frame, object code):
    """Whether a frame runs the package's code."""
    cdef str file = code.co_filename
    known = own_files.get(file)
    if known is None:
        name = frame.f_globals.get("__name__", "")
        known = name == own_package or name.startswith(own_package + ".")
        if not file.startswith("<"):  # generated code has no file of its own
            own_files[file] = known
    return known


cdef int note_user_frame(OperationFields op) except -1:
    """Notes the code and the instruction that called into the package."""
    cdef PyObject *frame = hl_innermost_frame()
    while frame != NULL:
        code = hl_code_of_frame(frame)
        if not is_own(<object>frame, code):
            op._user_code = code
            op._user_instruction = (<object>frame).f_lasti
            Py_XDECREF(frame)
            return 0
        frame = hl_calling_frame(frame)
    return 0


# --- nodes -----------------------------------------------------------------------------------------------------

cdef object tensor_type = None
cdef object operation_type = None


def node_types(operation, tensor):
    """Says of which classes nodes and their outputs are."""
    global operation_type, tensor_type
    operation_type, tensor_type = operation, tensor


@cython.auto_pickle(False)
cdef class TensorFields:
    """The fields of a `Tensor`."""

    cdef object op
    cdef object value_index
    cdef object dtype
    cdef object graph
    cdef object _shape
    cdef object _consumers

    def __setattr__(self, name, value):
        if name == "_shape":
            self._shape = value
        elif name == "_consumers":
            self._consumers = value
        else:
            PyObject_GenericSetAttr(self, name, value)


@cython.auto_pickle(False)
cdef class OperationFields:
    """The fields of an `Operation`."""

    cdef object type
    cdef object name
    cdef object inputs
    cdef object outputs
    cdef object graph
    cdef object op_def
    cdef object _control_inputs
    cdef object _attrs
    cdef object _id
    cdef object _control_flow_context
    cdef object _device
    cdef object _user_code
    cdef object _user_instruction
    cdef object _known_values  # of its outputs, once they are worked out: see ops/shape_context.py

    def __setattr__(self, name, value):
        if name == "_known_values":
            self._known_values = value
        elif name == "_control_inputs":
            self._control_inputs = value
        elif name == "_attrs":
            self._attrs = value
        elif name == "_device":
            self._device = value
        elif name == "_control_flow_context":
            self._control_flow_context = value
        else:
            PyObject_GenericSetAttr(self, name, value)


hl_add_tensor_slots(TensorFields)
hl_add_operation_slots(OperationFields)


cdef class ThreadState:
    """What is in force for the ops that one thread adds to one graph."""

    cdef public str name_stack
    cdef public list control_stack
    cdef public object context
    cdef public tuple device_stack
    cdef public tuple devices_around  # those of the scopes outside of all colocation, None where there is no colocation
    cdef public tuple colocation_stack
    cdef public tuple attribute_stack
    cdef public tuple gradient_overrides
    cdef public object container
    cdef list beside  # the groups of new ops that no scope of colocation and no reference gives any
    cdef bint decorated

    def __init__(self):
        self.name_stack = ""
        self.control_stack = []
        self.device_stack = self.colocation_stack = self.attribute_stack = self.gradient_overrides = ()
        self.container = ""

    def refresh(self):
        """Notes whether new ops need more than their name, inputs and attributes."""
        self.decorated = bool(
            self.device_stack or self.attribute_stack or self.gradient_overrides or self.container
        )


@cython.auto_pickle(False)
cdef class GraphFields:
    """The fields of a `Graph`, its names, and how a node is added to it."""

    cdef PerThread _states
    cdef public dict _operations
    cdef public dict _names_in_use
    cdef public Py_ssize_t _last_id
    cdef public Py_ssize_t _version
    cdef public bint _finalized
    cdef public object _outer

    def __cinit__(self):
        self._states = PerThread(ThreadState)
        self._operations = {}
        self._names_in_use = {}

    cdef ThreadState state(self):
        return <ThreadState>self._states.get()

    def _state(self):
        return self._states.get()

    def unique_name(self, name, bint mark_as_used=True):
        """A name in the current scope that no op or scope has: "x", then "x_1", "x_2" and so on."""
        cdef str scope = self.state().name_stack
        cdef str key, base
        cdef dict names = self._names_in_use
        cdef Py_ssize_t count
        name = f"{scope}/{name}" if scope else str(name)
        key = name.lower()  # names differ in more than case, as they become files of checkpoints
        found = names.get(key)
        if found is None:
            if mark_as_used:
                names[key] = 1
            return name
        count = found
        base = key
        if mark_as_used:
            names[key] = count + 1
        while key in names:
            key = f"{base}_{count}"
            count += 1
        if mark_as_used:
            names[key] = 1
        return f"{name}_{count - 1}"

    cdef str name_of(self, name):
        """The name of a new node or scope: one with a "/" at the end is taken as it is, another one made unique."""
        if isinstance(name, bytes):
            name = (<bytes>name).decode()
        if isinstance(name, str) and name.endswith("/"):
            return str(name.removesuffix("/"))
        if isinstance(name, str) and not name:
            raise ValueError("'' is not a valid node name")
        check_scope_name(name, bool(self.state().name_stack))
        return self.unique_name(name)

    def _node_name(self, name):
        return self.name_of(name)

    def _add_node(
        self, op_def, list inputs not None, dict attrs not None, str name not None, dtypes, tuple refs=None
    ):
        """Adds a node whose unique name, attributes and output types are known: the one place that does.

        Args:
          refs: which inputs are references to variables beside which it lies, or None.
        """
        if self._finalized:
            raise RuntimeError("Graph is finalized and cannot be modified.")
        cdef ThreadState state = self.state()
        cdef OperationFields op = <OperationFields>hl_new(operation_type, ())
        cdef TensorFields tensor
        cdef list outputs = []
        cdef Py_ssize_t i = 0
        op.type = op_def.name
        op.name = name
        op.graph = self
        op.op_def = op_def
        op.inputs = inputs
        op._attrs = attrs
        op._device = ""
        op._user_instruction = -1
        op._control_flow_context = state.context
        op._control_inputs = control_inputs_for(inputs, state.control_stack) if state.control_stack else []
        op.outputs = outputs
        note_user_frame(op)
        for dtype in dtypes:
            tensor = <TensorFields>hl_new(tensor_type, ())
            tensor.op, tensor.graph, tensor.dtype, tensor.value_index = op, self, dtype, i
            tensor._consumers = []
            outputs.append(tensor)
            i += 1
        infer_shapes(op, outputs)
        for tensor in inputs:
            context = (<OperationFields>tensor.op)._control_flow_context
            if context is not None and context is not state.context:
                context.check_use(op, tensor.op)
        self.register(op)
        for tensor in inputs:
            (<list?>tensor._consumers).append(op)
        if state.beside is not None and "_class" not in attrs:
            attrs["_class"] = state.beside
        if state.decorated:
            self._decorate(op, state, refs is not None)
        if refs is not None or state.colocation_stack:
            lay_beside(op, state.colocation_stack, refs)
        if state.context is not None:
            state.context.AddOp(op)
        for controller in state.control_stack:
            (<ControlDependencies>controller)._seen.add(op)
        return op

    cdef int register(self, OperationFields op) except -1:
        if op.name in self._operations:
            raise ValueError(f"Duplicate node name in graph: '{op.name}'")
        op._id = self._last_id
        self._last_id += 1
        self._version += 1
        self._operations[op.name] = op
        return 0


def add_plain_node(op_def, signature, values, given, dict attrs not None, name):
    """Adds a node where all inputs are tensors of one graph whose types fit; where not, does nothing and returns None.

    Args:
      op_def: the definition.
      signature: the definition's `Signature`.
      values: the inputs.
      given: the attributes that the caller gives, or None.
      attrs: all attributes; types are put in.
      name: the node's name.
    """
    cdef GraphFields graph = the_default_graph.get()
    cdef list plain = signature.plain
    cdef Py_ssize_t n
    if plain is None or graph._outer is not None:
        return None
    n = len(plain)
    if len(values) != n:
        return None
    if n:
        if type(values[0]) is not tensor_type:
            return None
        graph = (<TensorFields>values[0]).graph
        if not types_fit(plain, values, graph, given, attrs):
            return None
    name = graph.name_of(name)
    return graph._add_node(op_def, list(values), attrs, name, output_types(signature, attrs), signature.refs)


cdef object output_types(signature, dict attrs):
    """The types of a node's outputs."""
    if not signature.single:
        return signature.output_dtypes(attrs)
    output = (<list>signature.outputs)[0]
    dtype = output.dtype
    if dtype is None:
        dtype = attrs[output.type_attr]
    return (dtype._ref,) if output.is_ref else (dtype,)


cdef bint types_fit(list plain, values, graph, given, dict attrs) except -1:
    """Whether all values are tensors of a graph whose types are what a signature wants; notes the types that they tell."""
    cdef Py_ssize_t i
    cdef TensorFields tensor
    cdef tuple told = ()
    for i in range(len(plain)):
        value = values[i]
        if type(value) is not tensor_type:
            return False
        tensor = <TensorFields>value
        if tensor.graph is not graph:
            return False
        wanted, attr, allowed, is_ref = <tuple>plain[i]
        dtype = tensor.dtype
        if is_ref and not dtype._is_ref_dtype:
            return False
        base = dtype.base_dtype
        if wanted is None:
            if attr in told or (given is not None and attr in given):
                wanted = attrs.get(attr)
        if wanted is None:
            if allowed is not None and not is_among(base, <tuple>allowed):
                return False
            told += (attr,)
            attrs[attr] = base
        elif wanted is not base:
            return False
        elif allowed is not None and attr not in told and not is_among(base, <tuple>allowed):
            return False
    return True


cdef bint is_among(object one, tuple objects):
    for other in objects:
        if other is one:
            return True
    return False
