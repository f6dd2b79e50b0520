"""Symbolic sizes: polynomials over the sizes that a graph leaves open.

Equal sizes are equal objects (polynomials in normal form, interned in their table), so that a pass can
prove that two shapes agree. What is no polynomial (a quotient, a maximum) is an atom of its own. A size
that is needed when the plan runs becomes a register, computed by C when the plan is prepared.
"""

from __future__ import annotations

# The order of hl_size_operation (csrc/frame.h).
ADD, SUB, MUL, FLOORDIV, MOD, MAX, MIN, BROADCAST, EQUAL, INFER, WRAP, OR_ELSE, INDEX, WITHIN, NATURAL, STEP, ONCE = (
    range(17)
)
_CHECKS = frozenset((BROADCAST, EQUAL, INFER, INDEX, WITHIN, NATURAL, STEP, ONCE))
FUNCTIONS = {  # what each gives of numbers; where a check fails, C says so
    FLOORDIV: lambda a, b: a // b if b else 0,
    MOD: lambda a, b: a % b if b else 0,
    MAX: max,
    MIN: min,
    BROADCAST: lambda a, b: b if a == 1 else a,
    EQUAL: lambda a, b: a,
    INFER: lambda a, b: a // b if b else 0,
    WRAP: lambda a, b: a + b if a < 0 else a,
    OR_ELSE: lambda a, b: b if a == -1 else a,
    INDEX: lambda a, b: a + b if a < 0 else a,
    WITHIN: lambda a, b: a,
    NATURAL: lambda a, b: a,
    STEP: lambda a, b: abs(a),
    ONCE: lambda a, b: a,
}


class Atom:
    """A size that is not made of others by sums and products: a register of its own.

    `natural` atoms are known to be 0 or more: extents, and what is made of extents alone. Those read from
    data may be negative. `groups` has a bit for each group that works it out: its own, and those of what it is made of.
    """

    __slots__ = ("index", "operation", "left", "right", "group", "groups", "node", "bound", "origin", "natural")

    def __init__(self, index, group, operation=None, left=None, right=None, node=-1, origin=None):
        self.index = index
        self.group = group
        self.groups = 1 << group
        for side in (left, right):
            if isinstance(side, Size):
                self.groups |= side.table.groups_of(side)
        self.operation = operation
        self.left = left
        self.right = right
        self.node = node
        self.bound = None
        self.origin = origin
        self.natural = True


class Size:
    """A polynomial: `terms` maps a sorted tuple of atom indices to a coefficient."""

    __slots__ = ("table", "terms", "group", "register")

    def __init__(self, table, terms, group):
        self.table = table
        self.terms = terms
        self.group = group
        self.register = None

    def __add__(self, other):
        return self.table.add(self, other)

    __radd__ = __add__

    def __sub__(self, other):
        return self.table.add(self, self.table.multiply(other, -1))

    def __rsub__(self, other):
        return self.table.add(other, self.table.multiply(self, -1))

    def __neg__(self):
        return self.table.multiply(self, -1)

    def __mul__(self, other):
        if other.__class__ is int and other == 1:
            return self
        product = self.table._products.get((self, other))
        return self.table.multiply(self, other) if product is None else product

    __rmul__ = __mul__

    def __floordiv__(self, other):
        return self.table.apply(FLOORDIV, self, other)

    def __rfloordiv__(self, other):
        return self.table.apply(FLOORDIV, other, self)

    def __mod__(self, other):
        return self.table.apply(MOD, self, other)

    def __rmod__(self, other):
        return self.table.apply(MOD, other, self)

    def __lt__(self, other):
        raise TypeError("the order of symbolic sizes is not known")

    __gt__ = __le__ = __ge__ = __lt__

    def __bool__(self):
        raise TypeError("whether a symbolic size is zero is not known")

    def __repr__(self):
        parts = []
        for monomial, coefficient in self.terms.items():
            names = "*".join(f"s{atom}" for atom in monomial)
            parts.append(f"{coefficient}*{names}" if names and coefficient != 1 else names or str(coefficient))
        return "+".join(parts)


class SizeTable:
    """All sizes of one plan, and the registers that hold them.

    Attributes:
      initial: register -> its value at the start (0 for what is computed).
      operations: group -> list of (operation, out, left, right, node) in registers.
      watched: group -> registers whose change makes the group stale.
      branch: the group of the checks that are made now: a branch's own, so that they fail only where it is taken.
      iteration: the same for checks of sizes that running tells, in the body of a loop that changes sizes; 0 elsewhere.
    """

    def __init__(self):
        self.atoms: list[Atom] = []
        self.initial: list[int] = []
        self.operations: list[list] = [[]]
        self.watched: list[list] = [[]]
        self._interned: dict = {}
        self._products: dict = {}
        self._constants: dict = {}
        self._applied: dict = {}
        self.branch = self.iteration = 0
        self.checks: list = []  # (key, size, atom) of each, in the order in which they were made

    # --- building -------------------------------------------------------------------------------------

    def new_group(self) -> int:
        self.operations.append([])
        self.watched.append([])
        return len(self.operations) - 1

    def fresh(self, group=0, origin=None, bound=None, signed=False) -> Size:
        """A size whose register is written by the caller or by an instruction."""
        atom = Atom(len(self.atoms), group, origin=origin)
        atom.bound = bound
        atom.natural = not signed
        self.atoms.append(atom)
        size = self._intern({(atom.index,): 1})
        size.register = self._new_register()
        self.watched[group].append(size.register)
        return size

    def _new_register(self, value=0) -> int:
        self.initial.append(value)
        return len(self.initial) - 1

    def _intern(self, terms):
        if not terms:
            return 0
        if len(terms) == 1 and () in terms:
            return terms[()]
        key = tuple(sorted(terms.items()))
        size = self._interned.get(key)
        if size is None:
            group = max(self.atoms[atom].group for monomial in terms for atom in monomial)
            size = self._interned[key] = Size(self, dict(key), group)
        return size

    @staticmethod
    def _terms(value):
        if isinstance(value, Size):
            return value.terms
        value = int(value)
        return {(): value} if value else {}

    def add(self, left, right):
        if not isinstance(right, (Size, int)) and not hasattr(right, "__index__"):
            return NotImplemented
        terms = dict(self._terms(left))
        for monomial, coefficient in self._terms(right).items():
            total = terms.get(monomial, 0) + coefficient
            if total:
                terms[monomial] = total
            else:
                del terms[monomial]
        return self._intern(terms)

    def multiply(self, left, right):
        if right.__class__ is int and right == 1 and left.__class__ is Size:
            return left
        product = self._products.get((left, right))
        if product is None:
            product = self._products[left, right] = self._product(left, right)
        return product

    def _product(self, left, right):
        terms = {}
        for a, ca in self._terms(left).items():
            for b, cb in self._terms(right).items():
                monomial = self._without_ones(tuple(sorted(a + b)))
                terms[monomial] = terms.get(monomial, 0) + ca * cb
        return self._intern({m: c for m, c in terms.items() if c})

    def _without_ones(self, monomial):
        """The factors but for d // max(d, 1) beside an extent d: so often does a mean's gradient repeat an axis that was kept."""
        for index in monomial if len(monomial) > 1 else ():
            atom = self.atoms[index]
            if atom.operation != FLOORDIV or not isinstance(atom.left, Size) or not isinstance(atom.right, Size):
                continue
            (own,) = atom.left.terms if len(atom.left.terms) == 1 else ((),)
            if (
                len(own) == 1
                and own[0] in monomial
                and atom.right is self._applied.get((MAX, *map(self._key, (atom.left, 1)), 0))
            ):
                if self.never_negative(atom.left):
                    rest = list(monomial)
                    rest.remove(index)
                    return self._without_ones(tuple(rest))
        return monomial

    def apply(self, operation, left, right, node=-1):
        """`left operation right`, simplified where it can be; checks fail at node."""
        if not isinstance(left, Size) and not isinstance(right, Size):
            return FUNCTIONS[operation](int(left), int(right))
        simple = self._simplify(operation, left, right)
        if simple is not None:
            return simple
        if operation == BROADCAST and isinstance(right, Size) and not isinstance(left, Size):
            left, right = right, left
        checks = operation in _CHECKS
        group = max(s.group for s in (left, right) if isinstance(s, Size))
        place = max(self.branch, self.iteration if group else 0) if checks else 0
        key = (operation, self._key(left), self._key(right), place)
        size = self._applied.get(key)
        if size is None:
            group = max(group, place)
            atom = Atom(len(self.atoms), group, operation, left, right, node)
            atom.natural = self._is_natural(operation, left, right)
            self.atoms.append(atom)
            size = self._applied[key] = self._intern({(atom.index,): 1})
            if checks:
                self.register(size)  # a check runs whether or not its value is used
                self.checks.append((key, size, atom))
        return size

    @staticmethod
    def _key(value):
        return id(value) if isinstance(value, Size) else ("int", int(value))

    def _simplify(self, operation, left, right):
        if operation in (EQUAL, BROADCAST, MAX, MIN) and left is right:
            return left
        if operation == BROADCAST:
            if not isinstance(left, Size) and left == 1:
                return right
            if not isinstance(right, Size) and right == 1:
                return left
        if operation in (EQUAL, BROADCAST):
            if self._holds(operation, left, right):
                return left  # as it was checked before: a recurrence meets the same rows at every step
            if self._holds(operation, right, left):
                return right
        if operation == MAX and not isinstance(right, Size) and right <= 0 and self.never_negative(left):
            return left
        if operation == MAX and not isinstance(left, Size) and left <= 0 and self.never_negative(right):
            return right
        if operation in (WRAP, OR_ELSE, NATURAL) and self.never_negative(left):
            return left
        if operation in (FLOORDIV, INFER):
            return self._divide(left, right)
        if operation == MOD and not isinstance(right, Size) and right == 1:
            return 0
        return None

    def _holds(self, operation, value, other):
        """Whether a value is the outcome of this check of another: the check of both again would be the same."""
        if not isinstance(value, Size) or len(value.terms) != 1:
            return False
        ((monomial, coefficient),) = value.terms.items()
        if coefficient != 1 or len(monomial) != 1:
            return False
        atom = self.atoms[monomial[0]]
        return atom.operation == operation and (self._is_same(atom.left, other) or self._is_same(atom.right, other))

    @staticmethod
    def _is_same(left, right):
        return left is right or (left.__class__ is right.__class__ is int and left == right)

    def never_negative(self, value):
        """Whether a size is known to be an extent: 0 or more."""
        if not isinstance(value, Size):
            return value >= 0
        return all(
            coefficient > 0 and all(self.atoms[index].natural for index in monomial)
            for monomial, coefficient in value.terms.items()
        )

    def _is_natural(self, operation, left, right):
        if operation in (INDEX, WITHIN, NATURAL, STEP):
            return True
        sides = self.never_negative(left), self.never_negative(right)
        return any(sides) if operation in (MAX, EQUAL) else all(sides)

    def _divide(self, left, right):
        """The exact quotient by a monomial, or None."""
        if not isinstance(left, Size):
            return 0 if left == 0 else None
        if left is right:
            return None if isinstance(right, Size) else 1
        terms = self._terms(right)
        if len(terms) != 1:
            return None
        ((divisor, by),) = terms.items()
        if divisor and by > 0:
            return None  # the divisor may be zero while it runs
        quotient = {}
        for monomial, coefficient in left.terms.items():
            if coefficient % by:
                return None
            quotient[monomial] = coefficient // by
        return self._intern(quotient)

    # --- registers ------------------------------------------------------------------------------------

    def constant(self, value: int) -> int:
        value = int(value)
        if value not in self._constants:
            if not -(1 << 63) <= value < 1 << 63:
                raise ValueError(f"a shape has a size of {value}, but sizes have at most 63 bits")
            self._constants[value] = self._new_register(value)
        return self._constants[value]

    def give_up_checks(self, since):
        """Has the checks fail no more that were made since there were `since`, of what is lowered anew: each gives its first size."""
        for key, size, atom in self.checks[since:]:
            del self._applied[key]
            operations = self.operations[atom.group]
            place = next(i for i, operation in enumerate(operations) if operation[1] == size.register)
            operation, out, left, right, node = operations[place]
            del self._applied[atom.group, operation, left, right]
            operations[place] = (ADD, out, left, self.constant(0), node)
        del self.checks[since:]

    def register_of(self, atom):
        """The register of a size that is one atom, by the atom's index; None where nothing has asked for one."""
        return self._intern({(atom,): 1}).register

    def register(self, value) -> int:
        """The register that holds a size; its operations are added to its group."""
        if not isinstance(value, Size):
            found = self._constants.get(value)
            return self.constant(value) if found is None else found
        if value.register is None:
            value.register = self._emit(value)
        return value.register

    def _emit(self, size):
        if len(size.terms) == 1:
            ((monomial, coefficient),) = size.terms.items()
            if coefficient == 1 and len(monomial) == 1:
                atom = self.atoms[monomial[0]]
                left, right = self.register(atom.left), self.register(atom.right)
                return self._operate(atom.group, atom.operation, left, right, atom.node)
        total = None
        for monomial, coefficient in size.terms.items():
            product = None if coefficient == 1 and monomial else self.constant(coefficient)
            for atom in monomial:
                factor = self.register(self._intern({(atom,): 1}))
                product = factor if product is None else self._operate(size.group, MUL, product, factor)
            total = product if total is None else self._operate(size.group, ADD, total, product)
        return total

    def _operate(self, group, operation, left, right, node=-1):
        key = (group, operation, left, right)
        out = self._applied.get(key)
        if out is None:
            out = self._applied[key] = self._new_register()
            self.operations[group].append((operation, out, left, right, node))
        return out

    def groups_of(self, size):
        """The groups that work a size out, as bits."""
        groups = 0
        for monomial in size.terms:
            for index in monomial:
                groups |= self.atoms[index].groups
        return groups

    def atoms_of(self, value):
        """The atoms that a size is made of, each once, those inside quotients and checks included."""
        found, waiting = {}, [value]
        while waiting:
            value = waiting.pop()
            if not isinstance(value, Size):
                continue
            for monomial in value.terms:
                for index in monomial:
                    if index not in found:
                        atom = found[index] = self.atoms[index]
                        if atom.operation is not None:
                            waiting += (atom.left, atom.right)
        return found.values()
