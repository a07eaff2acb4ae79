"""Derivatives by backward: grad, vjp, jacrev, hessian."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from .._backward import grad as _grad
from .._batched import expanded
from .._modes import enable_grad, is_grad_enabled
from .._tensor import Tensor
from .._transform import everywhere, fresh_leaf, plain_parts
from .._tree import filled, leaves, map_leaves, structure
from .._vmap import check_chunk_size
from ..autograd.functional import blocks, with_zeros
from ..ops import reshape

__all__ = ["grad", "grad_and_value", "hessian", "jacrev", "value_and_grad", "vjp"]

Func = Callable[..., Any]
Argnums = int | tuple[int, ...]


def grad(func: Func, argnums: Argnums = 0, has_aux: bool = False) -> Func:
    """The function that computes the gradient of `func`.

    Parameters
    ----------
    func : function
        Returns a 0-d Tensor; with `has_aux` a tuple of it and of anything else.
    argnums : int or tuple of int
        Which positional arguments to differentiate with respect to.
    has_aux : bool
        Whether `func` returns a second thing, that is not differentiated.

    Returns
    -------
    function
        Takes what `func` takes. Returns the gradient, structured like the argument (a tuple of
        gradients for a tuple of argnums); with `has_aux` a tuple (gradient, aux).

    Examples
    --------
    >>> anygrad.func.grad(anygrad.sin)(anygrad.tensor(0.0))
    tensor(1.)
    """

    @functools.wraps(func)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        run, found = _differentiated("grad", func, argnums, has_aux, args, kwargs)
        return (found, run.released(run.aux)) if has_aux else found

    return gradient


def grad_and_value(func: Func, argnums: Argnums = 0, has_aux: bool = False) -> Func:
    """The function that computes the gradient of `func` and its value; see `grad`.

    It returns (gradient, value), with `has_aux` (gradient, (value, aux)).
    """

    @functools.wraps(func)
    def gradient_and_value(*args: Any, **kwargs: Any) -> Any:
        run, found = _differentiated("grad_and_value", func, argnums, has_aux, args, kwargs)
        return found, run.results()

    return gradient_and_value


def value_and_grad(func: Func, argnums: Argnums = 0, has_aux: bool = False) -> Func:
    """`grad_and_value` in JAX's order: (value, gradient), with `has_aux` ((value, aux), gradient)."""

    @functools.wraps(func)
    def value_and_gradient(*args: Any, **kwargs: Any) -> Any:
        run, found = _differentiated("value_and_grad", func, argnums, has_aux, args, kwargs)
        return run.results(), found

    return value_and_gradient


def vjp(func: Func, *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """The outputs of `func`, and the function that takes their gradients to those of the arguments.

    Parameters
    ----------
    func : function
        Returns floating or complex Tensors; with `has_aux` a tuple of them and of anything else.
    *primals
        The arguments of `func`.
    has_aux : bool
        Whether `func` returns a second thing, that is not differentiated.

    Returns
    -------
    outputs
        Of `func(*primals)`.
    pull_back : function
        Takes gradients, structured like the outputs; returns a tuple with one for each argument. It
        can be called more than once.
    aux
        With `has_aux`.
    """
    run = Run("vjp", func, tuple(range(len(primals))), has_aux, primals, {})
    outputs = run.tensors()
    for y in outputs:
        if y.dtype.kind not in "fc":
            raise RuntimeError(f"vjp(): the outputs of the function must be floating-point or complex Tensors; one is {y.dtype}. Return it as aux.")
    shape = structure(run.output)

    def pull_back(cotangents: Any) -> tuple[Any, ...]:
        given = structure(cotangents)
        if given != shape:
            raise RuntimeError(f"vjp(): the gradients must have the structure of the outputs. The gradients: {given}, the outputs: {shape}")
        seeds: list[Tensor] = []
        map_leaves(lambda _, seed: seeds.append(seed), shape, cotangents)
        for seed in seeds:
            if not isinstance(seed, Tensor):
                raise TypeError(f"vjp(): a gradient must be a Tensor, not {type(seed).__name__}")
        return run.released(run.unflattened(run.pulled(outputs, seeds, retain_graph=True)))

    released = run.released(run.output)
    return (released, pull_back, run.released(run.aux)) if has_aux else (released, pull_back)


def jacrev(func: Func, argnums: Argnums = 0, *, has_aux: bool = False, chunk_size: int | None = None) -> Func:
    """The function that computes the Jacobian of `func`, by a backward that all rows share.

    Parameters
    ----------
    func : function
        Returns real Tensors; with `has_aux` a tuple of them and of anything else.
    argnums : int or tuple of int
        Which positional arguments to differentiate with respect to.
    has_aux : bool
        Whether `func` returns a second thing, that is not differentiated.
    chunk_size : int, optional
        How many rows to compute at once, to save memory; default all of them. With 1 each row has a backward of its
        own, which may do what cannot be batched (see `vmap`).

    Returns
    -------
    function
        Takes what `func` takes. Returns a tree like the outputs of trees like the argument, of
        Tensors with the output's shape followed by the argument's; with `has_aux` (jacobian, aux).
    """
    check_chunk_size("jacrev()", chunk_size)

    @functools.wraps(func)
    def jacobian(*args: Any, **kwargs: Any) -> Any:
        run = Run("jacrev", func, argnums, has_aux, args, kwargs)
        run.tensors()
        refuse_complex("jacrev()", *run.inputs, *leaves(run.output))
        found = run.released(map_leaves(lambda y: run.unflattened(run.jacobians(y, chunk_size)), run.output))
        return (found, run.released(run.aux)) if has_aux else found

    return jacobian


def hessian(func: Func, argnums: Argnums = 0) -> Func:
    """The function that computes the second derivatives of `func`: the Jacobian of its Jacobian.

    Parameters
    ----------
    func : function
        Returns real Tensors.
    argnums : int or tuple of int
        Which positional arguments to differentiate with respect to.

    Returns
    -------
    function
        Takes what `func` takes. Returns a tree of trees like the argument, for each output.
    """
    return jacrev(jacrev(func, argnums), argnums)


# ---------------------------------------------------------------------------
# one run of a function
# ---------------------------------------------------------------------------


class Run:
    """One run of a function, on tensors of its own in the place of its arguments.

    Attributes
    ----------
    inputs : list of Tensor
        These tensors.
    output, aux
        What the function returned.
    """

    def __init__(self, name: str, func: Func, argnums: Argnums, has_aux: bool, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.name = name
        positions = positions_of(name, argnums, len(args))
        chosen = tuple(args[i] for i in positions)
        self.structure = structure(chosen if isinstance(argnums, tuple) else chosen[0])
        self.inputs: list[Tensor] = []
        own = list(args)
        with enable_grad():
            for i in positions:
                own[i] = map_leaves(self._own, args[i])
            self._beginnings = {x._node for x in self.inputs if x.is_leaf}
            result = func(*own, **kwargs)
        if has_aux and not (isinstance(result, tuple) and len(result) == 2):
            raise RuntimeError(f"{name}(): with has_aux=True the function must return a tuple (output, aux); it returned {type(result).__name__}")
        self.has_aux = has_aux
        self.output: Any = result[0] if has_aux else result
        self.aux: Any = result[1] if has_aux else None

    def _own(self, x: Any) -> Tensor:
        """A new tensor over the memory of an argument, and in its graph if it is tracked."""
        if not isinstance(x, Tensor):
            raise ValueError(
                f"{self.name}(): the arguments to differentiate with respect to must be Tensors, got {type(x).__name__}. Write anygrad.asarray(...)."
            )
        x = expanded(x)
        if x.requires_grad:
            own = reshape(x, x.shape)
            if own._alias is not None:
                own._alias.fixed = "it is an argument of a function that anygrad.func differentiates"
        else:
            own = fresh_leaf(x)
        self.inputs.append(own)
        return own

    def tensors(self) -> list[Tensor]:
        """The outputs, in one list."""
        outputs = list(leaves(self.output))
        for y in outputs:
            if not isinstance(y, Tensor):
                raise RuntimeError(f"{self.name}(): the function must return only Tensors; it returned {type(y).__name__}. Return anything else as aux.")
        if not outputs:
            raise RuntimeError(f"{self.name}(): the function returned an empty {type(self.output).__name__}; it must return at least one Tensor")
        return outputs

    def pulled(self, outputs: Sequence[Tensor], seeds: Sequence[Tensor | None], retain_graph: bool) -> Sequence[Tensor]:
        """The gradients of the inputs, recorded where somebody outside can differentiate them."""
        tracked = [(y, seed) for y, seed in zip(outputs, seeds, strict=True) if y.requires_grad]
        if not tracked:
            return with_zeros([None] * len(self.inputs), self.inputs)
        ys, gs = zip(*tracked, strict=True)
        recorded = self.leads_outside(*ys, *gs)
        return _grad(ys, self.inputs, gs, retain_graph or recorded, recorded, materialize_grads=True)

    def jacobians(self, y: Tensor, chunk_size: int | None) -> Sequence[Tensor]:
        """The Jacobian of one output with respect to each input."""
        return with_zeros(blocks(y, self.inputs, self.leads_outside(y), chunk_size), self.inputs, y.shape)

    def unflattened(self, values: Sequence[Tensor]) -> Any:
        """One value for each input, structured like the arguments that were chosen."""
        return filled(self.structure, values)

    def leads_outside(self, *tensors: Tensor | None) -> bool:
        """Whether anything outside of this run can be reached backwards from the tensors, while grad mode is on."""
        order = [plain._node for t in tensors if t is not None for plain in plain_parts(t)] if is_grad_enabled() else []
        seen = set(order)
        while order:
            node = order.pop()
            if node is None or node in self._beginnings:
                continue
            if node.is_leaf:
                return True
            fresh = [edge for edge in node.edges if edge not in seen]
            seen.update(fresh)
            order += fresh
        return False

    def released(self, tree: Any) -> Any:
        """A result as the outside sees it: tracked only if there is something outside to track."""

        def release(x: Tensor) -> Tensor:
            return x.detach() if x.requires_grad and not self.leads_outside(x) else x

        return map_leaves(lambda x: everywhere(release, x) if isinstance(x, Tensor) else x, tree)

    def results(self) -> Any:
        """The output, with aux if there is one."""
        output = self.released(self.output)
        return (output, self.released(self.aux)) if self.has_aux else output


def _differentiated(name: str, func: Func, argnums: Argnums, has_aux: bool, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Run, Any]:
    """A run of a function of one number, and its gradient."""
    run = Run(name, func, argnums, has_aux, args, kwargs)
    y = run.output
    if not isinstance(y, Tensor):
        raise RuntimeError(f"{name}(): the function must return a Tensor; it returned {type(y).__name__}")
    if y.ndim:
        raise RuntimeError(
            f"{name}(): the function must return a scalar Tensor, one of shape (); this one has shape {y.shape}. Return its sum, or use vjp() or jacrev()."
        )
    return run, run.released(run.unflattened(run.pulled([y], [None], retain_graph=has_aux)))  # aux may need the same nodes


def refuse_complex(where: str, *tensors: Tensor) -> None:
    """Raise for a tensor that a Jacobian is not defined for: a complex argument or output."""
    for t in tensors:
        if t.dtype.kind == "c":
            raise RuntimeError(f"{where}: all arguments and outputs must be real, and one is {t.dtype}. Take real and imaginary part apart.")


def positions_of(name: str, argnums: Any, count: int) -> list[int]:
    """The positions of the chosen arguments, counted from 0."""
    given = argnums if isinstance(argnums, tuple) else (argnums,)
    positions = []
    for n in given:
        if not isinstance(n, int):
            raise RuntimeError(f"{name}(): argnums must be an int or a tuple of ints, got {type(n).__name__}")
        if not -count <= n < count:
            raise RuntimeError(f"{name}(): argnums={argnums} asks for argument {n}, but there are only {count} positional arguments")
        positions.append(n % count)
    if not positions and name != "vjp":
        raise RuntimeError(f"{name}(): argnums is an empty tuple; name at least one argument")
    if len(set(positions)) < len(positions):
        raise RuntimeError(f"{name}(): argnums must be unique, got {argnums}")
    return positions
