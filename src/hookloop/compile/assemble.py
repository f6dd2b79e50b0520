"""Assembling: structured blocks become the flat tables that csrc/frame.h describes."""

from __future__ import annotations

from bisect import bisect_right
from itertools import chain

import numpy as np

from .host import called_by, only_stores
from .ir import (
    ARENA,
    CONSTANT,
    FEED,
    FLAG,
    FOLDED,
    GROWN,
    MAX_RANK,
    OBJECT,
    RESULT,
    STACK,
    STREAM,
    VARIABLE,
    If,
    Instr,
    Value,
    is_whole,
    walk,
)  # fmt: skip
from .sizes import Size

# Columns of the tables' rows, as structs of csrc/frame.h have them: of tensors, of instructions, of operations on sizes.
_KIND, _PLACE = 2, 3
_FIRST_OPERAND, _FIRST_ATTR = 1, 4
_GROUP = 7  # of both
_TO, _FROM = 1, slice(2, 4)
_SIZE_OP_FIELDS = 5
_NO_GROUPS = 0  # groups are a number's bits: a chain of sizes that wait for each other has many sets of many


class TooManyAxes(ValueError):
    """A tensor with more axes than an instruction can have; `node` is the one whose instruction it is, or -1."""

    def __init__(self, rank, node):
        super().__init__(f"tensors of at most {MAX_RANK} axes are supported, this needs {rank}")
        self.node = node


class Assembler:
    """Collects tensors, operands and attributes, and numbers what they refer to."""

    def __init__(self, program):
        self.program = program
        self.sizes = program.sizes
        self.tensors = []  # (dtype, rank, storage, index, offset, strided, first_dim, group)
        self.tensor_deps = []
        self.dims = []
        self.dense = {}  # shape -> (its place in `dims`, the groups it waits for), for tensors without strides
        self.instrs = []  # [in a loop or branch, first operand, inputs, outputs, first attribute, attributes, node, group]
        self.kernels = []
        self.operands = []
        self.attrs = []
        self.instr_deps = []
        self.known = {}
        self.by_value = {}  # id(value of the program) -> tensor
        self.counts = dict.fromkeys(range(11), 0)
        self.sources = {kind: [] for kind in (CONSTANT, STREAM, STACK, OBJECT)}
        self.covered = {}
        self.node = -1  # whose instruction is made
        self.depth = 0  # of branches and loop bodies
        self.buffers = {}
        self.writes_at = []
        self.used_groups = set()
        self.variables = list(program.variables)
        self.variable_index = {key: i for i, key in enumerate(self.variables)}

    # --- tensors ----------------------------------------------------------------------------------------

    def _index(self, buffer):
        kind = buffer.kind
        if kind in (VARIABLE, FLAG):
            return self.variable_index[buffer.source]
        if kind == FEED:
            return buffer.source[1]
        if buffer.index is None:
            buffer.index = self.counts[kind]
            self.counts[kind] += 1
            if kind in self.sources:
                self.sources[kind].append(buffer.source)
        return buffer.index

    def tensor(self, value: Value) -> int:
        index = self.by_value.get(id(value))
        if index is None:
            index = self.by_value[id(value)] = self._tensor_like(value)
        return index

    def _tensor_like(self, value):
        """The tensor with a value's place, shape and type; sizes are compared by identity, as equal ones are the same object."""
        key = (id(value.buffer), value.shape, value.offset, id(value.dtype), value.strides)
        index = self.known.get(key)
        if index is None:
            index = self.known[key] = self._new_tensor(value)
        return index

    def _new_tensor(self, value):
        buffer = value.buffer
        kind = buffer.kind
        self.buffers[id(buffer)] = buffer
        if kind == OBJECT:
            value = Value(value.dtype, (), buffer)  # instructions only know its place: it waits for no sizes
        shape, strides, offset = value.shape, value.strides, value.offset
        rank = len(shape)
        if rank > MAX_RANK:
            raise TooManyAxes(rank, self.node)
        first, deps = (self.dense.get(shape) if strides is None else None) or self._dims(shape, strides)
        if kind in (GROWN, RESULT):
            deps |= self._groups_of((offset, buffer.size))
        elif offset.__class__ is Size:
            deps |= self._groups_of((offset,))
        index = buffer.index if kind == ARENA else None
        self.tensors.append((value.dtype._stored_number, rank, kind, self._index(buffer) if index is None else index,
                             self.sizes.register(offset), 0 if strides is None else 1, first,
                             _last_group(deps) if deps else 0))  # fmt: skip
        self.tensor_deps.append(deps)
        if is_whole(value):
            self.covered[id(buffer)] = True
        return len(self.tensors) - 1

    def _dims(self, shape, strides):
        """(where the registers of a shape and its strides stand in `dims`, the groups they wait for)"""
        sizes = shape if strides is None else (*shape, *strides)
        found = len(self.dims), self._groups_of(sizes)
        self.dims += [self.sizes.register(size) for size in sizes]
        if strides is None:
            self.dense[shape] = found
        return found

    def _groups_of(self, sizes):
        """The groups, the first excepted, that must have worked out some sizes before they can be used, as bits."""
        deps = _NO_GROUPS
        for size in sizes:
            if isinstance(size, Size):
                deps |= self.sizes.groups_of(size)
        return deps & ~1

    def _cover_buffers(self):
        """Every buffer gets one tensor that spans it: its slot's size."""
        for key, buffer in list(self.buffers.items()):
            if buffer.kind in (ARENA, GROWN, FOLDED) and key not in self.covered:
                self._tensor_like(Value(buffer.dtype, (buffer.size,), buffer))

    def _results(self):
        """For each result a tensor that spans it, which is sized as soon as its size is known."""
        spanning = [0] * self.program.n_results
        for buffer in list(self.buffers.values()):
            if buffer.kind == RESULT:
                spanning[buffer.index] = self._tensor_like(Value(buffer.dtype, (buffer.size,), buffer))
        return np.array(spanning, np.int32)

    # --- instructions -----------------------------------------------------------------------------------

    def instruction(self, kernel, inputs=(), outputs=(), params=(), node=-1, writes=False):
        self.node = node
        known, tensor_deps, operands = self.by_value, self.tensor_deps, self.operands
        first, deps = len(operands), _NO_GROUPS
        for values in (inputs, outputs):
            for value in values:
                tensor = known.get(id(value))
                if tensor is None:
                    tensor = self.tensor(value)
                operands.append(tensor)
                deps |= tensor_deps[tensor]
        if params:
            deps |= self._groups_of(params)
            params = [self._attribute(p) for p in params]
        self.kernels.append(kernel)
        self.instrs.append([1 if self.depth else 0, first, len(inputs), len(outputs), len(self.attrs), len(params), node,
                            _last_group(deps) if deps else 0])  # fmt: skip
        self.attrs += params
        self.instr_deps.append(deps)
        if writes:
            self.writes_at.append(len(self.instrs) - 1)
        return len(self.instrs) - 1

    def _attribute(self, param):
        if isinstance(param, Size):
            return self.sizes.register(param)
        if isinstance(param, tuple) and param and param[0] == "variable":
            return self.variable_index[param[1]]
        return param

    def flatten(self, block):
        for item in block.items:
            if item.__class__ is Instr:
                self.instruction(item.kernel, item.inputs, item.outputs, item.params, item.node, item.writes_variable)
            elif isinstance(item, If):
                self._flatten_if(item)
            else:
                self._flatten_loop(item)

    def _flatten_if(self, item):
        skip = self.instruction("jump_unless", [item.predicate], (), (0,), item.node)
        self.depth += 1
        self.flatten(item.then)
        if item.otherwise.items:
            leave = self.instruction("jump", (), (), (0,), item.node)
            self._patch(skip)
            self.flatten(item.otherwise)
            self._patch(leave)
        else:
            self._patch(skip)
        self.depth -= 1

    def _flatten_loop(self, item):
        start = len(self.instrs)
        self.flatten(item.condition)
        leave = self.instruction("jump_unless", [item.predicate], (), (0,), item.node)
        self.depth += 1
        self.flatten(item.body)
        self.depth -= 1
        self.instruction("jump_back", (), (), (start,), item.node)
        self._patch(leave)
        self.program.interruptible = True

    def _patch(self, instr):
        self.attrs[self.instrs[instr][_FIRST_ATTR]] = len(self.instrs)

    # --- tables -----------------------------------------------------------------------------------------

    def run(self):
        program = self.program
        for instr in program.prologue:
            self.instruction(instr.kernel, instr.inputs, instr.outputs, instr.params, instr.node)
        prologue_end = len(self.instrs)
        self.flatten(program.root)
        self.instruction("end")
        batches = [self._batch(call) for call in program.batches]
        fetches = [self._fetch(v) for v in program.fetches]
        hosts = [self._host(h) for h in self._calls(program)]
        self._cover_buffers()
        results = self._results()
        groups = self._groups()
        return dict(
            kernels=self.kernels,
            instrs=_table(self.instrs, 8),
            operands=np.array(self.operands, np.int32),
            attrs=self.attrs,
            tensors=_table(self.tensors, 8),
            dims=np.array(self.dims, np.int32),
            initial_regs=np.array(self.sizes.initial, np.int64),
            counts=dict(
                arena_slots=program.arena_slots,
                grown=self.counts[GROWN],
                folded=self.counts[FOLDED],
                objects=self.counts[OBJECT],
                stacks=self.counts[STACK],
            ),
            constants=self.sources[CONSTANT],
            streams=self.sources[STREAM],
            objects=self.sources[OBJECT],
            variables=self.variables,
            prologue_end=prologue_end,
            commit=min((i for i in self.writes_at if i >= prologue_end), default=len(self.instrs)),
            interruptible=program.interruptible or bool(program.hosts),
            fetches=fetches,
            result_tensors=results,
            hosts=hosts,
            **self._batches(batches),
            **self._uses(),
            **groups,
        )

    def _fetch(self, value):
        return (
            value.buffer.kind == OBJECT,
            self._index(value.buffer) if value.buffer.kind == OBJECT else self.tensor(value),
        )

    def _batch(self, call):
        """(op, its iterator's op, node, first feed, for each component (type, for each axis (register, whether it is set)))."""
        components = []
        for value, sets in call.components:
            self.tensor(value)
            axes = [(self.sizes.register(dim), fresh) for dim, fresh in zip(value.shape, sets)]
            components.append((value.dtype._stored_number, axes))
        return call.op, call.iterator, call.node, call.first_feed, components

    @staticmethod
    def _batches(batches):
        specs, numbers = [], []
        for _, _, node, first_feed, components in batches:
            specs.append((node, len(components), first_feed, len(numbers)))
            for dtype, axes in components:
                numbers += [dtype, len(axes), *(2 * register + fresh for register, fresh in axes)]
        return dict(batches=batches, batch_specs=_table(specs, 4), batch_axes=np.array(numbers, np.int32))

    @staticmethod
    def _calls(program):
        """The calls of the host, each with the inputs that its instruction has by now: passes let it read others."""
        now = {
            called_by(instr): instr.inputs
            for instr in (*program.prologue, *walk(program.root))
            if instr.kernel == "host" and not only_stores(instr)
        }
        return [(op, now.get(k, inputs), outputs) for k, (op, inputs, outputs) in enumerate(program.hosts)]

    def _host(self, host):
        op, inputs, outputs = host
        describe = [[], []]
        set_before = set()
        for side, values in enumerate((inputs, outputs)):
            for value in values:
                is_object = value.buffer.kind == OBJECT
                at = self._index(value.buffer) if is_object else self.tensor(value)
                dims = None  # of a queue or an iterator: it has no shape
                if value.dtype.name not in ("resource", "variant"):
                    registers = tuple(self.sizes.register(d) for d in value.shape)
                    # What an output before has set is compared, not set again.
                    fresh = tuple(
                        self._is_told_by(op, d) and r not in set_before for d, r in zip(value.shape, registers)
                    )
                    if side:
                        set_before.update(registers)
                    dims = tuple(zip(registers, fresh))
                describe[side].append((is_object, at, dims))
        return op, describe[0], describe[1]

    def _is_told_by(self, op, size):
        """Whether a size is known by the op's call; one that a loop or another call has left is known before."""
        if not isinstance(size, Size) or not size.group:
            return False
        origins = [self.sizes.atoms[atom].origin for monomial in size.terms for atom in monomial]
        return len(origins) == 1 and origins[0] is not None and origins[0][0] == "host" and origins[0][1].op is op

    def _groups(self):
        n_groups = len(self.sizes.operations)
        by_tensor = [[] for _ in range(n_groups)]
        by_instr = [[] for _ in range(n_groups)]
        deps = [_NO_GROUPS] * n_groups
        for lists, rows, all_deps in (
            (by_tensor, self.tensors, self.tensor_deps), (by_instr, self.instrs, self.instr_deps),
        ):  # fmt: skip
            for i, row in enumerate(rows):
                group = row[_GROUP]
                lists[group].append(i)
                if group:
                    deps[group] |= all_deps[i]
        operations, rows = [], []
        order_t, order_i, watched, dep_list = [], [], [], []
        for g in range(n_groups):
            ops = self.sizes.operations[g]
            for operation in ops:
                for register in operation[_FROM]:
                    deps[g] |= 1 << self.sizes_group(register)
            wanted = [d for d in _groups_in(deps[g]) if 0 < d < g]
            rows.append((len(operations), len(ops), len(order_t), len(by_tensor[g]), len(order_i), len(by_instr[g]),
                         len(watched), len(self.sizes.watched[g]), len(dep_list), len(wanted)))  # fmt: skip
            operations += ops
            order_t += by_tensor[g]
            order_i += by_instr[g]
            watched += self.sizes.watched[g]
            dep_list += wanted
        return dict(
            size_ops=_table(operations, _SIZE_OP_FIELDS),
            groups=_table(rows, 10),
            tensor_order=np.array(order_t, np.int32),
            instr_order=np.array(order_i, np.int32),
            watched=np.array(watched, np.int32),
            group_deps=np.array(dep_list, np.int32),
        )

    def sizes_group(self, register):
        """The group that computes a register."""
        if not hasattr(self, "_register_group"):
            self._register_group = {}
        groups = self._register_group
        if register not in groups:
            groups.update((op[_TO], g) for g, ops in enumerate(self.sizes.operations) for op in ops)
            groups.update((r, g) for g, regs in enumerate(self.sizes.watched) for r in regs)
            groups.setdefault(register, 0)
        return groups[register]

    def _uses(self):
        """Where instructions use what is bound anew in a run: feeds, components of batches behind them, then results."""
        first_result = len(self.program.feeds) + sum(len(call.components) for call in self.program.batches)
        uses = [[] for _ in range(first_result + self.program.n_results)]
        start = {FEED: 0, RESULT: first_result}
        bound = {i: start[row[_KIND]] + row[_PLACE] for i, row in enumerate(self.tensors) if row[_KIND] in start}
        unused = set(bound)
        firsts = [row[_FIRST_OPERAND] for row in self.instrs]
        operands = np.array(self.operands, np.int32)
        for at in np.flatnonzero(np.isin(operands, list(bound))).tolist():
            tensor, instr = self.operands[at], bisect_right(firsts, at) - 1
            uses[bound[tensor]].append((bound[tensor], instr, at - firsts[instr], tensor))
            unused.discard(tensor)
        for tensor in sorted(unused):
            uses[bound[tensor]].append((bound[tensor], -1, 0, tensor))
        first, flat = [0], []
        for rows in uses:
            flat += rows
            first.append(len(flat))
        return dict(uses=_table(flat, 4), first_use=np.array(first, np.int32))


def _last_group(groups):
    return max(groups.bit_length() - 1, 0)


def _groups_in(groups):
    """The groups that a number's bits stand for, in their order."""
    return [g for g, bit in enumerate(reversed(f"{groups:b}")) if bit == "1"]


def _table(rows, width):
    return np.fromiter(chain.from_iterable(rows), np.int32, len(rows) * width).reshape(-1, width)
