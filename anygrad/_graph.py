"""What a recorded computation is made of: nodes, edges, saved values, hooks.

A node is one application of a primitive. Its edges point at the nodes that made its
inputs (never at Tensors), so a graph lives exactly as long as its last Tensor. Values
that backward needs are kept in cells: a write in place gives a cell that is still in use
the old value (see `_inplace.py`).
"""

from __future__ import annotations

import itertools
import sys
import threading
import weakref
from collections.abc import Callable
from typing import Any, ClassVar

from . import _upper

Hook = Callable[..., Any]

# Edges always point from a younger node to an older one: creation order is a topological order.
sequence = itertools.count()


def counts_references() -> bool:
    """Whether reference counts tell who holds an object; if not, assume that others do (a copy too many is slow, never wrong)."""
    return hasattr(sys, "getrefcount") and getattr(sys, "_is_gil_enabled", lambda: True)()


class Cell:
    """Holds an array that a graph saved."""

    __slots__ = ("__weakref__", "array")
    array: Any


class Packed:
    """A saved value that went through `saved_tensors_hooks`: unpacked at every use.

    Hooks that keep the very tensor that they were given, and give it back, would see writes to
    its memory: then the value is that of the cell, which writes preserve.
    """

    __slots__ = ("_cell", "_given", "_packed", "_unpack")

    def __init__(self, pack: Hook, unpack: Hook, given: Any, cell: Cell) -> None:
        self._packed, self._unpack, self._given = pack(given), unpack, weakref.ref(given)
        self._cell = cell

    def settle(self) -> None:
        """To be called when nobody but the hooks can hold the given tensor: if they do not, no cell is needed."""
        if self._given() is None:
            del self._cell

    @property
    def array(self) -> Any:
        value = self._unpack(self._packed)
        if value is not None and value is self._given():
            return self._cell.array
        try:
            return value._data
        except AttributeError:
            raise TypeError(f"the unpack hook of saved_tensors_hooks must return a Tensor, not {type(value).__name__}") from None


class Extra:
    """What only few nodes have: hooks, a tensor that retains its gradient, metadata."""

    __slots__ = ("forward_trace", "metadata", "post_hooks", "pre_hooks", "retain", "tensor_hooks")

    def __init__(self) -> None:
        self.tensor_hooks: dict[int, Hook] = {}
        self.pre_hooks: dict[int, Hook] = {}
        self.post_hooks: dict[int, Hook] = {}
        self.retain: weakref.ref[Any] | None = None
        self.metadata: dict[Any, Any] = {}
        self.forward_trace: Any = None  # where the node was made, in anomaly mode


class RemovableHandle:
    """What registering a hook returns: `remove()` takes the hook away. Also a context manager."""

    _ids: ClassVar[itertools.count[int]] = itertools.count()

    def __init__(self, hooks: dict[int, Hook], hook: Hook) -> None:
        if not callable(hook):
            raise TypeError(f"a hook is a function, not {type(hook).__name__}")
        self.id = next(self._ids)
        self._hooks = hooks
        hooks[self.id] = hook

    def remove(self) -> None:
        """Take the hook away; nothing happens if it is gone already."""
        self._hooks.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


class Node:
    """One step of a recorded computation: `tensor.grad_fn`.

    Attributes
    ----------
    next_functions : tuple of (Node or None, int)
        For each input the node that made it and which of its outputs it was; None for
        an input that does not require grad.
    metadata : dict
        For the user's own notes.
    """

    __slots__ = ("__weakref__", "_extra", "dtype", "edges", "saved", "seq", "shape")

    is_leaf: ClassVar[bool] = False
    outputs: ClassVar[int] = 1
    runs_without_gradient: ClassVar[bool] = False
    saves_arrays: ClassVar[bool] = True  # what saved none is not freed, and may run again

    seq: float
    edges: tuple[Node | None, ...]
    saved: tuple[Any, ...] | None  # None once backward has released it
    shape: tuple[int, ...] | None  # of the output; None where there are several
    dtype: Any  # of the (first) output, in the array library's own terms
    _extra: Extra | None

    def vjp(self, g: Any, edges: tuple[Node | None, ...]) -> Any:
        """Raw gradients of the inputs (None where the edge is None) from that of the output."""
        raise NotImplementedError

    def vjp_recorded(self, g: Any, edges: tuple[Node | None, ...]) -> Any:
        """The same with Tensors: what it computes is recorded."""
        raise NotImplementedError

    def __lt__(self, other: Node) -> bool:
        return False  # outputs of one node share a place in the order: in the engine's heap any of them may be first

    def name(self) -> str:
        """The name of the step, as `MulBackward0`."""
        return type(self).__name__

    @property
    def function_name(self) -> str:
        """The name of the function that made it, as `multiply`."""
        return self.name().removesuffix("Backward")

    @property
    def extra(self) -> Extra:
        if self._extra is None:
            self._extra = Extra()
        return self._extra

    @property
    def metadata(self) -> dict[Any, Any]:
        return self.extra.metadata

    @property
    def next_functions(self) -> tuple[tuple[Node | None, int], ...]:
        return tuple((edge.node, edge.index) if isinstance(edge, Output) else (edge, 0) for edge in self.edges)

    def register_hook(self, hook: Hook) -> RemovableHandle:
        """Call `hook(grad_inputs, grad_outputs)` after the node has run in backward.

        Both are tuples of Tensors or None; a tuple that the hook returns replaces `grad_inputs`.
        """
        return RemovableHandle(self.extra.post_hooks, hook)

    def register_prehook(self, hook: Hook) -> RemovableHandle:
        """Call `hook(grad_outputs)` before the node runs; a tuple that it returns replaces them."""
        return RemovableHandle(self.extra.pre_hooks, hook)

    def __call__(self, *grad_outputs: Any) -> Any:
        """Run this step alone: gradients of its outputs to those of its inputs."""
        from ._engine import run_node

        return run_node(self, grad_outputs)

    def __repr__(self) -> str:
        return f"<{self.name()} object at {id(self):#x}>"


class Output(Node):
    """One output of a node that has several; an edge leads through it."""

    __slots__ = ("index", "node")
    node: Node
    index: int

    def __init__(self, node: Node, index: int, array: Any) -> None:
        self.node, self.index = node, index
        self.seq = node.seq + (index + 1) / (node.outputs + 1)  # it runs before its node, after everything younger
        self.edges = (node,)
        self.saved = None  # it does not run by a rule
        self.shape, self.dtype = array.shape, array.dtype
        self._extra = None

    @classmethod
    def of(cls, node: Node, known: dict[int, weakref.ref[Output]], index: int, array: Any) -> Output:
        """One of a node's outputs: the same one as long as it lives, by what the node knows of them."""
        found = known[index]() if index in known else None
        if found is None:
            found = cls(node, index, array)
            known[index] = weakref.ref(found)
        return found


class AccumulateGrad(Node):
    """The node of a leaf: adds what arrives to the leaf's `.grad`.

    The leaf owns this node; the node knows its leaf weakly, so that there is no cycle. If
    the leaf object is gone while a graph still leads here, `variable` makes a new one
    around the same array.
    """

    __slots__ = ("array", "leaf", "lock", "post_accumulate_hooks")
    is_leaf: ClassVar[bool] = True

    def __init__(self, leaf: Any, array: Any) -> None:
        self.seq = float("inf")
        self.edges = ()
        self.saved = ()
        self.shape, self.dtype = array.shape, array.dtype
        self._extra = None
        self.array = array
        self.leaf = weakref.ref(leaf)
        self.lock = threading.Lock()
        self.post_accumulate_hooks: dict[int, Hook] = {}

    @property
    def variable(self) -> Any:
        """The leaf itself."""
        leaf = self.leaf()
        if leaf is None:
            leaf = _upper.wrap(self.array, self)
            self.leaf = weakref.ref(leaf)
        return leaf
