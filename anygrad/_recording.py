"""Computing a primitive and recording it: the general path, in plain words.

`apply` takes whatever a user may pass (`_operands.py` makes raw arrays of it), computes, and makes
the node. The functions that `_primitive.py` writes do the same for exact Tensors in the usual mode, and
come here for everything else.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from . import _engine, _modes, _upper
from ._alias import NO_GRAD, alias_of, cell_of, share
from ._backends import Backend, is_array, load, namespace
from ._dtypes import is_inexact
from ._errors import OutOfMemoryError
from ._generic import GenericBackend
from ._graph import AccumulateGrad, Cell, Node, Output, Packed, sequence
from ._messages import translate
from ._operands import common_dtype, in_dtype, unwrap
from ._out_of_memory import out_of_memory
from ._tensor import Tensor, rewrapped, wrap
from ._transform import Transformed, innermost

if TYPE_CHECKING:
    from ._primitive import Primitive


def apply(made: Primitive, *inputs: Any, **params: Any) -> Any:
    """Compute a primitive and record it: what every call amounts to.

    Inputs are Tensors, raw arrays, Python numbers, or a Key (ops/indexing.py). Returns a
    Tensor, or a tuple of Tensors if the forward returns a tuple.
    """
    try:
        if _modes.profiler is not None:
            result = _modes.profiler.measure(made.name, "forward", _computed, made, inputs, params)
        else:
            result = _computed(made, inputs, params)
    except OutOfMemoryError:
        raise
    except MemoryError as error:  # also beside the computation: for numbers, copies, what is saved
        raise out_of_memory(error, made.name, [x._data for x in inputs if isinstance(x, Tensor)]) from error
    kind = _kind(inputs)
    if kind is Tensor or innermost(inputs) is not None:
        return result
    return tuple([rewrapped(out, kind) for out in result]) if type(result) is tuple else rewrapped(result, kind)


def _kind(inputs: Sequence[Any]) -> type[Tensor]:
    """The class of results: Tensor, or the subclass of it that an input is of; transformed ones know theirs."""
    kind = Tensor
    for x in inputs:
        if isinstance(x, Transformed):
            return Tensor
        if isinstance(x, Tensor) and issubclass(x._kind, kind):
            kind = x._kind
    return kind


def _computed(made: Primitive, inputs: Sequence[Any], params: dict[str, Any]) -> Any:
    if (inner := innermost(inputs)) is not None:
        return inner.interpret(made, inputs, params)
    raws, nodes, xp = unwrap(made, inputs)
    if not xp.like_numpy and (dtype := common_dtype([raws[i] for i in made.operands(raws)])):
        operands = made.operands(raws)
        return apply(made, *[in_dtype(x if isinstance(x, Tensor) else raws[i], dtype) if i in operands else x for i, x in enumerate(inputs)], **params)
    recording = made.differentiable and _modes.local.grad_enabled and any(n is not None for n in nodes)
    try:
        with xp.device_guard(next(filter(is_array, raws))):
            result = made.forward(xp, *raws, **params)
    except Exception as error:
        if made.view or recording and not made.indexes or not left_open(error, xp):
            raise translate(error, made.name, made.inputs, raws, params) from error
        result = as_numpy_does(made, raws, xp, params)
    if type(result) is tuple:
        return several(made, inputs, raws, params, result)
    out = wrap(result)
    if made.view:
        if xp.shares_memory(out._data, raws[0]):
            note_view(made, out, inputs[0], params)
    elif any(out._data is raw for raw in raws):
        out._data = xp.copy(out._data)
    if recording and is_inexact(out._data):
        out._node = finish(record(made, inputs, raws, nodes, params), out)
    if _modes.local.inference and out._alias is None:
        alias_of(out).storage.inference = True
    return out


def left_open(error: Exception, xp: Backend) -> bool:
    """Whether this may be an error because the library does only what the standard says, and NumPy would do more."""
    return not xp.like_numpy and isinstance(error, (TypeError, IndexError, OverflowError))


def as_numpy_does(made: Primitive, raws: list[Any], xp: Backend, params: dict[str, Any]) -> Any:
    """What NumPy gives where a library refuses what the standard leaves open, such as the largest of booleans."""
    generic: GenericBackend = xp
    where = generic.device_of(next(filter(is_array, raws)))
    host = [generic.host_key(r) for r in raws]
    try:
        result = made.forward(load("numpy"), *host, **params)
    except Exception as error:
        raise translate(error, made.name, made.inputs, raws, params) from error
    if type(result) is tuple:
        return tuple([generic.from_host(np.asarray(r), where) for r in result])
    return generic.from_host(np.asarray(result), where)


def several(made: Primitive, inputs: Sequence[Any], raws: Sequence[Any], params: dict[str, Any], results: tuple[Any, ...]) -> tuple[Tensor, ...]:
    """The outputs of a primitive that has several."""
    outs = tuple([wrap(r) for r in results])
    nodes = [x._node if isinstance(x, Tensor) else None for x in inputs]
    if made.view:
        for i, out in enumerate(outs):
            if namespace(out._data).shares_memory(out._data, raws[0]):
                note_view(made, out, inputs[0], params, i)
    if made.differentiable and _modes.local.grad_enabled and any(nodes):
        node = record(made, inputs, raws, nodes, params)
        node.shape, node.dtype, node.count = None, outs[0]._data.dtype, len(outs)
        _save_out(node, outs)
        for i, out in enumerate(outs):
            if is_inexact(out._data):
                out._node = node.output(i, out._data)
    return outs


# ---------------------------------------------------------------------------
# nodes
# ---------------------------------------------------------------------------


class PrimitiveNode(Node):
    """The node of a primitive."""

    __slots__ = ("_outputs", "count")
    primitive: ClassVar[Primitive]
    count: int
    _outputs: dict[int, weakref.ref[Output]]

    @property
    def outputs(self) -> int:  # type: ignore[override]
        try:
            return self.count
        except AttributeError:
            return 1

    @property
    def function_name(self) -> str:
        return self.primitive.name

    def output(self, index: int, array: Any) -> Output:
        """The edge to one of several outputs: the same one as long as it lives."""
        try:
            known = self._outputs
        except AttributeError:
            known = self._outputs = {}
        return Output.of(self, known, index, array)

    # The first node of a primitive that runs puts the written method in its class.

    def vjp(self, g: Any, edges: tuple[Node | None, ...], conjugate: bool = True) -> tuple[Any, ...]:
        type(self).vjp = self.primitive.vjp(recorded=False)  # type: ignore[method-assign]
        return self.vjp(g, edges, conjugate)

    def vjp_recorded(self, g: Any, edges: tuple[Node | None, ...], conjugate: bool = True) -> tuple[Any, ...]:
        type(self).vjp_recorded = self.primitive.vjp(recorded=True)  # type: ignore[method-assign]
        return self.vjp_recorded(g, edges, conjugate)

    def saved_value(self, position: int) -> Any:
        """What `_saved_NAME` gives: a saved value as a Tensor with its history, a leaf as itself; None if it was not needed.

        Raises
        ------
        RuntimeError
            If backward has freed it.
        """
        if self.saved is None:
            raise RuntimeError(f"what `{self.name()}` saved was freed by backward. `backward(retain_graph=True)` keeps it.")
        _, kind, index, _ = self.primitive.saves[position]
        value = self.saved[position]
        edge = self.edges[index] if kind == "input" and not self.primitive.variadic else None
        if isinstance(edge, AccumulateGrad) and isinstance(value, Cell) and value.array is edge.array:
            return edge.variable
        return self._revive(kind, index, value)

    def _revive(self, kind: str, index: int, value: Any) -> Any:
        """A saved value as a Tensor with its history."""
        if value is None or kind in ("param", "shape", "dtype"):
            return value
        if kind == "out" and isinstance(value, tuple):
            return self.revive_outputs(value)
        if kind == "out":
            return revive(value, self)
        if isinstance(value, tuple):  # of a variadic primitive
            return tuple(revive(v, edge) for v, edge in zip(value, self.edges, strict=True))
        return revive(value, self.edges[index])

    def revive_outputs(self, cells: tuple[Any, ...]) -> tuple[Any, ...]:
        """Saved outputs as Tensors with their history."""
        return tuple([revive(v, self.output(i, v.array) if is_inexact(v.array) else None) for i, v in enumerate(cells)])


def revive(value: Any, node: Node | None) -> Any:
    """A saved value as a Tensor with its history; numbers and keys as they are.

    The Tensor has the cell in which the value was saved: what is saved of it in turn is
    preserved when the memory is written.
    """
    array = value.array
    if not is_array(array):
        return array
    tensor = wrap(array, node)
    if isinstance(value, Cell):
        tensor._cell = value
    return tensor


def conjugates(g: Any, conj: Callable[[Any], Any]) -> Any:
    """The conjugate of a gradient, or of those in a list that have arrived."""
    return [None if v is None else conj(v) for v in g] if type(g) is list else conj(g)


def names_of(rule: Callable[..., Any] | None) -> tuple[str, ...]:
    """What a rule asks for beside the incoming gradient."""
    return () if rule is None else rule.__code__.co_varnames[1 : rule.__code__.co_argcount]


def missing(made: Primitive, index: int) -> Any:
    """Raise for an input that has no rule."""
    name = made.inputs[0] if made.variadic else made.inputs[index]
    raise NotImplementedError(
        f"{made.name}: the derivative with respect to `{name}` is not implemented. Detach that argument, or give a rule with autograd.Function."
    )


# ---------------------------------------------------------------------------
# recording
# ---------------------------------------------------------------------------


def record(made: Primitive, inputs: Sequence[Any], raws: Sequence[Any], nodes: Sequence[Node | None], params: dict[str, Any]) -> PrimitiveNode:
    """A node for one application, all but what it saves of the output (see `finish`)."""
    node = (made._node or made.node)()
    node.seq = next(sequence)
    node.edges = tuple(nodes)
    node._extra = None
    saved: list[Any] = []
    for name, kind, index, users in made.saves:
        if kind == "out" or not (made.variadic or any(nodes[u] is not None for u in users)):
            saved.append(None)
        elif kind == "param":
            saved.append(params.get(name))
        elif made.variadic:
            saved.append(tuple([_save_input(kind, x, r) for x, r in zip(inputs, raws, strict=True)]))
        else:
            saved.append(_save_input(kind, inputs[index], raws[index]))
    node.saved = tuple(saved)
    if _engine.watcher is not None:
        _engine.watcher.note_forward(node)
    return node


def _save_input(kind: str, x: Any, raw: Any) -> Any:
    return save(x, raw) if kind == "input" else raw.shape if kind == "shape" else raw.dtype


def finish(node: PrimitiveNode, out: Tensor) -> PrimitiveNode:
    """Note the output's shape and dtype, and save it if a rule wants it."""
    node.shape, node.dtype = out._data.shape, out._data.dtype
    _save_out(node, out)
    return node


def _save_out(node: PrimitiveNode, out: Tensor | tuple[Tensor, ...]) -> None:
    made = node.primitive
    for i, (_, kind, _, users) in enumerate(made.saves):
        if kind == "out" and (made.variadic or any(node.edges[u] is not None for u in users)):
            value = tuple([save(o, o._data) for o in out]) if isinstance(out, tuple) else save(out, out._data)
            node.saved = (*node.saved[:i], value, *node.saved[i + 1 :])  # type: ignore[index]


def save(x: Any, raw: Any) -> Any:
    """A saved value: the Tensor's cell; through the hooks on saved values, if there are any."""
    if isinstance(x, Tensor):
        hooks = _modes.local.saved_tensors_hooks
        if hooks and is_inexact(raw):
            pack, unpack = hooks[-1]
            with _modes.no_grad():
                packed = Packed(pack, unpack, x.detach(), cell_of(x))
            packed.settle()
            return packed
        return cell_of(x)
    if hasattr(x, "cells"):
        return x
    cell = Cell()
    cell.array = raw
    return cell


# ---------------------------------------------------------------------------
# views
# ---------------------------------------------------------------------------


class Step:
    """How a view is made: a primitive with its parameters, and which of its outputs."""

    __slots__ = ("index", "made", "params")

    def __init__(self, made: Primitive, params: dict[str, Any], index: int | None) -> None:
        self.made, self.params, self.index = made, params, index

    def __call__(self, x: Any) -> Any:
        """The same view of a Tensor (recorded) or of a raw array."""
        result = apply(self.made, x, **self.params) if isinstance(x, Tensor) else self.made.forward(namespace(x), x, **self.params)
        return result if self.index is None else result[self.index]


_upper.view_step = Step


def note_view(made: Primitive, out: Tensor, source: Any, params: dict[str, Any], index: int | None = None) -> None:
    """Note that `out` is a view of `source`, so that writes to either reach the other's history."""
    if isinstance(source, Tensor):
        share(out, source, (made, params, index), NO_GRAD if _modes.off and not _modes.local.grad_enabled else None)
