"""What is in the graph of a custom Function: its context, its node, and how one application is recorded."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from .. import _alias, _engine, _modes
from .._backends import namespace
from .._batched import Batch, Batched, batches_of, entered
from .._dtypes import as_dtype, is_inexact
from .._errors import DTypeError, ShapeError
from .._graph import Node, Output, sequence
from .._recording import revive
from .._recording import save as save_value
from .._tensor import Tensor, wrap
from .._tree import as_tuple
from ..ops.inplace import adopt
from ..ops.statistical import sum

if TYPE_CHECKING:
    from .function import Function


class FunctionCtx:
    """What `forward` and `backward` of a Function share: any attributes, and these methods."""

    needs_input_grad: tuple[bool, ...] = ()

    def __init__(self) -> None:
        self.to_save: tuple[Any, ...] = ()
        self.saved_for_forward: tuple[Any, ...] = ()
        self._pushing = False
        self._dirty: tuple[Tensor, ...] = ()
        self._non_differentiable: tuple[Tensor, ...] = ()
        self._materialize = True
        self._node: weakref.ref[FunctionNode] | None = None

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep tensors for backward: inputs and outputs. Called again, it replaces the earlier ones."""
        _check_saved("save_for_backward", tensors)
        self.to_save = tensors

    def save_for_forward(self, *tensors: Tensor | None) -> None:
        """Keep tensors for jvp: inputs and outputs. It finds them in `saved_tensors`."""
        _check_saved("save_for_forward", tensors)
        self.saved_for_forward = tensors

    def mark_dirty(self, *tensors: Tensor) -> None:
        """Say which inputs forward wrote to in place; they must be returned."""
        for t in tensors:
            if not isinstance(t, Tensor):
                raise RuntimeError(f"mark_dirty takes the Tensors that forward wrote to, not {type(t).__name__}")
        self._dirty = tensors

    def mark_non_differentiable(self, *tensors: Tensor) -> None:
        """Say which outputs have no gradient."""
        self._non_differentiable = tensors

    def set_materialize_grads(self, value: bool) -> None:
        """False: backward gets None for outputs that no gradient came to, instead of zeros."""
        self._materialize = bool(value)

    @property
    def saved_tensors(self) -> tuple[Tensor | None, ...]:
        """What `save_for_backward` kept; in jvp what `save_for_forward` did."""
        if self._pushing:
            return self.saved_for_forward
        node = None if self._node is None else self._node()
        return self.to_save if node is None else node.saved_tensors


def _check_saved(name: str, tensors: tuple[Any, ...]) -> None:
    for t in tensors:
        if t is not None and not isinstance(t, Tensor):
            raise TypeError(f"{name} can only save variables (Tensors or None), not {type(t).__name__}. Set other values as attributes of ctx.")


class FunctionNode(Node):
    """The node of a Function. It owns the context, whose attributes can be read on it."""

    __slots__ = ("batches", "count", "ctx", "held", "likes", "output_refs", "slots")
    function: ClassVar[type[Function]]
    runs_without_gradient: ClassVar[bool] = True

    ctx: FunctionCtx
    batches: tuple[Batch, ...]  # those that arguments were batched with: backward is called for one entry, as forward was
    held: tuple[tuple[Batch, ...], ...]  # those of each edge
    count: int
    slots: tuple[int, ...]  # which argument of apply each edge belongs to
    likes: tuple[Any, ...]  # shape, dtype, backend and device of each output that is a Tensor
    output_refs: dict[int, weakref.ref[Output]]

    def __getattr__(self, name: str) -> Any:
        if name in FunctionNode.__slots__:
            raise AttributeError(name)
        return getattr(self.ctx, name)

    @property
    def outputs(self) -> int:  # type: ignore[override]
        return self.count

    @property
    def saved_tensors(self) -> tuple[Tensor | None, ...]:
        """What forward saved, each with its history."""
        if self.saved is None:
            raise RuntimeError(f"the saved tensors have already been freed. {_engine.freed_message(self)}")
        return tuple(None if s is None else s() for s in self.saved[1:])

    def vjp(self, g: Any, edges: tuple[Node | None, ...]) -> Any:
        gs = [g] if self.count == 1 else (g or [None] * self.count)
        with _modes.no_grad():
            grads = self._call([None if v is None else wrap(v) for v in gs])
        return tuple(None if t is None or e is None else t._data for t, e in zip(grads, edges, strict=True))

    def vjp_recorded(self, g: Any, edges: tuple[Node | None, ...]) -> Any:
        return tuple(self._call([g] if self.count == 1 else (g or [None] * self.count)))

    def _call(self, gs: list[Tensor | None]) -> list[Tensor | None]:
        ctx = self.ctx
        if ctx._materialize:
            gs = [self._zeros(i) if v is None else v for i, v in enumerate(gs)]
        given = self._backward(gs)
        expected = len(ctx.needs_input_grad)
        while len(given) > expected and given[-1] is None:
            given.pop()
        if len(given) != expected:
            raise RuntimeError(
                f"{self.name()} returned an incorrect number of gradients (expected {expected}, got {len(given)}): one for each argument of forward, None where there is none"
            )
        for position, v in enumerate(given):
            if v is not None and position not in self.slots:
                raise RuntimeError(f"{self.name()} returned a gradient at index {position}, where the argument of forward is not a Tensor; return None for it")
        grads: list[Tensor | None] = []
        for position, edge in zip(self.slots, self.edges, strict=True):
            v = given[position]
            if v is not None and not isinstance(v, Tensor):
                raise RuntimeError(f"{self.name()} returned {type(v).__name__} as the gradient at index {position}; expected a Tensor or None")
            if v is not None and edge is not None and not _sums_to(v.shape, edge.shape or ()):
                raise ShapeError(
                    f"{self.name()} returned an invalid gradient at index {position} - got {list(v.shape)} but expected shape compatible with {list(edge.shape or ())}"
                )
            grads.append(v if v is None or edge is None else self._fit(v, edge, position))
        return grads

    def _fit(self, v: Tensor, edge: Node, position: int) -> Tensor:
        """A gradient as the engine wants it. That looks only at whether input and output differ, but backward may return anything."""
        if v._data.dtype != edge.dtype and v.dtype.kind == "c" and as_dtype(edge.dtype).kind != "c":
            raise DTypeError(f"{self.name()} returned a gradient at index {position} of dtype {v.dtype} for a real input. Take `.real` of it.")
        return _engine.fit(v, edge, recorded=True)

    def _backward(self, gs: list[Tensor | None]) -> list[Any]:
        """What backward returns, in a list."""
        with entered(self.batches):
            for batch in self.batches:
                gs = [None if g is None else batch.covered(g) for g in gs]
            result = self.function.backward(self.ctx, *gs)
            given = list(as_tuple(result))
            for batch in reversed(self.batches):
                for position, held in zip(self.slots, self.held, strict=True):
                    if position < len(given) and isinstance(given[position], Tensor):
                        g = batch.exposed(given[position])
                        given[position] = g if batch in held else sum(g, axis=0)
        return given

    def _zeros(self, index: int) -> Tensor | None:
        if self.likes[index] is None:
            return None
        shape, dtype, xp, where = self.likes[index]
        return wrap(xp.zeros(shape, dtype=dtype, device=where))

    def output_node(self, index: int, array: Any) -> Node:
        """The node that gradients of one output are sent to."""
        return self if self.count == 1 else Output.of(self, self.output_refs, index, array)


def _sums_to(shape: tuple[int, ...], target: tuple[int, ...]) -> bool:
    return len(shape) >= len(target) and all(n in (1, m) for n, m in zip(reversed(target), reversed(shape), strict=False))


def for_each_entry(ctx: FunctionCtx, outs: list[Any], batches: tuple[Batch, ...]) -> list[Any]:
    """The outputs, each batched with all that an argument is batched with."""
    if not batches:
        return outs
    fresh = {}
    for o in outs:
        if isinstance(o, Tensor) and not set(batches) <= set(batches_of(o)):
            out = o
            for batch in batches:
                out = batch.covered(batch.exposed(out))
            fresh[id(o)] = out
    if fresh:
        ctx.to_save, ctx._non_differentiable = (tuple([fresh.get(id(t), t) for t in ts]) for ts in (ctx.to_save, ctx._non_differentiable))
    return [fresh.get(id(o), o) for o in outs]


def record(cls: type[Function], ctx: FunctionCtx, args: tuple[Any, ...], nodes: list[Node | None], outs: list[Any], batches: tuple[Batch, ...]) -> list[Any]:
    """Make the node of one application, and the outputs its own."""
    for t in ctx._dirty:
        if t.requires_grad and t.is_leaf:
            raise RuntimeError(f"{cls.__name__} wrote in place to a leaf that requires grad, which would leave it without its history. Pass it a `.clone()`.")
    dirty, returned = [id(t) for t in ctx._dirty], [id(a) for a in args]
    if not set(dirty) <= {id(o) for o in outs}:
        raise RuntimeError(
            f"{cls.__name__} marked a tensor as dirty that forward did not return: every input that is written to in place is returned as an output"
        )
    # An input that is returned becomes a new Tensor over the same memory, unless it was written to.
    results = [o.detach() if isinstance(o, Tensor) and id(o) in returned and id(o) not in dirty else o for o in outs]
    node = cls._node_type()
    node.ctx, node._extra, node.output_refs = ctx, None, {}
    node.seq = next(sequence)
    if _engine.watcher is not None:
        _engine.watcher.note_forward(node)
    node.batches = batches
    node.slots = slots = tuple([i for i, a in enumerate(args) if isinstance(a, Tensor)])
    node.held = tuple([batches_of(args[i]) for i in slots]) if batches else ((),) * len(slots)
    node.edges = tuple([nodes[i] for i in slots])
    node.count = len(results)
    node.likes = tuple([_like(o._data) if isinstance(o, Tensor) else None for o in results])
    node.shape, node.dtype = node.likes[0][:2] if len(results) == 1 and node.likes[0] else (None, None)
    without = [id(t) for t in ctx._non_differentiable]
    histories = {}
    for i, out in enumerate(results):
        if isinstance(out, Tensor) and is_inexact(out._data) and id(outs[i]) not in without:
            histories[id(outs[i])] = i
            _give_history(out, node.output_node(i, out._data), id(out) in dirty, out is not outs[i], cls.__name__)
    node.saved = (True, *[None if t is None else _saved(t, node, histories.get(id(t))) for t in ctx.to_save])
    ctx.to_save, ctx._dirty, ctx._non_differentiable = (), (), ()
    ctx._node = weakref.ref(node)
    return results


def _like(array: Any) -> tuple[Any, ...]:
    xp = namespace(array)
    return array.shape, array.dtype, xp, xp.device_of(array)


def _give_history(out: Tensor, node: Node, written: bool, returned: bool, name: str) -> None:
    alias = out._alias
    if written:
        _alias.count_write(out)
        adopt(out, node)
        return
    out._node = node
    if alias is not None and alias.base is not None:
        alias.fixed = f"it is a view that the custom Function {name} returned"
    elif returned:
        _alias.alias_of(out).fixed = f"it is a view of the input that the custom Function {name} returned as it was"


def _saved(tensor: Tensor, node: FunctionNode, index: int | None) -> Callable[[], Tensor]:
    """A function that gives a saved tensor back; of an output it keeps only the array, so that there is no cycle."""
    if isinstance(tensor, Batched):
        batch, entries = tensor.batch, _saved(tensor.value, node, index)
        return lambda: Batched(batch, entries())
    value = save_value(tensor, tensor._data)
    if index is None:
        history = tensor._node
        return lambda: revive(value, history)
    reference = weakref.ref(node)

    def output() -> Tensor:
        owner = reference()
        return revive(value, None if owner is None else owner.output_node(index, value.array))

    return output
