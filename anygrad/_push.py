"""Forward mode, one primitive at a time: the tangents of its outputs from those of its inputs.

What is computed is recorded where it depends on something that requires grad, so that tangents
can be differentiated again, in either mode.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from . import _modes, ops
from ._backends import is_array, namespace
from ._backward import grad
from ._dtypes import is_inexact
from ._primitive import Primitive
from ._recording import conjugates, missing, names_of
from ._scalars import NUMBERS, weak_dtype
from ._tensor import Tensor, wrap
from .ops.creation import asarray, zeros_like
from .ops.data_types import astype
from .ops.manipulation import broadcast_to

Rule = Callable[..., Any]
Tangents = Sequence[Tensor | None]
Given = tuple[Primitive, Sequence[Any], Any, dict[str, Any]]  # a primitive, its inputs, what it gave, its parameters


def as_inputs(made: Primitive, inputs: Sequence[Any]) -> list[Any]:
    """Inputs for rules on Tensors: raw arrays wrapped, Python numbers made 0-d where the primitive does not take them; keys as they are."""
    wrapped = [x if isinstance(x, Tensor) or not is_array(x) else wrap(x) for x in inputs]
    if made.numbers or len(wrapped) == 1:
        return wrapped
    tensors = [x for x in wrapped if isinstance(x, Tensor)]
    dtypes = [x.dtype for x in tensors]
    return [asarray(x, dtype=weak_dtype(x, dtypes), device=tensors[0].device) if isinstance(x, NUMBERS) else x for x in wrapped]


def push(made: Primitive, inputs: Sequence[Any], tangents: Tangents, out: Any, params: dict[str, Any]) -> Any:
    """The tangent of what a primitive gave; a tuple of tangents, or of None, for several outputs.

    Parameters
    ----------
    made : Primitive
    inputs : sequence
        See `as_inputs`.
    tangents : sequence of (Tensor or None)
        Of each input; at least one is there.
    out : Tensor or tuple of Tensors
        The output.
    params : dict
    """
    given = (made, inputs, out, params)
    for i, t in enumerate(tangents):
        if t is not None and made.rules[0 if made.variadic else i] is None:
            missing(made, i)
    if made.jvp is None:
        found = _transposed(given, tangents)
    elif made.jvp == "linear":
        found = _linear(made, inputs, tangents, params)
    elif made.variadic:
        found = _call(made.jvp, list(tangents), given)  # type: ignore[arg-type]
    else:
        terms = [_term(i, t, given) for i, t in enumerate(tangents) if t is not None]
        found = terms[0]
        for term in terms[1:]:
            found = tuple(_plus(a, b, tangents) for a, b in zip(found, term, strict=True)) if isinstance(found, tuple) else _plus(found, term, tangents)
    if isinstance(out, tuple):
        return tuple(None if t is None or not is_inexact(y._data) else fitted(t, y) for t, y in zip(found, out, strict=True))
    return fitted(found, out)


def fitted(tangent: Tensor, out: Tensor) -> Tensor:
    """A tangent in the shape and the dtype of the value that it belongs to."""
    if tangent._data.dtype is not out._data.dtype and tangent.dtype != out.dtype:
        tangent = astype(tangent, out.dtype)
    return tangent if tangent.shape == out.shape else broadcast_to(tangent, out.shape)


def _call(rule: Rule, t: Any, given: Given) -> Any:
    return rule(t, *[_value(name, *given) for name in names_of(rule)])


def _value(name: str, made: Primitive, inputs: Sequence[Any], out: Any, params: dict[str, Any]) -> Any:
    """What a rule asks for by a name."""
    if name == "xp":
        return ops
    if name == "out":
        return out
    if name in params:
        return params[name]
    stem, what = (name, "") if name in made.inputs else name.rsplit("_", 1)
    if made.variadic:
        return tuple([getattr(x, what) for x in inputs]) if what else inputs
    x = inputs[made.inputs.index(stem)]
    return (getattr(x, what) if isinstance(x, Tensor) else ()) if what else x


def _term(i: int, t: Tensor, given: Given) -> Any:
    """What the tangent of one input contributes."""
    made, inputs, _, params = given
    jvp = made.jvp.get(made.inputs[i]) if isinstance(made.jvp, dict) else made.jvp
    if jvp == "elementwise":
        return _call(made.rules[i], t, given)  # type: ignore[arg-type]
    if jvp is None:
        return _transposed(given, [t if j == i else None for j in range(len(inputs))])
    if isinstance(jvp, str):  # linear in this input while the others are held
        return made.function(*[t if j == i else x for j, x in enumerate(inputs)], **params)
    return _call(jvp, t, given)


def _plus(a: Tensor, b: Tensor, tangents: Tangents) -> Tensor:
    """a + b, written into a where that is a plain array which a rule has just made."""
    if type(a) is Tensor and type(b) is Tensor and a._node is None and b._node is None and a._alias is None:
        xp, array, more = namespace(a._data), a._data, b._data
        fresh = xp.owns_memory(array) and all(t is None or t._data is not array for t in tangents)
        if fresh and xp.writes_in_place and array.shape == more.shape and array.dtype == more.dtype:
            with xp.device_guard(array):
                array += more
            return a
    return a + b


def _linear(made: Primitive, inputs: Sequence[Any], tangents: Tangents, params: dict[str, Any]) -> Any:
    """The function of the tangents."""
    arguments = []
    for i, (x, t) in enumerate(zip(inputs, tangents, strict=True)):
        varies = made.rules[0 if made.variadic else i] is not None
        arguments.append(t if t is not None else zeros_like(x) if varies and isinstance(x, Tensor) else 0 if varies else x)
    return made.function(*arguments, **params)


def _transposed(given: Given, tangents: Tangents) -> Any:
    """By the rules of backward: what they give is linear in the gradient, and transposing that gives the tangent."""
    _, _, out, _ = given
    before = _modes.switch_grad(True)
    try:
        gs = [zeros_like(y).requires_grad_() for y in (out if isinstance(out, tuple) else (out,))]
        pulled = _pulled(given, gs if isinstance(out, tuple) else gs[0], [t is not None for t in tangents])
        pairs = [(v, fitted(t, v)) for v, t in zip(pulled, tangents, strict=True) if v is not None and t is not None]
        found = grad([v for v, _ in pairs], gs, [t for _, t in pairs], create_graph=before, materialize_grads=True)
    finally:
        _modes.switch_grad(before)
    return found if isinstance(out, tuple) else found[0]


def _pulled(given: Given, g: Any, wanted: Sequence[bool]) -> list[Tensor | None]:
    """The gradients of the wanted inputs."""
    made = given[0]
    turned = made.holomorphic and (g[0] if isinstance(g, list) else g).dtype.kind == "c"
    if turned:
        g = conjugates(g, ops.conj)
    if made.variadic:
        found = list(_call(made.rules[0], g, given))  # type: ignore[arg-type]
    else:
        found = [_call(rule, g, given) if w and rule is not None else None for rule, w in zip(made.rules, wanted, strict=True)]
    return conjugates(found, ops.conj) if turned else found
