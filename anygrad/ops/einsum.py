"""einsum: planned once for a form and its shapes, then done in products, sums and views.

A plan is a list of steps, each a primitive with its parameters, so that the gradients are
those of the steps. A contraction of two operands is one matrix product (batched where
labels are in both operands and in the output), or a broadcast multiplication where nothing is
summed. More than two operands are contracted in pairs.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any

from .._errors import ShapeError
from .._tensor import Tensor
from ._axes import as_tensor
from .data_types import astype, result_type
from .elementwise import multiply
from .linalg import _diagonal
from .linear_algebra import _dot, _matmul, _outer
from .manipulation import _permute, _reshape
from .statistical import _sum

Label = Hashable  # a letter, the number of a sublist, or (Ellipsis, n): the n-th axis of an ellipsis from its end
Term = tuple[Label, ...]
Step = tuple[Callable[..., Tensor], int, int | None, dict[str, Any]]  # a primitive, the places of its operands, its parameters


def einsum(subscripts: Any, *operands: Any) -> Tensor:
    """Einstein's sum: products of elements, added up over the labels that the output leaves out.

    Parameters
    ----------
    subscripts : str
        A letter for each axis of each operand, "ij,jk->ik". Without "->" the output has, in
        alphabetical order, the labels that occur once. A label twice in one operand takes its
        diagonal. "..." stands for any number of axes, which are broadcast from the last one;
        if the output leaves it out, they are summed. Spaces do not matter.
    *operands : Tensor
        One for each term. An axis of size 1 is broadcast to the size that its label has elsewhere.
        The form `einsum(x, [0, 1], y, [1, 2], [0, 2])` has lists of integers (and Ellipsis) for
        the letters.

    Returns
    -------
    Tensor
        Of the operands' common dtype. A view where nothing is computed.

    Raises
    ------
    ValueError
        If the subscripts cannot be understood, or are not for as many operands.
    ShapeError
        If they do not fit the operands' shapes.

    Notes
    -----
    Operands are contracted in pairs, first the pair whose product is smallest in comparison
    with the two (the greedy order of the package opt_einsum). Plans are kept for the 1024 latest
    pairs of subscripts and shapes.
    """
    if not isinstance(subscripts, str):
        subscripts, operands = _from_lists((subscripts, *operands))
    values = [as_tensor(x) for x in operands]
    if len({x._data.dtype for x in values}) > 1:  # before anything is summed: True + True is True
        dtype = result_type(*values)
        values = [astype(x, dtype, copy=False) for x in values]
    for function, i, j, params in _plan(subscripts, tuple([x.shape for x in values])):
        if j is None:
            values[i] = function(values[i], **params)
        else:
            values[i] = function(values[i], values[j])
            del values[j]
    return values[0]


# ---------------------------------------------------------------------------
# reading the subscripts
# ---------------------------------------------------------------------------

Form = tuple[tuple[Term, ...], Term | None]  # the terms of the operands, and of the output if it is given; with Ellipsis in them


def _from_lists(arguments: tuple[Any, ...]) -> tuple[Form, tuple[Any, ...]]:
    """The form and the operands of `einsum(x, [0, 1], y, [1, 2], [0, 2])`."""
    pairs, rest = len(arguments) // 2, len(arguments) % 2
    lists = [*arguments[1 : 2 * pairs : 2], *arguments[len(arguments) - rest :]]
    if not pairs or not all(isinstance(labels, (list, tuple)) for labels in lists):
        raise TypeError("einsum: the first argument is a string of subscripts, or each operand is followed by a list of integers: einsum(x, [0, 1], [1, 0])")
    for label in (label for labels in lists for label in labels):
        if label is not Ellipsis and not hasattr(label, "__index__"):
            raise TypeError(f"einsum: the lists have integers and Ellipsis in them, not {label!r}")
    if any(list(labels).count(Ellipsis) > 1 for labels in lists):
        raise ValueError("einsum: a list has Ellipsis in it more than once")
    terms = [tuple(label if label is Ellipsis else label.__index__() for label in labels) for labels in lists]
    return (tuple(terms[:pairs]), terms[pairs] if rest else None), arguments[: 2 * pairs : 2]


def _from_text(text: str) -> Form:
    left, arrow, right = text.replace(" ", "").partition("->")
    return tuple(_term(part, text) for part in left.split(",")), _term(right, text) if arrow else None


def _term(part: str, text: str) -> Term:
    head, dots, tail = part.partition("...")
    for c in head + tail:
        if not (c.isascii() and c.isalpha()):
            raise ValueError(f"einsum: {c!r} in {text!r}: subscripts are letters, commas, one '->', and '...' once in a term")
    return (*head, *([Ellipsis] if dots else []), *tail)


def _name(label: Label) -> str:
    return f"axis {-label[1]} of the ellipsis" if isinstance(label, tuple) else f"label {label!r}"


def _written_out(i: int, term: Term, shape: tuple[int, ...]) -> Term:
    """The term of an operand with a label for each of its axes."""
    named, dots = len(term) - term.count(Ellipsis), Ellipsis in term
    hidden = len(shape) - named
    if hidden < 0 or hidden and not dots:
        raise ShapeError(f"einsum: operand {i} has shape {shape}, so {len(shape)} axes, but its subscripts name {named}{' or more' * dots}")
    return _with_dots(term, hidden)


def _with_dots(term: Term, hidden: int) -> Term:
    return tuple(label for part in term for label in ([(Ellipsis, n) for n in range(hidden, 0, -1)] if part is Ellipsis else [part]))


def _sizes(terms: Sequence[Term], shapes: Sequence[tuple[int, ...]]) -> dict[Label, int]:
    """The size of each label: sizes of 1 give way to others."""
    sizes: dict[Label, int] = {}
    source: dict[Label, int] = {}
    for i, (term, shape) in enumerate(zip(terms, shapes, strict=True)):
        for place, (label, n) in enumerate(zip(term, shape, strict=True)):
            first = shape[term.index(label)]
            if n != first:
                raise ShapeError(
                    f"einsum: {_name(label)} is for axes of sizes {first} and {n} of operand {i}, which has shape {shape}: a diagonal needs equal ones"
                )
            if sizes.get(label, 1) == 1:
                sizes[label], source[label] = n, i
            elif n not in (1, sizes[label]):
                j = source[label]
                raise ShapeError(
                    f"einsum: {_name(label)} has size {sizes[label]} in operand {j} of shape {shapes[j]}, but {n} in operand {i} of shape {shape} (axis {place})"
                )
    return sizes


def _output(terms: Sequence[Term], given: Term | None) -> Term:
    """The labels of the output."""
    every = [label for term in terms for label in term]
    hidden = max((label[1] for label in every if isinstance(label, tuple)), default=0)
    if given is None:
        once = sorted(label for label in set(every) if not isinstance(label, tuple) and every.count(label) == 1)  # type: ignore[type-var]
        return _with_dots((Ellipsis, *once), hidden)
    out = _with_dots(given, hidden)
    for label in out:
        if label not in every:
            raise ValueError(f"einsum: {_name(label)} is in the output but in none of the operands")
        if out.count(label) > 1:
            raise ValueError(f"einsum: {_name(label)} is in the output twice")
    return out


# ---------------------------------------------------------------------------
# planning
# ---------------------------------------------------------------------------


@functools.lru_cache(maxsize=1024)
def _plan(subscripts: str | Form, shapes: tuple[tuple[int, ...], ...]) -> tuple[Step, ...]:
    """The steps that lead from operands of these shapes to the output."""
    terms, given = _from_text(subscripts) if isinstance(subscripts, str) else subscripts
    if len(terms) != len(shapes):
        raise ValueError(f"einsum: subscripts for {len(terms)} operands, but {len(shapes)} given")
    terms = tuple(_written_out(i, term, shape) for i, (term, shape) in enumerate(zip(terms, shapes, strict=True)))
    plan = _Planner(terms, _sizes(terms, shapes), _output(terms, given))
    for i, shape in enumerate(shapes):
        plan.without_broadcast(i, shape)
    for i in range(len(shapes)):
        plan.alone(i)
    while len(plan.terms) > 1:
        plan.contract(*plan.best_pair())
    plan.rearrange(0, plan.output)
    if not plan.steps:
        plan.unary(0, _permute, plan.output, axes=tuple(range(len(plan.output))))  # not the operand itself
    return tuple(plan.steps)


class _Planner:
    """Does with terms what `einsum` does with operands, and notes the steps.

    A step of one operand puts its result in the operand's place; a step of two puts it in
    the place of the first and takes the second out of the list.
    """

    def __init__(self, terms: Iterable[Term], sizes: dict[Label, int], output: Term) -> None:
        self.terms, self.sizes, self.output = list(terms), sizes, output
        self.steps: list[Step] = []

    def size(self, labels: Iterable[Label]) -> int:
        return math.prod(self.sizes[label] for label in labels)

    def wanted(self, *places: int) -> set[Label]:
        """The labels of the output and of all operands but these."""
        return {*self.output}.union(*(term for k, term in enumerate(self.terms) if k not in places))

    def unary(self, i: int, function: Callable[..., Tensor], term: Term, **params: Any) -> None:
        """A step of one operand."""
        self.terms[i] = term
        self.steps.append((function, i, None, params))

    def rearrange(self, i: int, order: Term) -> None:
        """The axes in another order."""
        term = self.terms[i]
        if order != term:
            self.unary(i, _permute, order, axes=tuple(term.index(label) for label in order))

    def without_broadcast(self, i: int, shape: tuple[int, ...]) -> None:
        """An operand without the axes of size 1 whose label has another size elsewhere."""
        kept = tuple(k for k, label in enumerate(self.terms[i]) if shape[k] == self.sizes[label])
        if len(kept) < len(shape):
            self.unary(i, _reshape, tuple(self.terms[i][k] for k in kept), shape=tuple(shape[k] for k in kept))

    def alone(self, i: int) -> None:
        """What an operand needs no other for: its diagonals, and sums over labels of its own."""
        for label in sorted(set(self.terms[i]), key=self.terms[i].index):
            while self.terms[i].count(label) > 1:
                self.diagonal(i, label)
        summed = tuple(k for k, label in enumerate(self.terms[i]) if label not in self.wanted(i))
        if summed:
            self.unary(i, _sum, tuple(label for k, label in enumerate(self.terms[i]) if k not in summed), axes=summed, keepdims=False)

    def diagonal(self, i: int, label: Label) -> None:
        """The first two axes of a label made one, the last."""
        term = self.terms[i]
        first = term.index(label)
        second = term.index(label, first + 1)
        rest = tuple(k for k in range(len(term)) if k not in (first, second))
        axes = (*rest, first, second)
        if axes != tuple(range(len(term))):
            self.unary(i, _permute, tuple(term[k] for k in axes), axes=axes)
        self.unary(i, _diagonal, (*(term[k] for k in rest), label), offset=0)

    def best_pair(self) -> tuple[int, int]:
        """The pair whose product is smallest in comparison with the two; of equals, the one with the fewest multiplications."""

        def cost(pair: tuple[int, int]) -> tuple[int, int]:
            first, second = (self.terms[k] for k in pair)
            both = {*first, *second}
            return self.size(both & self.wanted(*pair)) - self.size(first) - self.size(second), self.size(both)

        places = range(len(self.terms))
        return min(((i, j) for j in places for i in places[:j]), key=cost)

    def contract(self, i: int, j: int) -> None:
        """The product of two operands, summed over what nobody wants afterwards."""
        first, second, wanted = self.terms[i], self.terms[j], self.wanted(i, j)
        batch = tuple(label for label in first if label in second and label in wanted)
        left = tuple(label for label in first if label not in second)
        right = tuple(label for label in second if label not in first)
        larger, other = (first, second) if self.size(first) >= self.size(second) else (second, first)
        summed = tuple(label for label in larger if label in other and label not in wanted)
        last = len(self.terms) == 2
        if last and left and right and self.output.index(right[0]) < self.output.index(left[0]):
            self.contract(j, i)
        elif left and right or summed and batch + left + right:
            single = [(label,) for label in batch]
            self.fold(i, *single, left, summed)
            self.fold(j, *single, summed, right)
            place = self.binary(_matmul if summed else _outer, i, j, batch + left + right)
            if len(left) != 1 or len(right) != 1:
                self.unary(place, _reshape, self.terms[place], shape=tuple(self.sizes[label] for label in self.terms[place]))
        elif summed:
            self.fold(i, summed)
            self.fold(j, summed)
            self.binary(_dot, i, j, ())
        else:
            order = self.output if last else batch + left + right
            self.spread(i, order)
            self.spread(j, order)
            self.binary(multiply, i, j, order)

    def binary(self, function: Callable[..., Tensor], i: int, j: int, term: Term) -> int:
        """A step of two operands; returns the place of its result."""
        self.terms[i] = term
        del self.terms[j]
        self.steps.append((function, i, j, {}))
        return i - (j < i)

    def spread(self, i: int, order: Term) -> None:
        """The axes in this order, with axes of size 1 for labels that are missing between them."""
        present = tuple(label for label in order if label in self.terms[i])
        self.rearrange(i, present)
        full = order[order.index(present[0]) :] if present else ()
        if full != present:
            self.unary(i, _reshape, full, shape=tuple(self.sizes[label] if label in present else 1 for label in full))

    def fold(self, i: int, *groups: Term) -> None:
        """One axis for each group of labels, in this order.

        Where the labels of each group stand together, the axes are merged first and reordered
        after that: both are views then.
        """
        term = self.terms[i]
        places = [0]  # an empty group, which gets an axis of size 1, goes with the one before it
        for group in groups:
            places.append(term.index(group[0]) if group else places[-1])
        order = sorted(range(len(groups)), key=lambda k: places[k + 1])
        if tuple(label for k in order for label in groups[k]) != term:
            self.rearrange(i, tuple(label for group in groups for label in group))
            order = list(range(len(groups)))
        if any(len(group) != 1 for group in groups):
            self.unary(i, _reshape, self.terms[i], shape=tuple(self.size(groups[k]) for k in order))
        if order != sorted(order):
            self.unary(i, _permute, self.terms[i], axes=tuple(order.index(k) for k in range(len(groups))))
