"""Tensors that share memory: what a write in place has to know.

Views, `detach()` and `.data` give Tensors over the same memory. They know of each other
through one `Storage`, made when the first of them is. A write

* sets aside the old value, once, for the graphs that saved it (`preserve`): aliases see
  the write, saved values do not; a write that no live graph cares about copies nothing;
* counts one version for the storage;
* makes the histories of the other views stale (`mark_stale`). A stale Tensor is of the
  class `StaleView` too, in which `_node` is a property: reading it makes the view again from its
  base, takes over its node, and turns the object into a Tensor again. So an operation on
  Tensors never has to ask whether `x._node` is current.
"""

from __future__ import annotations

import sys
import types
import weakref
from collections.abc import Callable, Iterator
from typing import Any

from . import _modes, _upper
from ._backends import namespace
from ._graph import Cell, counts_references

Step = Callable[[Any], Any]  # makes a view of its argument: a Tensor or a raw array


def _holders(tensor: Any) -> int:
    """The reference count of a tensor's cell, from here: how much of it is ours depends on the interpreter."""
    cell = tensor._cell
    return sys.getrefcount(cell)


# Of a cell that nobody but its Tensor holds.
_ONLY_ITS_TENSOR = _holders(types.SimpleNamespace(_cell=Cell())) if counts_references() else -1


class Storage:
    """Memory that several Tensors share: its version, its Tensors, the cells over it."""

    __slots__ = ("cells", "inference", "members", "version")

    def __init__(self) -> None:
        self.version = 0
        self.inference = False
        self.members: list[weakref.ref[Any]] = []
        self.cells: list[weakref.ref[Cell]] = []

    def tensors(self) -> Iterator[Any]:
        for reference in self.members:
            tensor = reference()
            if tensor is not None:
                yield tensor

    def add(self, tensor: Any) -> None:
        members = self.members
        if len(members) >= 16 and len(members) & (len(members) - 1) == 0:
            members[:] = [r for r in members if r() is not None]
        members.append(weakref.ref(tensor))

    def add_cell(self, cell: Cell) -> None:
        cells = self.cells
        if len(cells) >= 16 and len(cells) & (len(cells) - 1) == 0:
            cells[:] = [r for r in cells if r() is not None]
        cells.append(weakref.ref(cell))


class Alias:
    """How a Tensor came to share its memory.

    Attributes
    ----------
    storage : Storage
    base : Tensor or None
        What this is a view of; None if it is itself where a history begins.
    parent : Alias or None
        Of what this is directly a view of.
    step : tuple or None
        Makes the view from that: the arguments of `_recording.Step`.
    fixed : str or None
        Why a recorded write through this view is refused, if it is.
    """

    __slots__ = ("base", "fixed", "parent", "step", "storage")
    storage: Storage
    base: Any
    parent: Alias | None
    step: tuple[Any, ...] | None
    fixed: str | None

    @property
    def steps(self) -> tuple[Step, ...]:
        """What makes the view from its base, one view after the other."""
        steps, alias = [], self
        while alias.step is not None and alias.parent is not None:
            steps.append(_upper.view_step(*alias.step))
            alias = alias.parent
        return tuple(reversed(steps))


def alias_of(tensor: Any) -> Alias:
    """The tensor's alias record, made if need be."""
    alias = tensor._alias
    if alias is None:
        alias = tensor._alias = Alias()
        alias.storage = Storage()
        alias.base = alias.parent = alias.step = alias.fixed = None
        alias.storage.add(tensor)
        if tensor._cell is not None:
            alias.storage.add_cell(tensor._cell)
    return alias


def share(out: Any, source: Any, step: tuple[Any, ...] | None = None, fixed: str | None = None) -> None:
    """Note that `out` shares the memory of `source`; a view of it, if `step` is given."""
    alias = source._alias or alias_of(source)
    out._alias = new = Alias()
    new.storage = storage = alias.storage
    if step is None:
        new.base = new.parent = new.step = new.fixed = None
    else:
        new.base, new.parent, new.step, new.fixed = source if alias.base is None else alias.base, alias, step, fixed or alias.fixed
    storage.add(out)


def succeed(new: Any, old: Any) -> None:
    """Give `new` all that `old` has, and its place in whatever refers to it."""
    new._node = old._node
    new._data, new._grad, new._cell, new._alias = old._data, old._grad, old._cell, old._alias
    if old._alias is not None:
        storage = old._alias.storage
        for other in storage.tensors():
            if other._alias.base is old:
                other._alias.base = new
        storage.members[:] = [r for r in storage.members if r() is not old]
        storage.add(new)
    node = new._node
    if node is not None and node.is_leaf and node.leaf() is old:
        node.leaf = weakref.ref(new)
    elif node is not None and node._extra is not None and node._extra.retain is not None and node._extra.retain() is old:
        node._extra.retain = weakref.ref(new)


def cell_of(tensor: Any) -> Cell:
    """The cell in which graphs save this tensor's value."""
    cell = tensor._cell
    if cell is None:
        cell = tensor._cell = Cell()
        cell.array = tensor._data
        if tensor._alias is not None:
            tensor._alias.storage.add_cell(cell)
    return cell


def version_of(tensor: Any) -> int:
    """How often the tensor's memory was written in place."""
    return 0 if tensor._alias is None else tensor._alias.storage.version


def preserve(tensor: Any) -> None:
    """Before a write to `tensor`: give graphs that saved the old value a copy of it."""
    if tensor._alias is None:
        _release_cell(tensor)
        return
    storage, target = tensor._alias.storage, tensor._data
    if not storage.cells and len(storage.members) == 1:
        _release_cell(tensor)
        return
    overlaps = namespace(target).shares_memory
    owned = set()
    for other in storage.tensors():
        if other._cell is not None:
            owned.add(id(other._cell))
            if other is tensor or overlaps(other._data, target):
                _release_cell(other)
    # Cells whose Tensor is gone are there only because a graph holds them.
    for reference in storage.cells:
        cell = reference()
        if cell is not None and id(cell) not in owned and overlaps(cell.array, target):
            cell.array = namespace(cell.array).copy(cell.array)


def _release_cell(tensor: Any) -> None:
    cell = tensor._cell
    if cell is not None and _holders(tensor) > _ONLY_ITS_TENSOR + 1:  # one more: `cell`
        cell.array = namespace(cell.array).copy(cell.array)
        tensor._cell = None


def count_write(tensor: Any) -> None:
    """One more version."""
    alias_of(tensor).storage.version += 1


def mark_stale(tensor: Any) -> None:
    """After a recorded write to `tensor`: the histories of the other views of its base are stale."""
    alias = tensor._alias
    base = tensor if alias.base is None else alias.base
    for other in alias.storage.tensors():
        if other is not tensor and other._alias.base is base and other._alias.fixed != NO_GRAD:
            other.__class__ = other._stale


def keep_retaining(tensor: Any, node: Any) -> None:
    """A tensor that retains its gradient goes on doing so when `node` becomes its node."""
    extra = None if tensor._node is None else tensor._node._extra
    if node is not None and extra is not None and extra.retain is not None and extra.retain() is tensor:
        node.extra.retain, extra.retain = extra.retain, None


NO_GRAD = "it was made under `no_grad`"


def current_node(tensor: Any) -> Any:
    """The node of a stale view: that of the same view, made again from its base."""
    before = _modes.switch_grad(True)
    try:
        view = tensor._alias.base
        for step in tensor._alias.steps:
            view = step(view)
    finally:
        _modes.switch_grad(before)
    return view._node
