"""The contexts of control flow: which branch or loop an op is made in, and what it needs from outside.

A value from outside enters a branch through a Switch and a loop through an Enter, made once for each
value. In the backward pass a branch or loop also wants values of the forward pass: those of a branch come
out through a Merge, those of a loop on a stack.
"""

from __future__ import annotations

from contextlib import nullcontext

from .._core import control_inputs_for, note_made_inside
from ..graph.scopes import control_dependencies
from ..graph.stack import get_default_graph
from .build import apply_op, constant, convert_to_tensor
from .control_flow_nodes import (
    enter,
    exit_frame,
    is_exit,
    is_loop_constant_enter,
    merge,
    next_iteration,
    output_context,
    pop,
    push,
    switch_ref_or_tensor,
)
from .core import identity, with_dependencies

__all__ = []


_OF_THE_GRAPH = object()


class ControlFlowContext:
    """What branches and loops share: the values that are known inside, and those that came from outside.

    Args:
      outer_context: the context around; by default the one that the graph is in.
    """

    def __init__(self, outer_context=_OF_THE_GRAPH):
        if outer_context is _OF_THE_GRAPH:
            outer_context = get_default_graph()._get_control_flow_context()
        self._outer_context = outer_context
        self._values = set()
        self._unlisted = set()  # values that TensorFlow's context does not list
        self._external_values = {}
        self._stack = []
        self._name = ""
        self._nested_contexts = []
        if outer_context is not None:
            outer_context._nested_contexts.append(self)

    @property
    def name(self):
        return self._name

    @property
    def outer_context(self):
        return self._outer_context

    @property
    def grad_state(self):
        return None

    @property
    def back_prop(self):
        return True

    def IsCondContext(self):
        return False

    def IsWhileContext(self):
        return False

    def Enter(self):
        """Makes this the context of the ops that follow."""
        graph = get_default_graph()
        self._stack.append(graph._get_control_flow_context())
        graph._set_control_flow_context(self)

    def Exit(self):
        get_default_graph()._set_control_flow_context(self._stack.pop())

    def ExitResult(self, result):
        """Makes results known to the contexts around."""
        outer = self._outer_context
        if outer is None:
            return
        outer._unlisted.difference_update(result)
        outer._values.update(result)
        for further in outer._chain():
            further._unlisted.update(tensor for tensor in result if tensor not in further._values)
            further._values.update(result)

    def GetWhileContext(self):
        """The innermost loop around, this one included."""
        return self._outer_context.GetWhileContext() if self._outer_context is not None else None

    def GetControlPivot(self):
        return None

    def AddInnerOp(self, op):
        """Called for the ops of contexts inside this one."""
        if self._outer_context is not None:
            self._outer_context.AddInnerOp(op)

    def check_use(self, op, source):
        """Refuses an op outside of this context, or in another one, that takes what an op of a loop here gives.

        Raises:
          ValueError: `source` stands in a loop around which `op` does not stand.
        """
        context = output_context(source)
        loop = None if context is None else context.GetWhileContext()
        own = None if op._control_flow_context is None else op._control_flow_context.GetWhileContext()
        if loop is None or loop is own or is_exit(source):
            return
        around = own
        while around is not None:
            # what a loop's gradient takes from the forward loop comes from a stack
            if around is loop or around._forward is not None or loop._forward is not None:
                return
            around = around.outer_context and around.outer_context.GetWhileContext()
        if own is None and (loop._forward is not None or op.type in ("Enter", "RefEnter", "Switch", "RefSwitch")):
            return
        reason = "they are in different while loops" if own is not None else f"'{source.name}' is in a while loop"
        raise ValueError(f"Cannot use '{source.name}' as input to '{op.name}' because {reason}.")

    @staticmethod
    def _prevent_feeding(op):
        for tensor in op.outputs:
            op.graph.prevent_feeding(tensor)

    def _chain(self):
        context = self
        while context is not None:
            yield context
            context = context._outer_context

    def _remove_external_control_edges(self, op):
        """Drops the control inputs that come from outside the loop around; gives both kinds."""
        if not op._control_inputs:
            return [], []
        loop = self.GetWhileContext()
        internal, external = [], []
        for control in op.control_inputs:
            context = output_context(control)
            inside = loop is None or (context is not None and context.GetWhileContext() is loop)
            (internal if inside else external).append(control)
        if external:
            op._remove_all_control_inputs()
            op._add_control_inputs(internal)
        return internal, external

    def _takes_back_from(self, branch):
        """Whether values of a branch of the forward pass come to this context from stacks."""
        return False

    def _add_inputs(self, op):
        """Brings the op's inputs into this context, under the op's name."""
        graph = op.graph
        scope = None
        for index, tensor in enumerate(list(op.inputs)):
            if tensor in self._values and tensor not in self._external_values:
                continue
            if scope is None:
                scope = graph.name_scope(op.name + "/")
                scope.__enter__()
            real = self.AddValue(tensor)
            if real is not tensor:
                op._update_input(index, real)
        if scope is not None:
            scope.__exit__(None, None, None)

    def _foreign(self, value):
        """The value itself, or what stands for it outside the branch of the forward pass where it is."""
        context = output_context(value.op)
        chain = list(self._chain())
        while context is not None and context not in chain and context.IsCondContext():
            if value not in context._captured and any(c._takes_back_from(context) for c in chain):
                break  # one of the contexts around takes it from a stack
            value = context.export(value)
            context = output_context(value.op)
        return value


class CondContext(ControlFlowContext):
    """One branch of a conditional.

    Args:
      pred: the predicate.
      pivot: a tensor that is there only in this branch.
      branch: 1 for the true branch, 0 for the false.
      name: of the context.

    Attributes:
      conditional: what both branches of a conditional have in common, and no other conditional.
    """

    def __init__(self, pred, pivot, branch, name="cond_text", outer_context=_OF_THE_GRAPH):
        super().__init__(outer_context)
        self._name = get_default_graph().unique_name(name) if outer_context is _OF_THE_GRAPH else name
        self._pred = pred
        self._predicates = {pred}
        self._beginning = set()  # Switches in this branch that begin conditionals in it, also on the same predicate
        self._pivot = pivot
        self._branch = branch
        self.conditional = pred
        self._values.add(pred)
        self._values.add(pivot)
        self._captured = {}  # Switch tensor -> the outer tensor
        self._merges = []  # the conditional's results
        self._exported = {}  # a value of this branch -> itself outside
        self._twin = None  # the other branch's context
        self._forward_branch = None  # the branch whose gradient this one computes

    @classmethod
    def recovered(cls, outer_context, pred, pivot, branch, conditional):
        """A branch that was found from its nodes (recovered_contexts.py)."""
        scope = pivot.op.name.rpartition("/")[0]
        name = "cond_text" if branch else "cond_text_1"
        context = cls(pred, pivot, branch, f"{scope}/{name}" if scope else name, outer_context)
        context.conditional = conditional
        return context

    def to_proto(self, export_scope=None):
        """The context as a `CondContextDef`; None where it is not in the scope."""
        from .context_defs import cond_to_proto

        return cond_to_proto(self, export_scope)

    @staticmethod
    def from_proto(context_def, import_scope=None):
        """The context of imported nodes that a `CondContextDef` is of."""
        from .context_defs import from_proto

        return from_proto(context_def, import_scope)

    pred = property(lambda self: self._pred)
    pivot = property(lambda self: self._pivot)
    branch = property(lambda self: self._branch)

    def brings_in(self, switch):
        """Whether a Switch is one of this conditional's: else it begins a conditional within the branch."""
        return switch.inputs[1] in self._predicates and switch not in self._beginning

    def IsCondContext(self):
        return True

    def GetControlPivot(self):
        return self._pivot

    def AddValue(self, value):
        """A value as it is in this branch: itself where it was made here, else through a Switch."""
        if value in self._values:
            return self._external_values.get(value, value)
        branch = output_context(value.op)
        if branch is not None and self._takes_back_from(branch) and value not in branch._captured:
            result = self.GetWhileContext()._from_forward(value, self)
            self._values.add(value)
            self._external_values[value] = result
            return result
        given = value
        value = self._foreign(value)
        result = value
        if self._outer_context is not None:
            result = self._outer_context.AddValue(value)
            self._values.add(result)
            self._external_values[result] = result
        result = self._switch(result)
        for outside in (given, value):
            self._values.add(outside)
            self._external_values[outside] = result
        return result

    def _takes_back_from(self, branch):
        if branch is not self._forward_branch:
            return False
        loop = self.GetWhileContext()
        return loop is not None and loop._forward is not None and loop._forward is branch.GetWhileContext()

    def _switch(self, value):
        with control_dependencies(None):
            result = switch_ref_or_tensor(value, self._pred)[self._branch]
        result.op._set_control_flow_context(self)
        self._captured[result] = value
        if self._outer_context is not None:
            self._outer_context.AddInnerOp(result.op)
        for context in self._chain():
            context._values.add(result)
        return result

    def AddOp(self, op):
        if op.inputs:
            self._add_inputs(op)
            self._remove_external_control_edges(op)
        else:
            self._remove_external_control_edges(op)
            if not any(_in_context(control, self) for control in op._control_inputs):
                op._add_control_input(self._pivot.op)
        op.graph.prevent_fetching(op)
        if self.GetWhileContext() is not None:
            self._prevent_feeding(op)
        for context in self._chain():
            context._values.update(op.outputs)
        if self._outer_context is not None:
            self._outer_context.AddInnerOp(op)

    def result_of(self, value):
        """A branch's result as a tensor of this branch."""
        if not hasattr(value, "dtype") and hasattr(value, "control_inputs"):
            return with_dependencies([value], self._pivot)
        tensor = convert_to_tensor(value)
        if tensor in self._values:
            return self._external_values.get(tensor, tensor)
        outer = self._foreign(tensor)
        if self._outer_context is not None:
            outer = self._outer_context.AddValue(outer)
            self._values.add(outer)
            self._external_values[outer] = outer
        self._values.add(tensor)
        self._values.add(outer)
        result = switch_ref_or_tensor(outer, self._pred)[self._branch]
        self._captured[result] = outer
        self._external_values[tensor] = result
        return result

    def export(self, value):
        """A value of this branch outside it: there only where the branch was taken."""
        if value in self._captured:
            return self._captured[value]
        if value in self._exported:
            return self._exported[value]
        graph = get_default_graph()
        with graph.name_scope(value.op.name + "/export/"), control_dependencies(None):
            graph._set_control_flow_context(self._outer_context)
            if value.op.type == "Const":
                merged = constant(value.op._attrs["value"], dtype=value.dtype)
            else:
                merged = merge([value], (self,))[0]
        self.ExitResult([merged])
        self._exported[value] = merged
        return merged


class WhileContext(ControlFlowContext):
    """A loop.

    Args:
      parallel_iterations: accepted; iterations run one after the other.
      back_prop: whether gradients flow through it.
      swap_memory: accepted.
      name: of the scope, and of its frame.
      forward: the loop whose gradient this loop computes, or None.
    """

    def __init__(self, maximum_iterations=None, parallel_iterations=10, back_prop=True, swap_memory=False,
                 name="while_context", forward=None, outer_context=_OF_THE_GRAPH):  # fmt: skip
        super().__init__(outer_context)
        self._name = get_default_graph().unique_name(name) if outer_context is _OF_THE_GRAPH else name
        self._maximum_iterations = maximum_iterations
        self._parallel_iterations = parallel_iterations
        self._back_prop = back_prop
        self._swap_memory = swap_memory
        self._forward = forward
        self._pivot_for_pred = None
        self._pivot_for_body = None
        self._pivot = None
        self._loop_enters, self._loop_exits = [], []
        self._variables = []  # (Enter, Merge, Switch, NextIteration, Exit) tensors of each loop variable
        self._invariants = {}  # constant Enter tensor -> the outer tensor
        self._count = None  # (forward) how often the body ran
        self._counting = None  # (forward) the op that counts
        self._counted = None  # the NextIteration of a count
        self._sync = None
        self._unordered = []  # (op, context) of ops with stacks, while there is no count

    maximum_iterations = property(lambda self: self._maximum_iterations)
    parallel_iterations = property(lambda self: self._parallel_iterations)
    back_prop = property(lambda self: self._back_prop)
    swap_memory = property(lambda self: self._swap_memory)
    pivot = property(lambda self: self._pivot)
    loop_enters = property(lambda self: self._loop_enters)
    loop_exits = property(lambda self: self._loop_exits)

    @classmethod
    def recovered(cls, outer_context, operations):
        """A loop that was found from its nodes (recovered_contexts.py)."""
        enters = [op for op in operations if op.type in ("Enter", "RefEnter")]
        attrs = enters[0]._attrs
        context = cls(parallel_iterations=attrs["parallel_iterations"], name=attrs["frame_name"].decode(),
                      outer_context=outer_context)  # fmt: skip
        for op in enters:
            if is_loop_constant_enter(op):
                context._invariants[op.outputs[0]] = op.inputs[0]
                context._external_values[op.inputs[0]] = op.outputs[0]
            else:
                context._loop_enters.append(op.outputs[0])
        for op in operations:
            if op.type in ("Merge", "RefMerge") and op.inputs[0] in context._loop_enters:
                context._find_variable(op)
            elif op.type == "LoopCond":
                context._pivot = op.outputs[0]
        return context

    def _find_variable(self, merge):
        """Notes a loop variable, from its Merge on."""
        switch = next((op for op in merge.outputs[0]._consumers if op.type in ("Switch", "RefSwitch")), None)
        if self._pivot_for_pred is None:
            self._pivot_for_pred = merge.outputs[0]
        after = None
        if switch is not None:
            after = next((op.outputs[0] for op in switch.outputs[0]._consumers if is_exit(op)), None)
            if self._pivot_for_body is None:
                inside = next((op for op in switch.outputs[1]._consumers if op.type == "Identity"), switch)
                self._pivot_for_body = inside.outputs[-1]
        if after is not None:
            self._loop_exits.append(after)
        switched = None if switch is None else tuple(switch.outputs)
        self._variables.append((merge.inputs[0], merge.outputs[0], switched, merge.inputs[1], after))

    def to_proto(self, export_scope=None):
        """The context as a `WhileContextDef`; None where it is not in the scope."""
        from .context_defs import while_to_proto

        return while_to_proto(self, export_scope)

    @staticmethod
    def from_proto(context_def, import_scope=None):
        """The context of imported nodes that a `WhileContextDef` is of."""
        from .context_defs import from_proto

        return from_proto(context_def, import_scope)

    def IsWhileContext(self):
        return True

    def GetWhileContext(self):
        return self

    def GetControlPivot(self):
        return self._pivot_for_body if self._pivot_for_body is not None else self._pivot_for_pred

    # --- values from outside --------------------------------------------------------------------------------

    def AddValue(self, value):
        """A value as it is in this loop: itself where it was made here, else through an Enter."""
        if value in self._values:
            return self._external_values.get(value, value)
        context = output_context(value.op)
        if context is self:
            return value
        if self._forward is not None and context is self._forward:
            result = self._from_forward(value)
            self._values.add(value)
            self._external_values[value] = result
            return result
        given = value
        value = self._foreign(value)
        if value is not given:
            result = self.AddValue(value)
            self._values.add(given)
            self._external_values[given] = result
            return result
        self._values.add(value)
        outer = self._outer_context.AddValue(value) if self._outer_context is not None else value
        with control_dependencies(None):
            result = enter(outer, self._name, True, self._parallel_iterations)
            if self._outer_context is not None:
                self._outer_context.AddInnerOp(result.op)
        self._adopt([result])
        self._values.add(result)
        self._external_values[value] = result
        self._invariants[result] = outer
        return result

    def _from_forward(self, value, branch=None):
        """A value of the forward loop in this, its backward loop, or in a branch of it."""
        op = value.op
        if is_loop_constant_enter(op):
            return (branch or self).AddValue(op.inputs[0])
        if op.type == "Merge" and len(op.inputs) == 1 and getattr(op, "_cond_contexts", None):
            return self._from_branch(op, branch or self)
        context = branch or self
        handle = (
            self._forward.save(value) if op.type != "Const" else None
        )  # one stack for each who takes: it goes down with each taking
        graph = get_default_graph()
        with graph.name_scope(op.name + "/saved/"), control_dependencies(None):
            graph._set_control_flow_context(context)
            with graph.control_dependencies([context.GetControlPivot().op]):
                if handle is None:
                    return constant(op._attrs["value"], dtype=value.dtype)
                popped = pop(handle, value.dtype.base_dtype, value.get_shape())
        self._order(popped.op, context)
        return popped

    def _from_branch(self, exported, context):
        """A value of a forward branch that was used outside of it: it is there, and is taken from its stack, where the branch was taken."""
        from .conditional import make_branches

        (forward,) = exported._cond_contexts
        graph = get_default_graph()
        with graph.name_scope(exported.name + "/saved/"), control_dependencies(None):
            graph._set_control_flow_context(context)
            taken, other = make_branches(forward.pred)
            if forward.branch == 0:
                taken, other = other, taken
            taken._forward_branch, other._forward_branch = forward, forward._twin
            return taken.export(taken.AddValue(exported.inputs[0]))

    def save(self, value):
        """Keeps a value of each iteration, or of each that takes the value's branch, on a stack; gives the stack."""
        graph = get_default_graph()
        current = graph._get_control_flow_context()
        context = output_context(value.op)
        with graph.name_scope(value.op.name + "/saved/"):
            with control_dependencies(None):
                size = constant(-1, name="max_size")
                handle = apply_op("StackV2", [size], {"elem_type": value.dtype.base_dtype})
                graph._set_control_flow_context(context)
                pushed = push(handle, value)
            graph._set_control_flow_context(current)
        self._order(pushed.op, context)
        return handle

    def _order(self, op, context):
        """Orders what an iteration does with a stack before what the next one does.

        Iterations run one after the other here, but not everywhere that a graph is taken to.
        """
        if self._counted is None:
            self._unordered.append((op, context))
            return
        if self._forward is None:
            op._add_control_input(self._counting)
        if context is not self:
            self._sync_of_branches()._add_control_input(op)
        else:
            self._counted._add_control_input(op)

    def _sync_of_branches(self):
        """What the next iteration waits for where some of it may not run."""
        if self._sync is None:
            graph = get_default_graph()
            current = graph._get_control_flow_context()
            with graph.name_scope(self._name + "/"), control_dependencies(None):
                graph._set_control_flow_context(self)
                self._sync = apply_op("ControlTrigger", [], name="sync")
                graph._set_control_flow_context(current)
            self._counted._add_control_input(self._sync)
        return self._sync

    def order_by(self, variable):
        """Says which loop variable counts a backward loop's iterations, once the loop is built; its value after the loop
        is there when all stacks have been used, which a loop around waits for."""
        self._counted, after = variable[3].op, variable[4].op
        for op, context in self._unordered:
            self._order(op, context)
        self._unordered.clear()
        outer = self._outer_context.GetWhileContext() if self._outer_context is not None else None
        if outer is not None and outer._forward is not None:
            outer._order(after, self._outer_context)

    # --- ops --------------------------------------------------------------------------------------------------

    def AddOp(self, op):
        if (
            self._forward is not None
            and op.type in ("Shape", "Size", "Rank")
            and (output_context(op.inputs[0].op) is self._forward)
        ):
            # the size of a saved value is saved, not the value
            op._set_control_flow_context(self._forward)
            self._forward.AddOp(op)
            return
        if op.inputs:
            self._add_inputs(op)
            _, external = self._remove_external_control_edges(op)
            if self._is_free(op):
                op._add_control_input(self.GetControlPivot().op)
        else:
            internal, external = self._remove_external_control_edges(op)
            if not internal and self.GetControlPivot() is not None:
                op._add_control_input(self.GetControlPivot().op)
        self._values.update(op.outputs)
        if self._outer_context is not None or not is_exit(op):
            op.graph.prevent_fetching(op)
            self._prevent_feeding(op)
        if external:
            self._wait_for(op, external)
        if self._outer_context is not None:
            self._outer_context.AddInnerOp(op)

    @staticmethod
    def _is_free(op):
        """Whether nothing but invariants tells the op that the loop runs."""
        return not op._control_inputs and all(is_loop_constant_enter(t.op) for t in op.inputs)

    def _wait_for(self, op, external):
        """Control inputs from outside the loop become identities of what they give, under the op's name: constants have no scope."""
        scope = nullcontext() if op.type == "Const" else op.graph.name_scope(op.name + "/")
        with control_dependencies(None), scope:
            self.Enter()
            waited = [identity(control.outputs[0]).op for control in external if control.outputs]
            self.Exit()
        op._add_control_inputs(waited)

    def _adopt(self, enters):
        """Puts Enter nodes into this context, with the control inputs of the contexts around."""
        graph = get_default_graph()
        outer_loop = self._outer_context.GetWhileContext() if self._outer_context is not None else None
        for tensor in enters:
            controls = control_inputs_for([tensor.op.inputs[0]], graph._state().control_stack)
            kept = [control for control in controls if self._keeps(control, outer_loop)]
            tensor.op._set_control_flow_context(self)
            tensor.op._add_control_inputs(kept)
            note_made_inside(tensor.op, graph._state().control_stack)
            self._prevent_feeding(tensor.op)

    def _keeps(self, control, outer_loop):
        context, outer = output_context(control), self._outer_context
        while outer is not context:
            if outer is None or outer is outer_loop:
                return False
            outer = outer.outer_context
        return True

    # --- building ---------------------------------------------------------------------------------------------

    def begin_variables(self, tensors, invariants=None):
        """Enter and Merge nodes of loop variables; gives what the condition sees.

        Args:
          tensors: the initial values.
          invariants: a static shape for each, or None for the initial values' own.
        """
        real = tensors
        if self._outer_context is not None:
            real = [self._outer_context.AddValue(t) for t in tensors]
        with control_dependencies(None):
            enters = []
            for i, tensor in enumerate(real):
                entered = enter(tensor, self._name, False, self._parallel_iterations)
                if invariants is not None:
                    entered._shape = None
                    entered.set_shape(invariants[i])
                enters.append(entered)
                if self._outer_context is not None:
                    self._outer_context.AddInnerOp(entered.op)
        self._adopt(enters)
        self._values.update(enters)
        self._loop_enters = self._loop_enters + enters
        return [merge([t, t], None)[0] for t in enters]

    def wait_for_outer_loop(self, merged):
        """Makes loop variables that begin as what an outer loop does not change wait for that loop's iteration."""
        outer, pivot = self._outer_context, None
        while outer is not None and pivot is None:
            outer, pivot = outer.outer_context, outer.GetControlPivot()
        for tensor in merged if pivot is not None else ():
            entered = tensor.op.inputs[0].op
            if is_loop_constant_enter(entered.inputs[0].op):
                entered._add_control_input(pivot.op)

    def split(self, merged):
        """(value after the loop, value in the body) of a loop variable, once LoopCond is there."""
        return switch_ref_or_tensor(merged, self._pivot)

    def end_variable(self, merged, switched, result):
        """The back edge of a loop variable, and its value after the loop."""
        following = next_iteration(result)
        merged.op._update_input(1, following)
        return following

    def finish_variable(self, merged, switched, following):
        after = exit_frame(switched[0])
        self._loop_exits.append(after)
        self._variables.append((merged.op.inputs[0], merged, switched, following, after))
        return after

    def add_variable(self, initial, step, invariant=None):
        """Adds a loop variable to a loop that is built.

        Args:
          initial: its first value, outside.
          step: a function of the value in the body that gives the next.
          invariant: its static shape.

        Returns:
          Its value after the loop.
        """
        graph = get_default_graph()
        current = graph._get_control_flow_context()
        graph._set_control_flow_context(self)
        try:
            (merged,) = self.begin_variables([initial], None if invariant is None else [invariant])
            switched = self.split(merged)

            following = self.end_variable(merged, switched, step(identity(switched[1])))
            after = self.finish_variable(merged, switched, following)
        finally:
            graph._set_control_flow_context(current)
        self.ExitResult([after])
        return after

    def count(self):
        """How often the body ran, as a tensor outside the loop: counted once a gradient wants to know."""
        if self._count is None:
            graph = get_default_graph()
            current = graph._get_control_flow_context()

            outer = self._outer_context.GetWhileContext() if self._outer_context is not None else None

            def step(n):
                following = n + 1
                self._counting = following.op
                return following

            with control_dependencies(None), graph.name_scope(self._name + "/count/"):
                graph._set_control_flow_context(self._outer_context)
                initial = constant(0)
                if outer is not None and outer._counting is not None:
                    initial.op._add_control_input(outer._counting)
                graph._set_control_flow_context(current)
            with control_dependencies(None), graph.name_scope(self._name + "/count/"):
                self._count = self.add_variable(initial, step)
            self._counted = self._variables[-1][3].op
        return self._count


def _in_context(op, context):
    """Whether an op is in a context or in one inside it."""
    current = output_context(op)
    while current is not None:
        if current is context:
            return True
        current = current.outer_context
    return False
