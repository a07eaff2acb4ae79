"""Jacobians, Hessians and their products with vectors: of functions of tensors, at given tensors.

Each function calls `func` on tensors of its own, that share the memory of `inputs`: nothing is
accumulated in any `.grad`. Where an input has no influence the derivative is zero; `strict=True`
makes that an error. A tensor in gives a tensor out, a tuple in a tuple out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .._backward import grad
from .._batched import expanded
from .._dual import checked_tangent
from .._forward import columns, push_through, value
from .._modes import enable_grad
from .._tensor import Tensor
from .._transform import fresh_leaf
from .._tree import leaves
from ..ops import concat, eye, ones_like, reshape, zeros, zeros_like

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
    forward = _is_forward(strategy, "jacobian()")
    with enable_grad():
        several_inputs, xs = _own(inputs, "jacobian()", create_graph)
        result, by_input = columns(func, xs, None if vectorize else 1) if forward else (func(*xs), [])
        several_outputs, ys = _outputs(value(result) if forward else result, "jacobian()", strict)
        rows = []
        for i, y in enumerate(ys):
            found = [column[i] for column in by_input] if forward else blocks(y, xs, create_graph, None if vectorize else 1)
            if strict:
                for j, block in enumerate(found):
                    known = _depends(block, f"jacobian(): output {i} of the function is independent of input {j}")
                    _varies(known, create_graph, f"jacobian(): the derivative of output {i} with respect to input {j}")
            rows.append(_result(with_zeros(found, xs, y.shape), several_inputs, create_graph))
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
    _is_forward(outer_jacobian_strategy, "hessian()")
    several, xs = _tensors(inputs, "inputs", "hessian()")

    def gradients(*xs: Tensor) -> Tensors:
        found = jacobian(lambda *xs: _number(func(*xs), "hessian()", strict), xs, create_graph=True)
        if strict:
            _all_vary(found, "hessian()")
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
        several_inputs, xs = _own(inputs, "vjp()", create_graph)
        several_outputs, ys = _outputs(func(*xs), "vjp()", strict)
        product = _pull(ys, xs, _vector(v, ys, "output", "vjp()", create_graph), create_graph)
        filled = _fill(product, xs, create_graph, strict, "vjp(): the outputs of the function are independent of input {}")
    return _result(ys, several_outputs, create_graph), _result(filled, several_inputs, create_graph)


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
        _, xs = _own(inputs, "jvp()", create_graph)
        direction = _vector(v, xs, "input", "jvp()", create_graph)
        if strict:
            several, ys = _outputs(func(*xs), "jvp()", strict)
            product = _push(ys, xs, direction, create_graph, strict, "jvp(): the outputs of the function are independent of input {}")
        else:
            tangents = [ones_like(x) if t is None else checked_tangent(t, x, "jvp()") for t, x in zip(direction, xs, strict=True)]
            result = push_through(func, xs, tangents)
            several, ys = _outputs(value(result), "jvp()", strict)
            product = [pair.change for pair in leaves(result)]
        filled = _fill(product, ys, create_graph, strict, "jvp(): output {} of the function is independent of the inputs")
    return _result(ys, several, create_graph), _result(filled, several, create_graph)


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
    return _result([y], False, create_graph), _result(filled, several, create_graph)


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
    return _result([y], False, create_graph), _result(filled, several, create_graph)


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
            _depends(g, independent.format(i))
    pushed = iter(_pull(pulled, seeds, v, create_graph))
    return [next(pushed) if y is not None and y.requires_grad else None for y in ys]


def _first(
    func: Func, inputs: Any, v: Any, create_graph: bool, strict: bool, where: str
) -> tuple[bool, Tensors, Tensor, Sequence[Tensor | None], Sequence[Tensor | None]]:
    """What the products with a Hessian start from: the inputs, the value, the first derivatives, the vector."""
    several, xs = _own(inputs, where, create_graph)
    direction = _vector(v, xs, "input", where, create_graph)
    y = _number(func(*xs), where, strict)
    gradients = _pull([y], xs, [None], True)
    if strict:
        _all_vary(gradients, where)
    return several, xs, y, gradients, direction


# ---------------------------------------------------------------------------
# arguments and results
# ---------------------------------------------------------------------------


def _tensors(value: Any, what: str, where: str) -> tuple[bool, Tensors]:
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


def _own(inputs: Any, where: str, create_graph: bool) -> tuple[bool, Tensors]:
    """New tensors over the memory of the inputs, to tell them from the same tensors where `func` uses them by another way."""
    several, given = _tensors(inputs, "inputs", where)
    return several, tuple(reshape(x, x.shape) if create_graph and x.requires_grad else fresh_leaf(x) for x in map(expanded, given))


def _outputs(value: Any, where: str, strict: bool) -> tuple[bool, Tensors]:
    several, ys = _tensors(value, "outputs of the function", where)
    for i, y in enumerate(ys):
        if strict and not y.requires_grad:
            raise RuntimeError(
                f"{where}: output {i} of the function does not require grad: it is not computed from the inputs, or not in a differentiable way. "
                "Pass strict=False to take its derivatives as zero."
            )
    return several, ys


def _number(value: Any, where: str, strict: bool) -> Tensor:
    several, (y, *_) = _outputs(value, where, strict)
    if several:
        raise RuntimeError(f"{where}: the function should return a single Tensor; this one returned a tuple. Return the one to differentiate")
    if y.size != 1:
        raise RuntimeError(
            f"{where}: the function should return a Tensor of a single element; this one has shape {y.shape}. Return its sum, or use jacobian()."
        )
    return reshape(y, ())


def _vector(v: Any, like: Tensors, kind: str, where: str, create_graph: bool) -> Sequence[Tensor | None]:
    if v is None:
        if len(like) != 1 or like[0].size != 1:
            raise RuntimeError(f"{where}: v can be None only for one {kind} of a single element; pass a Tensor of the shape of each {kind}")
        return (None,)
    _, vs = _tensors(v, "vector v", where)
    if len(vs) != len(like):
        raise RuntimeError(f"{where}: v holds {len(vs)} Tensors (invalid length), and there are {len(like)} {kind}s; pass one for each")
    for i, (w, x) in enumerate(zip(vs, like, strict=True)):
        if w.shape != x.shape:
            raise RuntimeError(f"{where}: v has an invalid size: item {i} has shape {w.shape}, and {kind} {i} has shape {x.shape}; they must be equal")
    return vs if create_graph else tuple(w.detach() for w in vs)


def _result(tensors: Sequence[Tensor], several: bool, create_graph: bool) -> Any:
    result = tuple(tensors) if create_graph else tuple(t.detach() for t in tensors)
    return result if several else result[0]


def _fill(found: Sequence[Tensor | None], like: Sequence[Tensor], create_graph: bool, strict: bool, independent: str) -> list[Tensor]:
    """Zeros where there is no dependence; in strict mode an error."""
    if strict:
        for i, t in enumerate(found):
            _varies(_depends(t, independent.format(i)), create_graph, f"{independent.partition(':')[0]}: item {i} of the product")
    return with_zeros(found, like)


def _depends(derivative: Tensor | None, independent: str) -> Tensor:
    if derivative is None:
        raise RuntimeError(f"{independent}, which strict=True does not allow. Pass strict=False to take the derivative as zero.")
    return derivative


def _varies(derivative: Tensor, create_graph: bool, which: str) -> None:
    if create_graph and not derivative.requires_grad:
        raise RuntimeError(f"{which} is independent of the inputs, which strict=True with create_graph=True does not allow. Pass strict=False.")


def _all_vary(gradients: Sequence[Tensor | None], where: str) -> None:
    for i, g in enumerate(gradients):
        if not _depends(g, f"{where}: the function is independent of input {i}").requires_grad:
            raise RuntimeError(
                f"{where}: the first derivative (jacobian) with respect to input {i} is independent of the inputs, as that of a linear function is, "
                "which strict=True does not allow. Pass strict=False to take the second derivatives as zero."
            )


def _is_forward(strategy: str, where: str) -> bool:
    if strategy not in ("reverse-mode", "forward-mode"):
        raise ValueError(f'{where}: the strategy is "reverse-mode" or "forward-mode", not {strategy!r}')
    return strategy == "forward-mode"
