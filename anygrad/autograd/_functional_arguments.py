"""What the functions of functional.py take and give back, checked: the messages name the function that was called."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .._batched import expanded
from .._tensor import Tensor
from .._transform import fresh_leaf
from ..ops import reshape

Tensors = tuple[Tensor, ...]


def as_tensors(value: Any, what: str, where: str) -> tuple[bool, Tensors]:
    """Whether there are several, and all of them as a tuple."""
    several = isinstance(value, tuple)
    tensors = value if several else (value,)
    for i, t in enumerate(tensors):
        if not isinstance(t, Tensor):
            item = f"item {i} is {type(t).__name__}" if several else f"this is {type(t).__name__}"
            raise TypeError(f"{where}: the {what} must be a Tensor or a tuple of Tensors; {item}")
    if not tensors:
        raise RuntimeError(f"{where}: there are no {what} (an empty tuple); nothing can be differentiated")
    return several, tensors


def own_inputs(inputs: Any, where: str, create_graph: bool) -> tuple[bool, Tensors]:
    """New tensors over the memory of the inputs, to tell them from the same tensors where `func` uses them by another way."""
    several, given = as_tensors(inputs, "inputs", where)
    return several, tuple(reshape(x, x.shape) if create_graph and x.requires_grad else fresh_leaf(x) for x in map(expanded, given))


def checked_outputs(value: Any, where: str, strict: bool) -> tuple[bool, Tensors]:
    several, ys = as_tensors(value, "outputs of the function", where)
    for i, y in enumerate(ys):
        if strict and not y.requires_grad:
            raise RuntimeError(
                f"{where}: output {i} of the function does not require grad: it is not computed from the inputs, or not in a differentiable way. "
                "Pass strict=False to take its derivatives as zero."
            )
    return several, ys


def checked_number(value: Any, where: str, strict: bool) -> Tensor:
    several, (y, *_) = checked_outputs(value, where, strict)
    if several:
        raise RuntimeError(f"{where}: the function should return a single Tensor; this one returned a tuple. Return the one to differentiate")
    if y.size != 1:
        raise RuntimeError(
            f"{where}: the function should return a Tensor of a single element; this one has shape {y.shape}. Return its sum, or use jacobian()."
        )
    return reshape(y, ())


def checked_vector(v: Any, like: Tensors, kind: str, where: str, create_graph: bool) -> Sequence[Tensor | None]:
    if v is None:
        if len(like) != 1 or like[0].size != 1:
            raise RuntimeError(f"{where}: v can be None only for one {kind} of a single element; pass a Tensor of the shape of each {kind}")
        return (None,)
    _, vs = as_tensors(v, "vector v", where)
    if len(vs) != len(like):
        raise RuntimeError(f"{where}: v holds {len(vs)} Tensors (invalid length), and there are {len(like)} {kind}s; pass one for each")
    for i, (w, x) in enumerate(zip(vs, like, strict=True)):
        if w.shape != x.shape:
            raise RuntimeError(f"{where}: v has an invalid size: item {i} has shape {w.shape}, and {kind} {i} has shape {x.shape}; they must be equal")
    return vs if create_graph else tuple(w.detach() for w in vs)


def returned(tensors: Sequence[Tensor], several: bool, create_graph: bool) -> Any:
    result = tuple(tensors) if create_graph else tuple(t.detach() for t in tensors)
    return result if several else result[0]


def expect_dependent(derivative: Tensor | None, independent: str) -> Tensor:
    if derivative is None:
        raise RuntimeError(f"{independent}, which strict=True does not allow. Pass strict=False to take the derivative as zero.")
    return derivative


def expect_varying(derivative: Tensor, create_graph: bool, which: str) -> None:
    if create_graph and not derivative.requires_grad:
        raise RuntimeError(f"{which} is independent of the inputs, which strict=True with create_graph=True does not allow. Pass strict=False.")


def expect_all_varying(gradients: Sequence[Tensor | None], where: str) -> None:
    for i, g in enumerate(gradients):
        if not expect_dependent(g, f"{where}: the function is independent of input {i}").requires_grad:
            raise RuntimeError(
                f"{where}: the first derivative (jacobian) with respect to input {i} is independent of the inputs, as that of a linear function is, "
                "which strict=True does not allow. Pass strict=False to take the second derivatives as zero."
            )


def is_forward(strategy: str, where: str) -> bool:
    if strategy not in ("reverse-mode", "forward-mode"):
        raise ValueError(f'{where}: the strategy is "reverse-mode" or "forward-mode", not {strategy!r}')
    return strategy == "forward-mode"
