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
from typing import Any, ClassVar, NamedTuple

from .. import _modes
from .._batched import Batch, batches_of
from .._dtypes import is_inexact
from .._errors import ShapeError
from .._tensor import Tensor
from .._transform import Transformed, innermost
from .._tree import as_tuple, map_leaves
from ..ops.creation import zeros_like
from ..ops.data_types import astype
from ..ops.manipulation import moveaxis
from ._function_node import FunctionCtx, FunctionNode, for_each_entry, record


class VmapInfo(NamedTuple):
    """What `Function.vmap` is told of the batch."""

    batch_size: int
    randomness: str


class Function:
    """A function with a derivative of its own. Subclass it, and call `apply`.

    Define `forward(ctx, *args)`, or `forward(*args)` beside `setup_context(ctx, inputs, output)`;
    and `backward(ctx, *grad_outputs)`, which returns a gradient (or None) for each argument. For
    forward mode define `jvp(ctx, *grad_inputs)`, which takes a tangent (or None) for each argument.
    """

    _node_type: ClassVar[type[FunctionNode]] = FunctionNode

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._node_type = type(f"{cls.__name__}Backward", (FunctionNode,), {"__slots__": (), "function": cls})

    def __init__(self) -> None:
        raise RuntimeError(
            f"{type(self).__name__} is not instantiated: define forward and backward as static methods and call {type(self).__name__}.apply(...)"
        )

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """Compute the outputs: `forward(ctx, *args)`, or `forward(*args)` with `setup_context`."""
        raise NotImplementedError("a subclass of autograd.Function must define forward as a static method")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> Any:
        """Save what backward needs, where forward does not take ctx."""
        raise NotImplementedError

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """Gradients of the arguments from those of the outputs."""
        raise NotImplementedError("a subclass of autograd.Function must define backward to be differentiated")

    @staticmethod
    def jvp(ctx: Any, *grad_inputs: Any) -> Any:
        """Tangents of the outputs from those of the arguments."""
        raise NotImplementedError("You must implement the jvp function for custom autograd.Function to use it with forward mode AD, as a static method")

    def vmap(info: Any, in_dims: tuple[int | None, ...], *args: Any) -> tuple[Any, Any]:
        """The outputs for all entries of a batch, and which axis of each is that of the batch (None: it has none).

        Without it, forward and backward are batched like any other function under `func.vmap`. `info` has
        `batch_size` and `randomness`; `in_dims` tells for each argument which axis is that of the batch.
        """
        raise NotImplementedError

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Run forward; what it returns is part of the graph."""
        if cls.setup_context is not Function.setup_context and not kwargs:
            args = _with_defaults(cls.forward, args)
        inner = innermost(args)
        return cls.run(args, kwargs)[0] if inner is None else inner.call_function(cls, args, kwargs)

    @classmethod
    def run(cls, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, FunctionCtx, tuple[Tensor, ...], list[bool]]:
        """What `apply` returns, the context, the tensors that forward wrote to, and which outputs have no gradient."""
        nodes = [a._node if isinstance(a, Tensor) else None for a in args]
        ctx, result = cls._called(args, kwargs, tuple(n is not None for n in nodes))
        several = isinstance(result, (tuple, list))
        dirty = ctx._dirty
        batches = batches_of(*args)
        outs = for_each_entry(ctx, list(as_tuple(result)), batches)
        fixed = [any(o is t for t in ctx._non_differentiable) for o in outs]
        if _modes.local.grad_enabled and any(ctx.needs_input_grad):
            outs = record(cls, ctx, args, nodes, outs, batches)
        return tuple(outs) if several else outs[0], ctx, dirty, fixed

    @classmethod
    def _called(cls, args: tuple[Any, ...], kwargs: dict[str, Any], needs_input_grad: tuple[bool, ...]) -> tuple[FunctionCtx, Any]:
        ctx = FunctionCtx()
        ctx.needs_input_grad = needs_input_grad
        with _modes.no_grad():
            if cls.setup_context is Function.setup_context:
                return ctx, cls.forward(ctx, *args, **kwargs)
            result = cls.forward(*args, **kwargs)
            cls.setup_context(ctx, args, result)
            return ctx, result

    @classmethod
    def push(cls, args: tuple[Any, ...], tangents: tuple[Tensor | None, ...], kwargs: dict[str, Any]) -> tuple[Any, list[Tensor | None], tuple[Tensor, ...]]:
        """What `apply` returns, the tangent of each output, and the tensors that forward wrote to."""
        if any(isinstance(a, Transformed) for a in args):
            # A level further out has its own way with the function; jvp needs a context that knows its tensors.
            copies = tuple(a.clone() if isinstance(a, Tensor) else a for a in args)
            result = cls.apply(*args, **kwargs)
            with _modes.no_grad():
                _, ctx, written, fixed = cls.run(copies, kwargs)
            dirty = tuple(a for a, copy in zip(args, copies, strict=True) if any(copy is w for w in written))
        else:
            result, ctx, dirty, fixed = cls.run(args, kwargs)
        zeros = [_zeros_like(a) if isinstance(a, Tensor) and ctx._materialize else None for a in args]
        ctx._pushing = True
        try:
            found = cls.jvp(ctx, *[z if t is None else t.clone() if dirty else t for t, z in zip(tangents, zeros, strict=True)])
        finally:
            ctx._pushing = False
        given = as_tuple(found)
        outs = result if isinstance(result, tuple) else (result,)
        if len(given) != len(outs):
            raise RuntimeError(
                f"{cls.__name__}.jvp returned an invalid number of forward gradients (expected {len(outs)} but got {len(given)}): one for each output"
            )
        return result, [_checked_tangent(cls, i, t, None if fixed[i] else y) for i, (t, y) in enumerate(zip(given, outs, strict=True))], dirty

    @classmethod
    def has_vmap(cls) -> bool:
        """Whether the function brings its own `vmap`."""
        return cls.vmap is not Function.vmap

    @classmethod
    def vmapped(cls, batch: Batch, args: tuple[Any, ...]) -> Any:
        """What the function's own `vmap` gives."""
        in_dims = tuple(0 if batch.holds(a) else None for a in args)
        given = cls.vmap(VmapInfo(batch.size, batch.randomness), in_dims, *[a.value if batch.holds(a) else a for a in args])
        if not (isinstance(given, tuple) and len(given) == 2):
            raise RuntimeError(f"{cls.__name__}.vmap must return a tuple (outputs, out_dims), where out_dims has an int or None for each output")
        outs, out_dims = given
        dims = (out_dims,) * len(outs) if isinstance(outs, tuple) and not isinstance(out_dims, tuple) else out_dims
        return map_leaves(lambda y, dim: y if dim is None else batch.covered(moveaxis(y, dim, 0)), outs, dims)


def _with_defaults(function: Callable[..., Any], args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments and the defaults of those that are left out: `setup_context` and backward know them all."""
    defaults = getattr(function, "__defaults__", None) or ()
    missing = function.__code__.co_argcount - len(args) if defaults else 0
    return (*args, *defaults[-missing:]) if 0 < missing <= len(defaults) else args


def _zeros_like(x: Tensor) -> Tensor | None:
    return zeros_like(x) if is_inexact(x._data) else None


def _checked_tangent(cls: type[Function], index: int, t: Any, y: Any) -> Tensor | None:
    """What jvp returned for one output, which is None if it has no gradient."""
    if t is None:
        return None
    if not isinstance(y, Tensor) or not is_inexact(y._data):
        raise RuntimeError(
            f"{cls.__name__}.jvp returned a gradient at position {index}, but the corresponding forward output is not a differentiable Tensor; return None for it"
        )
    if not isinstance(t, Tensor):
        raise RuntimeError(f"{cls.__name__}.jvp returned {type(t).__name__} as the forward gradient at index {index}; expected a Tensor or None")
    if t.shape != y.shape:
        raise ShapeError(
            f"{cls.__name__}.jvp returned a forward gradient of shape {t.shape} at index {index}; the output has shape {y.shape} (a different size)"
        )
    return t if t.dtype == y.dtype else astype(t, y.dtype)


def once_differentiable(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a `backward` that is not differentiable itself: a second derivative raises."""

    @functools.wraps(backward)
    def wrapper(ctx: Any, *grads: Any) -> Any:
        with _modes.no_grad():
            result = backward(ctx, *grads)
        if not _modes.is_grad_enabled() or not any(isinstance(g, Tensor) and g.requires_grad for g in grads):
            return result
        results = result if isinstance(result, tuple) else (result,)
        tracked = tuple(r if r is None or not is_inexact(r._data) else _Refuse.apply(r, *[g for g in grads if isinstance(g, Tensor)]) for r in results)
        return tracked if isinstance(result, tuple) else tracked[0]

    return wrapper


class _Refuse(Function):
    """A gradient that cannot be differentiated again."""

    @staticmethod
    def forward(ctx: Any, result: Tensor, *grads: Tensor) -> Tensor:
        return result.clone()

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        raise RuntimeError(
            "trying to differentiate twice a function that was marked with @once_differentiable. Write its backward with Tensor operations and leave the decorator out."
        )
