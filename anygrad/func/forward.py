"""Derivatives by tangents: jvp, jacfwd, linearize."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from .._backward import grad
from .._dual import checked_tangent
from .._forward import Pair, change, columns, push_through, value
from .._modes import enable_grad
from .._tensor import Tensor
from .._tree import filled, leaves, map_leaves, structure
from .._vmap import check_chunk_size
from ..ops.creation import zeros, zeros_like
from .reverse import Argnums, Func, Run, positions_of, refuse_complex

__all__ = ["jacfwd", "jvp", "linearize"]


def jvp(func: Func, primals: tuple[Any, ...], tangents: tuple[Any, ...], *, strict: bool = False, has_aux: bool = False) -> tuple[Any, ...]:
    """The outputs of `func`, and their derivatives along a direction, in one pass.

    Parameters
    ----------
    func : function
        Returns Tensors; with `has_aux` a tuple of them and of anything else.
    primals : tuple
        The arguments of `func`: floating or complex Tensors, or trees of them.
    tangents : tuple
        The direction: a Tensor of the same shape for each Tensor among the arguments.
    strict : bool
        Refuse an output that does not depend on the arguments; otherwise its tangent is 0.
    has_aux : bool
        Whether `func` returns a second thing, that is not differentiated.

    Returns
    -------
    outputs
        Of `func(*primals)`.
    tangents
        Structured like the outputs.
    aux
        With `has_aux`.

    Examples
    --------
    >>> x = anygrad.tensor([1.0, 2.0])
    >>> anygrad.func.jvp(lambda x: x * x, (x,), (anygrad.tensor([1.0, 10.0]),))
    (tensor([1., 4.]), tensor([ 2., 40.]))
    """
    where = "jvp()"
    if not isinstance(primals, tuple):
        raise RuntimeError(f"{where}: Expected primals to be a tuple, one for each argument of the function, not {type(primals).__name__}. Write (x,).")
    known, given = structure(primals), structure(tangents)
    if known != given:
        raise RuntimeError(f"{where}: primals and tangents must have the same structure. The primals: {known}, the tangents: {given}")
    xs = list(leaves(primals))
    if not xs:
        raise RuntimeError(f"{where}: Expected primals to contain at least one Tensor")
    for what, tree in (("primals", xs), ("tangents", leaves(tangents))):
        for x in tree:
            if not isinstance(x, Tensor):
                raise RuntimeError(f"{where}: Expected {what} to only contain Tensors, got {type(x).__name__}. Write anygrad.asarray(...).")
    directions = [checked_tangent(t, x, where) for t, x in zip(leaves(tangents), xs, strict=True)]
    result = push_through(lambda *own: func(*filled(primals, own)), xs, directions)
    output, aux = _with_aux(result, where, has_aux)
    for pair in _pairs_of_tensors(output, where):
        if pair.change is None and strict:
            raise RuntimeError(
                f"{where}: an output of the function (shape {pair.value.shape}) is independent of the inputs, which strict=True does not allow. "
                "Pass strict=False to take its tangent as zero."
            )
    return (value(output), change(output), value(aux)) if has_aux else (value(output), change(output))


def _with_aux(result: Any, where: str, has_aux: bool) -> tuple[Any, Any]:
    if not has_aux:
        return result, None
    if not (isinstance(result, tuple) and len(result) == 2):
        raise RuntimeError(f"{where}: with has_aux=True the function must return a tuple (output, aux); it returned {type(value(result)).__name__}")
    return result


def _pairs_of_tensors(output: Any, where: str) -> list[Pair]:
    pairs = list(leaves(output))
    for pair in pairs:
        if not isinstance(pair.value, Tensor):
            raise RuntimeError(
                f"{where}: the function must return only Tensors (expected f(*primals) to return only tensors); it returned {type(pair.value).__name__}. Return anything else as aux."
            )
    return pairs


def jacfwd(func: Func, argnums: Argnums = 0, has_aux: bool = False, *, randomness: str = "error", chunk_size: int | None = None) -> Func:
    """The function that computes the Jacobian of `func`, column by column, by tangents.

    It runs `func` once for each argument, with a batch of tangents (see `vmap`), one for each of its elements.
    `jacrev` has a batch of gradients, one for each element of the outputs: this one is for functions of few numbers.

    Parameters
    ----------
    func : function
        Returns real Tensors; with `has_aux` a tuple of them and of anything else.
    argnums : int or tuple of int
        Which positional arguments to differentiate with respect to.
    has_aux : bool
        Whether `func` returns a second thing, that is not differentiated.
    randomness : str
        For PyTorch's programs, without effect: all columns are of the same random numbers.
    chunk_size : int, optional
        How many columns to compute at once; default all of an argument. With 1 each has a run of its own, which
        may do what cannot be batched (see `vmap`).

    Returns
    -------
    function
        Takes what `func` takes. Returns a tree like the outputs of trees like the argument, of
        Tensors with the output's shape followed by the argument's; with `has_aux` (jacobian, aux).
    """
    check_chunk_size("jacfwd()", chunk_size)

    @functools.wraps(func)
    def jacobian(*args: Any, **kwargs: Any) -> Any:
        positions = positions_of("jacfwd", argnums, len(args))
        chosen: Any = tuple(args[i] for i in positions)
        xs = list(leaves(chosen))
        for x in xs:
            if not isinstance(x, Tensor):
                raise RuntimeError(
                    f"jacfwd(): the arguments to differentiate must be Tensors or trees of Tensors, got {type(x).__name__}. Write anygrad.asarray(...)."
                )
            refuse_complex("jacfwd()", x)

        def call(*own: Tensor) -> Any:
            remaining = list(args)
            for i, arg in zip(positions, filled(chosen, own), strict=True):
                remaining[i] = arg
            return func(*remaining, **kwargs)

        result, blocks = columns(call, xs, chunk_size)
        output, aux = _with_aux(result, "jacfwd()", has_aux)
        pairs = _pairs_of_tensors(output, "jacfwd()")
        chosen = chosen if isinstance(argnums, tuple) else chosen[0]
        rows = []
        for i, pair in enumerate(pairs):
            refuse_complex("jacfwd()", pair.value)
            row = [block[i] for block in blocks]
            y = pair.value
            rows.append(filled(chosen, [zeros(y.shape + x.shape, dtype=y.dtype, device=y.device) if b is None else b for b, x in zip(row, xs, strict=True)]))
        found = filled(output, rows)
        return (found, value(aux)) if has_aux else found

    return jacobian


def linearize(func: Func, *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """The outputs of `func`, and the function that takes tangents of the arguments to those of the outputs.

    `func` runs once; the second function does not call it again. It is the recorded derivative,
    transposed twice: one backward each time.

    Parameters
    ----------
    func : function
        Returns floating or complex Tensors.
    *primals
        The arguments of `func`: Tensors, or trees of them.

    Returns
    -------
    outputs
        Of `func(*primals)`.
    push_forward : function
        Takes a tangent for each argument; returns tangents structured like the outputs.
    """
    where = "linearize()"
    with enable_grad():
        run = Run("linearize", func, tuple(range(len(primals))), False, primals, {})
        outputs = run.tensors()
        seeds = [zeros_like(y).requires_grad_() for y in outputs]
        pulled = run.pulled(outputs, seeds, retain_graph=True)
    known = structure(primals)

    def push_forward(*tangents: Any) -> Any:
        given = structure(tangents)
        if given != known:
            raise RuntimeError(f"{where}: the tangents must have the structure of the arguments. The tangents: {given}, the arguments: {known}")
        directions = [checked_tangent(t, x, where) for t, x in zip(leaves(tangents), run.inputs, strict=True)]
        pairs = [(g, t) for g, t in zip(pulled, directions, strict=True) if g.requires_grad]
        if not pairs:
            return map_leaves(zeros_like, run.output)
        gs, ts = zip(*pairs, strict=True)
        found = grad(gs, seeds, ts, retain_graph=True, create_graph=run.leads_outside(*gs, *ts), materialize_grads=True)
        return run.released(filled(run.output, list(found)))

    return run.released(run.output), push_forward
