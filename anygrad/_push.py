"""Forward mode, one primitive at a time: the tangents of its outputs from those of its inputs.

What is computed is recorded where it depends on something that requires grad, so that tangents
can be differentiated again, in either mode.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from . import _modes, ops
from ._backends import is_array
from ._backward import grad
from ._dtypes import as_dtype
from ._primitive import Primitive
from ._recording import is_inexact, missing, names_of
from ._scalars import NUMBERS, weak_dtype
from ._tensor import Tensor, wrap
from .ops.creation import asarray, zeros_like
from .ops.data_types import astype
from .ops.manipulation import broadcast_to

Rule = Callable[..., Any]
Tangents = Sequence[Tensor | None]


def as_inputs(made: Primitive, inputs: Sequence[Any]) -> list[Any]:
    """Inputs for rules on Tensors: raw arrays wrapped, Python numbers made 0-d but for operators; keys as they are."""
    wrapped = [wrap(x) if is_array(x) else x for x in inputs]
    if made.operator:
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
    for i, t in enumerate(tangents):
        if t is not None and made.rules[0 if made.variadic else i] is None:
            missing(made, i)
    if made.jvp is None:
        found = _transposed(made, inputs, tangents, out, params)
    elif made.jvp == "linear":
        found = _linear(made, inputs, tangents, params)
    elif made.variadic:
        found = _call(made.jvp, list(tangents), _values(made, inputs, out, params))  # type: ignore[arg-type]
    else:
        values = _values(made, inputs, out, params)
        terms = [_term(made, i, t, inputs, values, params) for i, t in enumerate(tangents) if t is not None]
        found = terms[0]
        for term in terms[1:]:
            found = tuple(a + b for a, b in zip(found, term, strict=True)) if isinstance(found, tuple) else found + term
    if isinstance(out, tuple):
        return tuple(None if t is None or not is_inexact(y._data) else fitted(t, y) for t, y in zip(found, out, strict=True))
    return fitted(found, out)


def fitted(tangent: Tensor, out: Tensor) -> Tensor:
    """A tangent in the shape and the dtype of the value that it belongs to."""
    if tangent.dtype != out.dtype:
        tangent = astype(tangent, out.dtype)
    return tangent if tangent.shape == out.shape else broadcast_to(tangent, out.shape)


def _values(made: Primitive, inputs: Sequence[Any], out: Any, params: dict[str, Any]) -> dict[str, Any]:
    """What rules may ask for by name."""
    values = dict(params, xp=ops, out=out)
    if made.variadic:
        (name,) = made.inputs
        values[name] = inputs
        values[f"{name}_shape"], values[f"{name}_dtype"] = tuple(x.shape for x in inputs), tuple(x.dtype for x in inputs)
        return values
    for name, x in zip(made.inputs, inputs, strict=True):
        values[name] = x
        if isinstance(x, Tensor):
            values[f"{name}_shape"], values[f"{name}_dtype"] = x.shape, x.dtype
        else:
            values[f"{name}_shape"] = ()
    return values


def _call(rule: Rule, t: Any, values: dict[str, Any]) -> Any:
    return rule(t, *[values[name] for name in names_of(rule)])


def _term(made: Primitive, i: int, t: Tensor, inputs: Sequence[Any], values: dict[str, Any], params: dict[str, Any]) -> Any:
    """What the tangent of one input contributes."""
    jvp = made.jvp.get(made.inputs[i]) if isinstance(made.jvp, dict) else made.jvp
    if jvp is None:
        return _transposed(made, inputs, [t if j == i else None for j in range(len(inputs))], values["out"], params)
    if jvp == "elementwise":
        return _call(made.rules[i], t, values)  # type: ignore[arg-type]
    if isinstance(jvp, str):  # linear in this input while the others are held
        return made.function(*[t if j == i else x for j, x in enumerate(inputs)], **params)
    return _call(jvp, t, values)


def _linear(made: Primitive, inputs: Sequence[Any], tangents: Tangents, params: dict[str, Any]) -> Any:
    """The function of the tangents."""
    arguments = []
    for i, (x, t) in enumerate(zip(inputs, tangents, strict=True)):
        varies = made.rules[0 if made.variadic else i] is not None
        arguments.append(t if t is not None else zeros_like(x) if varies and isinstance(x, Tensor) else 0 if varies else x)
    return made.function(*arguments, **params)


def _transposed(made: Primitive, inputs: Sequence[Any], tangents: Tangents, out: Any, params: dict[str, Any]) -> Any:
    """By the rules of backward: what they give is linear in the gradient, and transposing that gives the tangent."""
    outs = out if isinstance(out, tuple) else (out,)
    before = _modes.switch_grad(True)
    try:
        gs = [zeros_like(y).requires_grad_() for y in outs]
        pulled = _pulled(made, gs if isinstance(out, tuple) else gs[0], [t is not None for t in tangents], _values(made, inputs, out, params))
        pairs = [(v, fitted(t, v)) for v, t in zip(pulled, tangents, strict=True) if v is not None and t is not None]
        found = grad([v for v, _ in pairs], gs, [t for _, t in pairs], create_graph=before, materialize_grads=True)
    finally:
        _modes.switch_grad(before)
    return found if isinstance(out, tuple) else found[0]


def _pulled(made: Primitive, g: Any, wanted: Sequence[bool], values: dict[str, Any]) -> list[Tensor | None]:
    """The gradients of the wanted inputs."""
    first = g[0] if isinstance(g, list) else g
    turned = made.holomorphic and as_dtype(first.dtype).kind == "c"
    if turned:
        g = [ops.conj(v) for v in g] if isinstance(g, list) else ops.conj(g)
    if made.variadic:
        found = list(_call(made.rules[0], g, values))  # type: ignore[arg-type]
    else:
        found = [_call(rule, g, values) if w and rule is not None else None for rule, w in zip(made.rules, wanted, strict=True)]
    return [ops.conj(v) if turned and v is not None else v for v in found]



