"""Jacobians, Hessians and their products with vectors: of functions of tensors, at given tensors.

Each function calls `func` on tensors of its own, that share the memory of `inputs`: nothing is
accumulated in any `.grad`. Where an input has no influence the derivative is zero; `strict=True`
makes that an error. A tensor in gives a tensor out, a tuple in a tuple out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .._backward import grad
from .._dual import checked_tangent
from .._forward import columns, push_through, value
from .._modes import enable_grad
from .._tensor import Tensor
from .._tree import leaves
from ..ops import concat, eye, ones_like, reshape, zeros, zeros_like
from ._functional_arguments import (
    as_tensors,
    checked_number,
    checked_outputs,
    checked_vector,
    expect_all_varying,
    expect_dependent,
    expect_varying,
    is_forward,
    own_inputs,
    returned,
)

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]

Tensors = tuple[Tensor, ...]
Func = Callable[..., Any]


def jacobian(
    func: Func,
    inputs: Tensor | Tensors,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """The derivative of each element of the outputs with respect to each element of the inputs.

    Parameters
    ----------
    func : function
        Takes the inputs, and returns a Tensor or a tuple of Tensors.
    inputs : Tensor or tuple of Tensors
        Where to differentiate.
    create_graph : bool
        Record the derivatives, for derivatives of higher order.
    strict : bool
        Refuse an output that does not depend on some input.
    vectorize : bool
        Compute all rows in one backward, as `func.vmap` does: faster, if there are more than a few. By
        default each row has a backward of its own, which may do what cannot be batched (NumPy in a `Function`).
    strategy : {"reverse-mode", "forward-mode"}
        Row by row, backward, or column by column, forward: the values are the same.

    Returns
    -------
    Tensor, tuple, or tuple of tuples
        `result[i][j]` has the shape of output i followed by that of input j; there is no outer
        (inner) tuple where `func` returns one Tensor (where `inputs` is one).
    """
    forward = is_forward(strategy, "jacobian()")
    with enable_grad():
        several_inputs, xs = own_inputs(inputs, "jacobian()", create_graph)
        result, by_input = columns(func, xs, None if vectorize else 1) if forward else (func(*xs), [])
        several_outputs, ys = checked_outputs(value(result) if forward else result, "jacobian()", strict)
        rows = []
        for i, y in enumerate(ys):
            found = [column[i] for column in by_input] if forward else blocks(y, xs, create_graph, None if vectorize else 1)
            if strict:
                for j, block in enumerate(found):
                    known = expect_dependent(block, f"jacobian(): output {i} of the function is independent of input {j}")
                    expect_varying(known, create_graph, f"jacobian(): the derivative of output {i} with respect to input {j}")
            rows.append(returned(with_zeros(found, xs, y.shape), several_inputs, create_graph))
    return tuple(rows) if several_outputs else rows[0]


def hessian(
    func: Func,
    inputs: Tensor | Tensors,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """The second derivatives of a function that returns one number.

    Parameters
    ----------
    func : function
        Takes the inputs, and returns a Tensor of one element.
    inputs : Tensor or tuple of Tensors
        Where to differentiate.
    create_graph : bool
        Record the derivatives, for derivatives of higher order.
    strict : bool
        Refuse a function, or a first derivative, that does not depend on some input.
    vectorize : bool
        Compute all rows in one backward, as `func.vmap` does: faster, if there are more than a few. By
        default each row has a backward of its own, which may do what cannot be batched (NumPy in a `Function`).
    outer_jacobian_strategy : {"reverse-mode", "forward-mode"}
        Row by row, backward, or column by column, forward: the values are the same.

    Returns
    -------
    Tensor, or tuple of tuples
        `result[i][j]` has the shape of input i followed by that of input j.
    """
    is_forward(outer_jacobian_strategy, "hessian()")
    several, xs = as_tensors(inputs, "inputs", "hessian()")

    def gradients(*xs: Tensor) -> Tensors:
        found = jacobian(lambda *xs: checked_number(func(*xs), "hessian()", strict), xs, create_graph=True)
        if strict:
            expect_all_varying(found, "hessian()")
        return found

    found = jacobian(gradients, xs, create_graph, strict, vectorize, outer_jacobian_strategy)
    return found if several else found[0][0]


def vjp(func: Func, inputs: Tensor | Tensors, v: Tensor | Tensors | None = None, create_graph: bool = False, strict: bool = False) -> tuple[Any, Any]:
    """The outputs, and the product of a vector with the Jacobian: what backward computes.

    Parameters
    ----------
    func : function
        Takes the inputs, and returns a Tensor or a tuple of Tensors.
    inputs : Tensor or tuple of Tensors
        Where to differentiate.
    v : Tensor or tuple of Tensors, optional
        The vector, of the outputs' shapes. Not needed for one output of one element: 1.
    create_graph : bool
        Record the outputs and the product.
    strict : bool
        Refuse outputs that do not depend on some input.

    Returns
    -------
    outputs : Tensor or tuple of Tensors
    product : Tensor or tuple of Tensors
        Of the inputs' shapes.
    """
    with enable_grad():
        several_inputs, xs = own_inputs(inputs, "vjp()", create_graph)
        several_outputs, ys = checked_outputs(func(*xs), "vjp()", strict)
        product = _pull(ys, xs, checked_vector(v, ys, "output", "vjp()", create_graph), create_graph)
        filled = _fill(product, xs, create_graph, strict, "vjp(): the outputs of the function are independent of input {}")
    return returned(ys, several_outputs, create_graph), returned(filled, several_inputs, create_graph)


def jvp(func: Func, inputs: Tensor | Tensors, v: Tensor | Tensors | None = None, create_graph: bool = False, strict: bool = False) -> tuple[Any, Any]:
    """The outputs, and the product of the Jacobian with a vector: the derivative in its direction.

    Computed forward, beside the outputs. With `strict`, which asks what depends on which input, by two
    backwards: what backward gives is linear in the gradient that it starts from, and the derivative of that
    is the Jacobian transposed twice.

    Parameters
    ----------
    func : function
        Takes the inputs, and returns a Tensor or a tuple of Tensors.
    inputs : Tensor or tuple of Tensors
        Where to differentiate.
    v : Tensor or tuple of Tensors, optional
        The vector, of the inputs' shapes. Not needed for one input of one element: 1.
    create_graph : bool
        Record the outputs and the product.
    strict : bool
        Refuse an output that does not depend on the inputs, an input that no output depends on.

    Returns
    -------
    outputs : Tensor or tuple of Tensors
    product : Tensor or tuple of Tensors
        Of the outputs' shapes.
    """
    with enable_grad():
        _, xs = own_inputs(inputs, "jvp()", create_graph)
        direction = checked_vector(v, xs, "input", "jvp()", create_graph)
        if strict:
            several, ys = checked_outputs(func(*xs), "jvp()", strict)
            product = _push(ys, xs, direction, create_graph, strict, "jvp(): the outputs of the function are independent of input {}")
        else:
            tangents = [ones_like(x) if t is None else checked_tangent(t, x, "jvp()") for t, x in zip(direction, xs, strict=True)]
            result = push_through(func, xs, tangents)
            several, ys = checked_outputs(value(result), "jvp()", strict)
            product = [pair.change for pair in leaves(result)]
        filled = _fill(product, ys, create_graph, strict, "jvp(): output {} of the function is independent of the inputs")
    return returned(ys, several, create_graph), returned(filled, several, create_graph)


def vhp(func: Func, inputs: Tensor | Tensors, v: Tensor | Tensors | None = None, create_graph: bool = False, strict: bool = False) -> tuple[Tensor, Any]:
    """The value, and the product of a vector with the Hessian.

    Parameters
    ----------
    func : function
        Takes the inputs, and returns a Tensor of one element.
    inputs : Tensor or tuple of Tensors
        Where to differentiate.
    v : Tensor or tuple of Tensors, optional
        The vector, of the inputs' shapes. Not needed for one input of one element: 1.
    create_graph : bool
        Record the value and the product.
    strict : bool
        Refuse a function, or a first derivative, that does not depend on some input.

    Returns
    -------
    value : Tensor
    product : Tensor or tuple of Tensors
        Of the inputs' shapes.
    """
    with enable_grad():
        several, xs, y, gradients, direction = _first(func, inputs, v, create_graph, strict, "vhp()")
        product = _pull(gradients, xs, direction, create_graph)
        filled = _fill(product, xs, create_graph, strict, "vhp(): the first derivatives of the function are independent of input {}")
    return returned([y], False, create_graph), returned(filled, several, create_graph)


def hvp(func: Func, inputs: Tensor | Tensors, v: Tensor | Tensors | None = None, create_graph: bool = False, strict: bool = False) -> tuple[Tensor, Any]:
    """The value, and the product of the Hessian with a vector.

    `vhp` takes one backward less, and gives the same where the second derivatives are continuous.

    Parameters
    ----------
    func : function
        Takes the inputs, and returns a Tensor of one element.
    inputs : Tensor or tuple of Tensors
        Where to differentiate.
    v : Tensor or tuple of Tensors, optional
        The vector, of the inputs' shapes. Not needed for one input of one element: 1.
    create_graph : bool
        Record the value and the product.
    strict : bool
        Refuse a function, or a first derivative, that does not depend on some input.

    Returns
    -------
    value : Tensor
    product : Tensor or tuple of Tensors
        Of the inputs' shapes.
    """
    with enable_grad():
        several, xs, y, gradients, direction = _first(func, inputs, v, create_graph, strict, "hvp()")
        product = _push(gradients, xs, direction, create_graph, strict, "hvp(): the first derivatives of the function are independent of input {}")
        filled = _fill(product, xs, create_graph, strict, "hvp(): the first derivative with respect to input {} is independent of the inputs")
    return returned([y], False, create_graph), returned(filled, several, create_graph)


# ---------------------------------------------------------------------------
# derivatives
# ---------------------------------------------------------------------------


def blocks(y: Tensor, xs: Sequence[Tensor], create_graph: bool, chunk_size: int | None = None) -> Sequence[Tensor | None]:
    """The Jacobian of `y` with respect to each of `xs`, of y's shape followed by x's; None where y does not depend on x.

    `chunk_size` rows are computed at once, all by default; a row alone is an ordinary backward.
    """
    if not y.requires_grad or not y.size:
        return [None] * len(xs)
    n = y.size if chunk_size is None else chunk_size
    chunks = [_rows(y, xs, start, min(n, y.size - start), create_graph) for start in range(0, y.size, n)]
    return [None if rows[0] is None else reshape(concat(rows), y.shape + x.shape) for rows, x in zip(zip(*chunks, strict=True), xs, strict=True)]


def _rows(y: Tensor, xs: Sequence[Tensor], start: int, n: int, create_graph: bool) -> Sequence[Tensor | None]:
    """`n` rows of the Jacobian, from `start`."""
    basis = eye(n, y.size, k=start, dtype=y.dtype, device=y.device)
    if n > 1:
        return grad(y, xs, reshape(basis, (n, *y.shape)), True, create_graph, allow_unused=True, is_grads_batched=True)
    return [None if r is None else r[None] for r in grad(y, xs, reshape(basis, y.shape), True, create_graph, allow_unused=True)]


def with_zeros(found: Sequence[Tensor | None], xs: Sequence[Tensor], lead: tuple[int, ...] = ()) -> list[Tensor]:
    """Zeros in the place of None, of the shape `lead` followed by that of x."""
    return [zeros(lead + x.shape, dtype=x.dtype, device=x.device) if t is None else t for t, x in zip(found, xs, strict=True)]


def _fill(found: Sequence[Tensor | None], like: Sequence[Tensor], create_graph: bool, strict: bool, independent: str) -> list[Tensor]:
    """Zeros where there is no dependence; in strict mode an error."""
    if strict:
        for i, t in enumerate(found):
            expect_varying(expect_dependent(t, independent.format(i)), create_graph, f"{independent.partition(':')[0]}: item {i} of the product")
    return with_zeros(found, like)


def _pull(ys: Sequence[Tensor | None], xs: Sequence[Tensor], v: Sequence[Tensor | None], create_graph: bool) -> Sequence[Tensor | None]:
    """The vector-Jacobian product; None for what no y depends on."""
    tracked = [(y, w) for y, w in zip(ys, v, strict=True) if y is not None and y.requires_grad]
    if not tracked:
        return [None] * len(xs)
    return grad([y for y, _ in tracked], xs, [w for _, w in tracked], create_graph=create_graph, allow_unused=True)


def _push(
    ys: Sequence[Tensor | None], xs: Sequence[Tensor], v: Sequence[Tensor | None], create_graph: bool, strict: bool, independent: str
) -> Sequence[Tensor | None]:
    """The Jacobian-vector product, by pulling the pull-back back; None for a y that depends on no x."""
    tracked = [y for y in ys if y is not None and y.requires_grad]
    seeds = [zeros_like(y).requires_grad_() for y in tracked]
    pulled = _pull(tracked, xs, seeds, True)
    if strict:
        for i, g in enumerate(pulled):
            expect_dependent(g, independent.format(i))
    pushed = iter(_pull(pulled, seeds, v, create_graph))
    return [next(pushed) if y is not None and y.requires_grad else None for y in ys]


def _first(
    func: Func, inputs: Any, v: Any, create_graph: bool, strict: bool, where: str
) -> tuple[bool, Tensors, Tensor, Sequence[Tensor | None], Sequence[Tensor | None]]:
    """What the products with a Hessian start from: the inputs, the value, the first derivatives, the vector."""
    several, xs = own_inputs(inputs, where, create_graph)
    direction = checked_vector(v, xs, "input", where, create_graph)
    y = checked_number(func(*xs), where, strict)
    gradients = _pull([y], xs, [None], True)
    if strict:
        expect_all_varying(gradients, where)
    return several, xs, y, gradients, direction
