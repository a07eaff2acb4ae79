"""Random order, and choices."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._backends import as_device, is_array, namespace
from .._dtypes import as_dtype
from .._errors import ShapeError
from .._generator import Generator
from .._tensor import Tensor
from ..ops import argsort, asarray, astype, cumulative_sum, log1p, reshape, searchsorted, take, where
from ..ops._axes import as_tensor, axis_of, integer
from ..ops.creation import _check_sizes, _shape
from ._common import Size, check, drawn, floats, integers


def randperm(n: int, *, dtype: Any = np.int64, device: Any = None, generator: Generator | None = None) -> Tensor:
    """The integers from 0 up to n, without it, in random order.

    They are the ranks of random numbers of 63 - log2(n) bits. Equal ones stay in order, which is so of about n**3 / 2**64 pairs.
    """
    n = integer("randperm", "n", n)
    _check_sizes("randperm", (n,))
    bits = max(n - 1, 1).bit_length()

    def sorted_numbers(xp: Any, shape: tuple[int, ...], seed: int, position: int, device: Any) -> Any:
        keys = xp.random_integers(shape, low=0, span=1 << (63 - bits), seed=seed, position=position, device=device)
        return xp.sort((keys << bits) | xp.arange(n, dtype=keys.dtype, device=device), stable=False) & ((1 << bits) - 1)

    out = drawn("randperm", sorted_numbers, (n,), 2, device, generator)
    return out if as_dtype(dtype) == np.int64 else astype(out, dtype)


def _has_entries(value: Any) -> bool:
    """Whether entries are to be taken from it, rather than from the integers below it."""
    return isinstance(value, (Tensor, list, tuple)) or is_array(value)


def permutation(x: Any, axis: int = 0, *, device: Any = None, generator: Generator | None = None) -> Tensor:
    """A Tensor with the entries along an axis in random order; of an int n, `randperm(n)`.

    Parameters
    ----------
    x : Tensor or int
        The gradient goes back to where the entries came from.
    axis : int
    device : optional
        Of the result for an int.
    generator : Generator, optional
    """
    if not _has_entries(x):
        return randperm(x, device=device, generator=generator)
    x = as_tensor(x)
    axis = axis_of("permutation", axis, x.ndim)
    return take(x, randperm(x.shape[axis], device=x.device, generator=generator), axis=axis)


def choice(a: Any, size: Size = None, replace: bool = True, p: Any = None, *, axis: int = 0, device: Any = None, generator: Generator | None = None) -> Tensor:
    """Entries chosen at random.

    Parameters
    ----------
    a : Tensor or int
        Entries along an axis of a Tensor, which get the gradients of those chosen; or the integers from 0 up to a.
    size : int or sequence of int, optional
        How many. Default: one, without an axis of its own.
    replace : bool
        Whether an entry may be chosen again.
    p : sequence of float or Tensor, optional
        The probability of each entry. Without `replace`: of those that are left, in proportion. No gradient flows to it.
    axis : int
    device : optional
        Of the result for an int.
    generator : Generator, optional

    Raises
    ------
    ValueError, ShapeError
        If there is nothing to choose from, or too little without `replace`; if p is not one probability for each entry.
        The values of a Tensor p on a GPU are looked at only under `anygrad.cuda.check_indices(True)`: it waits.
    """
    x = as_tensor(a) if _has_entries(a) else None
    if x is not None:
        axis, device = axis_of("choice", axis, x.ndim), x.device
    n = integer("choice", "a", a) if x is None else x.shape[axis]
    shape = _shape("choice", () if size is None else size)
    _check_sizes("choice", shape)
    count = math.prod(shape)
    if n < 1 and count:
        raise ValueError("choice: there is nothing to choose from")
    if not replace and count > n:
        raise ValueError(f"choice: {count} of {n} entries cannot be chosen without replacement. Use `replace=True`, or a smaller size.")
    if count == 0:
        chosen = asarray(np.zeros(shape, np.int64), device=as_device(device))
    elif p is None:
        chosen = (
            integers("choice", shape, device, generator, low=0, span=n) if replace else reshape(randperm(n, device=device, generator=generator)[:count], shape)
        )
    else:
        chosen = _weighted(_probabilities(p, n, 0 if replace else count, device), shape, replace, device, generator)
    if x is None:
        return chosen
    found = take(x, reshape(chosen, (-1,)), axis=axis)
    return reshape(found, (*x.shape[:axis], *shape, *x.shape[axis + 1 :]))


def _probabilities(p: Any, n: int, least: int, device: Any) -> Tensor:
    """The probabilities of n entries in double precision, checked; at least so many of them are not 0."""
    p = asarray(p, dtype=np.float64, device=as_device(device)).detach()
    if p.shape != (n,):
        raise ShapeError(f"choice: p has shape {p.shape}, and there are {n} entries, each of which has one probability")
    xp = namespace(p._data)
    check("choice", "p must not be negative or NaN", p, lambda v: ~(v >= 0))
    check("choice", "the probabilities p must add up to 1", p, lambda v: abs(xp.sum(v) - 1) > 1e-6)
    check("choice", f"at least {least} entries must have a probability that is not 0", p, lambda v: xp.count_nonzero(v) < least)
    return p


def _weighted(p: Tensor, shape: tuple[int, ...], replace: bool, device: Any, generator: Generator | None) -> Tensor:
    if replace:
        upper = cumulative_sum(p)
        numbers = floats("choice", "random_uniform", (math.prod(shape),), np.float64, p.device, False, generator)
        return reshape(searchsorted(upper / upper[-1], numbers, side="right"), shape)
    # the first of exponentially distributed times with rates p (Efraimidis and Spirakis, 2006)
    possible = p > 0
    times = -log1p(-floats("choice", "random_uniform", p.shape, np.float64, p.device, False, generator)) / where(possible, p, 1.0)
    return reshape(argsort(where(possible, times, math.inf))[: math.prod(shape)], shape)
