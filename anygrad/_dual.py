"""Dual numbers: a value and its tangent, carried through a computation side by side.

A `Dual` is a thin shell: memory, history and `.grad` are those of its primal, a tensor of the
levels outside of its own (usually a plain one). Operations give the primal to the primitive and
the tangents to the primitive's jvp (`_push.py`). Tangents are never written in place: a write to a
dual gives it a new tangent. A view keeps none of its own: it looks at that of its base through the
same steps that make it from the base, so that writes to either reach the other's tangent too.

Gradients of duals are duals. Let y and its tangent y' be computed from x and x'; then the tangent
of the gradient <g, dy/dx> is the gradient of <g, y'> + <g', y> with x' held: second derivatives are
symmetric. So the engine never sees a dual, and forward over reverse needs no rules of its own.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from . import _alias, _modes
from ._batched import Batched
from ._dtypes import is_inexact
from ._errors import DeviceError, DTypeError, ShapeError
from ._primitive import Primitive
from ._push import as_inputs, fitted, push
from ._recording import Step
from ._tensor import Tensor
from ._transform import Transformed, at_bottom, innermost, levels
from .ops.creation import zeros_like
from .ops.data_types import astype
from .ops.inplace import _follow, _set_view, write
from .ops.manipulation import reshape


class Level:
    """A context in which tensors carry tangents; after it they count as their primals, and what a write has turned is turned back."""

    __slots__ = ("entered", "number", "turned")

    def __init__(self) -> None:
        self.number, self.entered = next(levels), 0
        self.turned: list[weakref.ref[Dual]] = []

    @property
    def active(self) -> bool:
        return self.entered > 0

    def __enter__(self) -> Level:
        self.entered += 1
        return self

    def __exit__(self, *exc: object) -> None:
        self.entered -= 1
        if not self.entered:
            for x in _alive(reversed(self.turned)):
                _turn_back(x)
            self.turned.clear()


class Source:
    """The tangent of a base, which its views share; and these duals themselves."""

    __slots__ = ("duals", "value")

    def __init__(self, value: Tensor) -> None:
        self.value = value
        self.duals: list[weakref.ref[Dual]] = []


class State:
    """What a dual number is made of.

    Attributes
    ----------
    level : Level
    primal : Tensor
    source : Source
        Its tangent, or that of its base.
    steps : tuple of functions
        What makes it from the base.
    seen, tangent : Tensor
        The base's tangent when it was last looked at, and its own then.
    """

    __slots__ = ("level", "primal", "seen", "source", "steps", "tangent")

    def __init__(self, level: Level, primal: Tensor, source: Source, steps: tuple[Any, ...], tangent: Tensor | None = None) -> None:
        self.level, self.primal, self.source, self.steps = level, primal, source, steps
        self.tangent = tangent
        self.seen = None if tangent is None else source.value


class Dual(Transformed):
    """A tensor with a tangent. Its slots are those of Tensor, so that a write can turn a tensor into one."""

    __slots__ = ()
    state: Any = Tensor.__dict__["_data"]  # the slot of a Tensor's array holds a dual's state

    @property
    def level(self) -> int:  # type: ignore[override]
        return self.state.level.number

    @property
    def scope(self) -> Level:
        return self.state.level

    @property
    def primal(self) -> Tensor:
        return self.state.primal

    @property
    def tangent(self) -> Tensor:
        state = self.state
        if not state.steps:
            return state.source.value
        if state.seen is not state.source.value:
            before = _modes.switch_grad(True)
            try:
                state.seen, state.tangent = state.source.value, _follow(state.source.value, state.steps)
            finally:
                _modes.switch_grad(before)
        return state.tangent

    # -- what it has of its primal

    def _of_primal(name: str) -> Any:  # type: ignore[misc]
        return property(lambda self: getattr(self.state.primal, name), lambda self, value: setattr(self.state.primal, name, value))

    _data, _node, _cell, _alias, _grad = map(_of_primal, ("_data", "_node", "_cell", "_alias", "_grad"))
    shape, ndim, size = map(_of_primal, ("shape", "ndim", "size"))
    del _of_primal

    def detach(self) -> Tensor:
        """The primal's memory outside of the graph, without a tangent."""
        return self.primal.detach()

    def __repr__(self) -> str:
        text = repr(self.primal)
        return f"{text[:-1]}, tangent={self.tangent!r})" if self.state.level.active else text

    # -- transforms

    def interpret(self, made: Primitive, inputs: Sequence[Any], params: dict[str, Any]) -> Any:
        level, inputs = self.state.level, as_inputs(made, inputs)
        duals = [isinstance(x, Dual) and x.state.level is level for x in inputs]
        primals = [x.primal if d else x for x, d in zip(inputs, duals, strict=True)]
        out = made.function(*primals, **params)
        outs = out if isinstance(out, tuple) else (out,)
        if not (level.active and not _modes.local.inference and made.differentiable and any(is_inexact(y._data) for y in outs)):
            return out
        with np.errstate(all="ignore"):  # as in backward
            found = push(made, primals, [x.tangent if d else None for x, d in zip(inputs, duals, strict=True)], out, params)
        if isinstance(out, tuple):
            pairs = [(y, Step(made, params, i), t) for i, (y, t) in enumerate(zip(out, found, strict=True))]
            return tuple(y if t is None else _result(level, y, t, inputs[0] if made.view else None, step) for y, step, t in pairs)
        return _result(level, out, found, inputs[0] if made.view else None, Step(made, params, None))

    def write(self, x: Tensor, made: Primitive, others: tuple[Any, ...], raw_write: Callable[..., Any]) -> Tensor:
        level = self.state.level
        _, tangent = parts_at(self.interpret(made, (x, *others), {}), level)
        if tangent is not None:
            _become_dual(x, level)
        write(_primal(x, level), made, tuple(_primal(y, level) for y in others), raw_write)
        if tangent is not None:
            _set_tangent(x, tangent)
        return x

    def pull(self, rest: Callable[..., Any], outputs: Sequence[Any], inputs: Sequence[Any], seeds: Sequence[Any]) -> list[Tensor | None]:
        level = self.state.level
        ys, xs, gs = ([_primal(t, level) for t in tensors] for tensors in (outputs, inputs, seeds))
        y_tangents, x_tangents, g_tangents = ([_tangent(t, level) for t in tensors] for tensors in (outputs, inputs, seeds))
        pairs = [(t, g) for t, g in zip(y_tangents, gs, strict=True) if t is not None and t.requires_grad]
        pairs += [(y, t) for y, t in zip(ys, g_tangents, strict=True) if t is not None]
        if not pairs:
            return rest(ys, xs, gs)
        found = rest(ys, xs, gs, retain_graph=True)
        # An intermediate's own tangent is held although it may have been computed from it.
        held = [i for i, t in enumerate(x_tangents) if t is not None and t.requires_grad and not xs[i].is_leaf]
        again = {"retain_graph": True} if held else {}
        changes = rest([y for y, _ in pairs], [*xs, *[x_tangents[i] for i in held]], [g for _, g in pairs], **again)
        for i, through in zip(held, changes[len(xs) :], strict=True):
            if through is not None and (surplus := rest([x_tangents[i]], [xs[i]], [through], **again)[0]) is not None:
                changes[i] = changes[i] - surplus
        return [_pair(level, v, t) for v, t in zip(found, changes[: len(xs)], strict=True)]

    def call_function(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        level = self.state.level
        primals = tuple(_primal(a, level) for a in args)
        tangents = tuple(_tangent(a, level) for a in args)
        if not level.active:
            return function.apply(*primals, **kwargs)
        result, found, written = function.push(primals, tangents, kwargs)
        outs = list(result) if isinstance(result, tuple) else [result]
        for i, (y, t) in enumerate(zip(outs, found, strict=True)):
            if any(y is w for w in written):  # an argument that forward wrote to
                outs[i] = args[next(j for j, x in enumerate(primals) if x is y)]
                if t is not None:
                    _become_dual(outs[i], level)
                    _set_tangent(outs[i], t)
            elif t is not None:
                outs[i] = dual(level, y, t)
        return tuple(outs) if isinstance(result, tuple) else outs[0]

    def parts(self) -> tuple[Tensor, ...]:
        return (self.primal, self.tangent)

    def of_parts(self, parts: Sequence[Tensor]) -> Tensor:
        return dual(self.state.level, *parts)


def dual(level: Level, primal: Tensor, tangent: Tensor) -> Dual:
    """A dual number."""
    return _made(State(level, primal, Source(tangent), ()))


def _result(level: Level, out: Tensor, tangent: Tensor, source: Any, step: Step) -> Tensor:
    """A dual number; if it is a view of another, one that looks at the other's tangent."""
    if source is None or not out._is_view():
        return dual(level, out, tangent)
    return _made(State(level, out, source.state.source, (*source.state.steps, step), tangent))


def _made(state: State) -> Dual:
    out = Dual()
    out.state = state
    state.source.duals.append(weakref.ref(out))
    return out


def _primal(x: Any, level: Level) -> Any:
    """x without its tangent at a level, which may be inside of others (in gradients; inputs have none further in)."""
    if isinstance(x, Dual) and x.state.level is level:
        return x.primal
    if isinstance(x, Transformed) and x.level > level.number:
        return x.of_parts([_primal(part, level) for part in x.parts()])
    return x


def _tangent(x: Any, level: Level) -> Tensor | None:
    """The tangent of x at a level; None if it has none."""
    if not level.active or not isinstance(x, Transformed) or x.level < level.number:
        return None
    if isinstance(x, Dual) and x.state.level is level:
        return x.tangent
    tangents = [_tangent(part, level) for part in x.parts()]
    if all(t is None for t in tangents):
        return None
    return x.of_parts([zeros_like(_primal(part, level)) if t is None else t for part, t in zip(x.parts(), tangents, strict=True)])


def _pair(level: Level, value: Tensor | None, change: Tensor | None) -> Tensor | None:
    """A dual number of a value and its tangent; levels further in than its own are put around it."""
    if change is None:
        return value
    value = zeros_like(change) if value is None else value
    outer = innermost((value, change))
    if outer is None or outer.level < level.number:
        return dual(level, value, change)
    if isinstance(outer, Batched):
        return Batched(outer.batch, _pair(level, outer.batch.exposed(value), outer.batch.exposed(change)))  # type: ignore[arg-type]
    (v, v_tangent), (c, c_tangent) = (parts_at(x, outer.state.level) for x in (value, change))  # type: ignore[attr-defined]
    return dual(outer.state.level, _pair(level, v, c), _pair(level, v_tangent, c_tangent))  # type: ignore[attr-defined, arg-type]


def parts_at(x: Any, level: Level) -> tuple[Any, Tensor | None]:
    """The primal and the tangent of x at a level; x itself and None if it has no tangent there."""
    return _primal(x, level), _tangent(x, level)


def own(x: Tensor) -> Tensor:
    """Another tensor over the same memory, with the same history."""
    return reshape(x, x.shape) if x.requires_grad else at_bottom(Tensor.detach, x)


def checked_tangent(tangent: Tensor, primal: Tensor, where: str) -> Tensor:
    """A tangent that fits, cast to the dtype of its tensor; both are checked."""
    for name, t in (("primal", primal), ("tangent", tangent)):
        if not isinstance(t, Tensor):
            raise TypeError(f"{where}: the {name} must be a Tensor, not {type(t).__name__}. Write anygrad.asarray(...).")
        if not is_inexact(t._data):
            raise ValueError(f"{where}: Expected {name} to be floating point or complex, but got: {t.dtype}. Use `.astype(anygrad.float32)`.")
    if tangent.shape != primal.shape:
        raise ShapeError(
            f"{where}: a tangent has the shape of its tensor: this one has shape {tangent.shape}, the tensor {primal.shape} "
            "(the forward gradient has a different size than that of the original Tensor)"
        )
    if tangent.device != primal.device:
        raise DeviceError(
            f"{where}: a tangent is on its tensor's device: this one is on {tangent.device}, the tensor on {primal.device}. Use `.to({str(primal.device)!r})`."
        )
    if tangent.dtype.kind == "c" and primal.dtype.kind != "c":
        raise DTypeError(f"{where}: the tangent is {tangent.dtype} and its tensor {primal.dtype}; a real tensor has a real tangent. Take `.real` first.")
    return tangent if tangent.dtype == primal.dtype else astype(tangent, primal.dtype)


# ---------------------------------------------------------------------------
# writes
# ---------------------------------------------------------------------------


def _set_tangent(x: Any, tangent: Tensor) -> None:
    """After a write: a dual takes a new tangent, and so does what shares its memory."""
    state = x.state
    tangent = fitted(tangent, state.primal)
    state.source.value = _set_view(state.source.value, tangent, steps=state.steps) if state.steps else tangent


def _become_dual(x: Tensor, level: Level) -> None:
    """Turn a tensor, and what it is a view of, and the other views of that, into duals with tangents of 0; if it is none yet."""
    if isinstance(x, Dual) and x.state.level is level:
        return
    if isinstance(x, Dual):  # of a level further out
        known: list[Any] = [*_alive(x.state.source.duals)]
        source = Source(zeros_like(x.state.source.value))
        for d in known:
            outer = Dual()
            outer.state = d.state
            d.state = State(level, outer, source, outer.state.steps)
    else:
        base = x if x._base is None else x._base
        known = [base, *([] if base._alias is None else [t for t in base._alias.storage.tensors() if t._alias.base is base])]
        for t in known:
            _ = t._node  # of a stale view it is found now
            if type(t) is not Tensor:
                raise NotImplementedError(f"a dual number cannot be written into a {type(t).__name__}. Use `x = x + ...`.")
        source = Source(zeros_like(base))
        for t in known:
            primal = Tensor()
            steps = () if t is base else t._alias.steps
            _alias.succeed(primal, t)
            t.__class__ = Dual
            t.state = State(level, primal, source, steps)
    source.duals += [weakref.ref(t) for t in known]
    level.turned += source.duals


def _turn_back(x: Dual) -> None:
    primal = x.state.primal
    if isinstance(primal, Dual):
        x.state = primal.state
        return
    x.__class__ = Tensor  # type: ignore[assignment]
    _alias.succeed(x, primal)
    primal._cell = primal._alias = None
    _alias.share(primal, x)  # somebody may have it as a result


def _alive(references: Iterable[weakref.ref[Dual]]) -> list[Dual]:
    return [x for x in (reference() for reference in references) if x is not None]
