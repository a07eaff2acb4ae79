"""Custom functions: `autograd.Function`, with PyTorch's protocol.

    class Cube(anygrad.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x * x

        @staticmethod
        def backward(ctx, grad):
            (x,) = ctx.saved_tensors
            return grad * 3 * x * x

    y = Cube.apply(x)
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ClassVar

from .. import _alias, _modes
from .._backends import as_dtype, namespace
from .._engine import freed_message
from .._errors import ShapeError
from .._graph import Cell, Node, Output, sequence
from .._primitive import _save as save_value
from .._primitive import is_inexact
from .._tensor import Tensor, wrap


class FunctionCtx:
    """What `forward` and `backward` of a Function share: any attributes, and these methods."""

    needs_input_grad: tuple[bool, ...]

    def __init__(self) -> None:
        self._to_save: tuple[Any, ...] = ()
        self._dirty: tuple[Tensor, ...] = ()
        self._non_differentiable: tuple[Tensor, ...] = ()
        self._materialize = True
        self._node: FunctionNode | None = None

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep tensors for backward: inputs and outputs. Called again, it replaces the earlier ones."""
        for t in tensors:
            if t is not None and not isinstance(t, Tensor):
                raise TypeError(f"save_for_backward can only save variables (Tensors or None), not {type(t).__name__}. Set other values as attributes of ctx.")
        self._to_save = tensors

    def mark_dirty(self, *tensors: Tensor) -> None:
        """Say which inputs forward wrote to in place; they must be returned."""
        self._dirty = tensors

    def mark_non_differentiable(self, *tensors: Tensor) -> None:
        """Say which outputs have no gradient."""
        self._non_differentiable = tensors

    def set_materialize_grads(self, value: bool) -> None:
        """False: backward gets None for outputs that no gradient came to, instead of zeros."""
        self._materialize = bool(value)

    @property
    def saved_tensors(self) -> tuple[Tensor | None, ...]:
        """What `save_for_backward` kept."""
        if self._node is None:
            return self._to_save
        return self._node.saved_tensors


class FunctionNode(Node):
    """The node of a Function; backward gets its context."""

    __slots__ = ("count", "ctx", "function", "label", "likes", "output_refs", "slots")
    runs_without_gradient: ClassVar[bool] = True

    function: type[Function]
    ctx: FunctionCtx
    count: int
    slots: tuple[int, ...]  # which argument of apply each edge belongs to
    likes: tuple[Any, ...]  # shape, dtype and backend of each output

    @property
    def outputs(self) -> int:  # type: ignore[override]
        return self.count

    def name(self) -> str:
        return self.label

    @property
    def saved_tensors(self) -> tuple[Tensor | None, ...]:
        """What forward saved, each with its history."""
        if self.saved is None:
            raise RuntimeError(f"the saved tensors have already been freed. {freed_message(self)}")
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
        result = self.function.backward(ctx, *gs)
        given = list(result) if isinstance(result, (tuple, list)) else [result]
        expected = len(ctx.needs_input_grad)
        while len(given) > expected and given[-1] is None:
            given.pop()
        if len(given) != expected:
            raise RuntimeError(f"{self.label} returned an incorrect number of gradients (expected {expected}, got {len(given)}): one for each argument of forward, None where there is none")
        grads: list[Tensor | None] = []
        for position, edge in zip(self.slots, self.edges, strict=True):
            v = given[position]
            if v is not None and not isinstance(v, Tensor):
                raise RuntimeError(f"{self.label} returned {type(v).__name__} as the gradient at index {position}; expected a Tensor or None")
            if v is not None and edge is not None and not _sums_to(v.shape, tuple(edge.shape)):
                raise ShapeError(f"{self.label} returned an invalid gradient at index {position} - got {list(v.shape)} but expected shape compatible with {list(edge.shape)}")
            grads.append(v)
        return grads

    def _zeros(self, index: int) -> Tensor:
        shape, dtype, xp, where = self.likes[index]
        return wrap(xp.zeros(shape, dtype=dtype, device=where))


def _sums_to(shape: tuple[int, ...], target: tuple[int, ...]) -> bool:
    return len(shape) >= len(target) and all(n in (1, m) for n, m in zip(reversed(target), reversed(shape), strict=False))


class Function:
    """A function with a derivative of its own. Subclass it, and call `apply`.

    Define `forward(ctx, *args)`, or `forward(*args)` beside `setup_context(ctx, inputs, output)`;
    and `backward(ctx, *grad_outputs)`, which returns a gradient (or None) for each argument.
    """

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError("a subclass of autograd.Function must define forward")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> Any:
        raise NotImplementedError("setup_context is to be defined in the subclass, where forward does not take ctx")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        raise NotImplementedError("a subclass of autograd.Function must define backward to be differentiated")

    vjp = backward

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Run forward; what it returns is part of the graph."""
        if "forward" not in {name for base in cls.__mro__ if base not in (Function, object) for name in vars(base)}:
            raise NotImplementedError(f"{cls.__name__} must define forward(ctx, ...) as a static method")
        ctx = FunctionCtx()
        tensors = [a for a in args if isinstance(a, Tensor)]
        nodes = {id(t): t._node for t in tensors}
        ctx.needs_input_grad = tuple(isinstance(a, Tensor) and a.requires_grad for a in args)
        recording = _modes.local.grad_enabled and any(ctx.needs_input_grad)
        separate = cls.setup_context is not Function.setup_context
        with _modes.no_grad():
            result = cls.forward(*args, **kwargs) if separate else cls.forward(ctx, *args, **kwargs)
            if separate:
                cls.setup_context(ctx, args, result)
        several = isinstance(result, (tuple, list))
        outs = _outputs(ctx, tensors, list(result) if several else [result], recording)
        if recording:
            _record(cls, ctx, args, nodes, outs)
        return tuple(outs) if several else outs[0]


def _outputs(ctx: FunctionCtx, inputs: list[Tensor], results: list[Any], recording: bool) -> list[Any]:
    """Outputs as Tensors of their own: an input that is returned becomes a new one over the same memory."""
    outs = []
    for r in results:
        if isinstance(r, Tensor) and recording and any(r is t for t in inputs) and not any(r is d for d in ctx._dirty):
            out = r.detach()
            if any(r is t for t in ctx._to_save if t is not None):
                ctx._to_save = tuple(t for t in ctx._to_save)
            r = out
        outs.append(r)
    return outs


def _record(cls: type[Function], ctx: FunctionCtx, args: tuple[Any, ...], nodes: dict[int, Any], outs: list[Any]) -> None:
    node = FunctionNode()
    node.function, node.ctx, node.label = cls, ctx, f"{cls.__name__}Backward"
    node.seq = next(sequence)
    node.slots = tuple(i for i, a in enumerate(args) if isinstance(a, Tensor))
    node.edges = tuple(nodes[id(args[i])] for i in node.slots)
    node.shape, node.dtype, node._extra = (), None, None
    tracked = [o for o in outs if isinstance(o, Tensor) and is_inexact(o._data) and not any(o is t for t in ctx._non_differentiable)]
    tensors = [o for o in outs if isinstance(o, Tensor)]
    node.count = len(outs)
    node.likes = tuple((o.shape, o._data.dtype, namespace(o._data), namespace(o._data).device_of(o._data)) if isinstance(o, Tensor) else None for o in outs)
    if len(outs) == 1 and tensors:
        node.shape, node.dtype = outs[0]._data.shape, outs[0]._data.dtype
    for i, out in enumerate(outs):
        if any(out is t for t in tracked):
            history = node if node.count == 1 else Output(node, i, out._data)
            if any(out is d for d in ctx._dirty):
                _alias.count_write(out)
            out._node = history
            if out._alias is not None and out._alias.base is not None:
                out._alias.fixed = f"it is a view that the custom Function {cls.__name__} returned"
    node.saved = (True, *[None if t is None else _saved(t, node, outs) for t in ctx._to_save])
    ctx._to_save = ()
    ctx._node = node


def _saved(tensor: Tensor, node: FunctionNode, outs: list[Any]) -> Callable[[], Tensor]:
    """A function that gives a saved tensor back; of an output only the array is kept, so that there is no cycle."""
    import weakref

    value = save_value(tensor, tensor._data)
    for i, out in enumerate(outs):
        if out is tensor and tensor._node is not None:
            reference = weakref.ref(node)
            return lambda: wrap(value.array, _output_node(reference(), i, value))
    history = tensor._node
    return lambda: wrap(value.array, history)


def _output_node(node: FunctionNode | None, index: int, value: Cell) -> Node | None:
    return node if node is None or node.count == 1 else Output(node, index, value.array)


def once_differentiable(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a `backward` that is not differentiable itself: a second derivative raises."""

    @functools.wraps(backward)
    def wrapper(ctx: Any, *grads: Any) -> Any:
        with _modes.no_grad():
            result = backward(ctx, *grads)
        if not _modes.is_grad_enabled() or not any(isinstance(g, Tensor) and g.requires_grad for g in grads):
            return result
        results = result if isinstance(result, tuple) else (result,)
        tracked = tuple(r if r is None or as_dtype(r._data.dtype).kind not in "fcV" else _Refuse.apply(r, *[g for g in grads if isinstance(g, Tensor)]) for r in results)
        return tracked if isinstance(result, tuple) else tracked[0]

    return wrapper


class _Refuse(Function):
    """A gradient that cannot be differentiated again."""

    @staticmethod
    def forward(ctx: Any, result: Tensor, *grads: Tensor) -> Tensor:
        return result.clone()

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        raise RuntimeError("trying to differentiate twice a function that was marked with @once_differentiable. Write its backward with Tensor operations and leave the decorator out.")
