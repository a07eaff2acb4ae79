"""Random numbers by their distribution."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .._dtypes import as_dtype
from .._generator import Generator
from .._tensor import Tensor, rewrapped
from ..ops import asarray, astype
from ..ops._axes import as_tensor, integer
from ..ops.creation import _shape
from ..ops.draws import bernoulli as _bernoulli
from ._common import Size, check, floats, integers, leaf, moved, placed, sizes


def rand(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False, generator: Generator | None = None) -> Tensor:
    """Uniform numbers in [0, 1): `rand(2, 3)` or `rand((2, 3))`.

    Parameters
    ----------
    size : ints, or one sequence of ints
    dtype : dtype, optional
        A floating or complex one (real and imaginary part uniform); default the default dtype.
    device : optional
        Default: the default device.
    requires_grad : bool
    generator : Generator, optional
        Default: the default generator.

    Raises
    ------
    DTypeError
        For integers: use `randint`.
    """
    return floats("rand", "random_uniform", sizes("rand", size), dtype, device, requires_grad, generator)


def randn(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False, generator: Generator | None = None) -> Tensor:
    """Normal numbers of mean 0 and variance 1: `randn(2, 3)` or `randn((2, 3))`.

    Parameters
    ----------
    size : ints, or one sequence of ints
    dtype : dtype, optional
        A floating or complex one (real and imaginary part of variance 1/2); default the default dtype.
    device, requires_grad, generator
        See `rand`.

    Raises
    ------
    DTypeError
        For integers.
    """
    out = floats("randn", "random_normal", sizes("randn", size), dtype, device, False, generator)
    if out.dtype.kind == "c":
        out = out * math.sqrt(0.5)
    return leaf(out, requires_grad)


def rand_like(x: Any, /, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, generator: Generator | None = None) -> Tensor:
    """Uniform numbers in [0, 1) with the shape, dtype and device of x."""
    return _like(rand, x, dtype, device, requires_grad, generator)


def randn_like(x: Any, /, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, generator: Generator | None = None) -> Tensor:
    """Normal numbers of mean 0 and variance 1 with the shape, dtype and device of x."""
    return _like(randn, x, dtype, device, requires_grad, generator)


def _like(function: Callable[..., Tensor], x: Any, dtype: Any, device: Any, requires_grad: bool, generator: Generator | None) -> Tensor:
    x = as_tensor(x)
    out = function(
        x.shape,
        dtype=x.dtype if dtype is None else dtype,
        device=x.device if device is None else device,
        requires_grad=requires_grad,
        generator=generator,
    )
    return out if x._kind is Tensor else rewrapped(out, x._kind)


def uniform(
    low: Any = 0.0,
    high: Any = 1.0,
    size: Size = None,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    generator: Generator | None = None,
) -> Tensor:
    """Uniform numbers from `low` up to `high`, which may be met by rounding: low + (high - low) * rand(size).

    Parameters
    ----------
    low, high : number or Tensor
        Gradients flow to Tensors.
    size : int or sequence of int, optional
        Default: the shape that `low` and `high` broadcast to.
    dtype, device : optional
        Default: those of the Tensors.
    requires_grad, generator
        See `rand`.

    Raises
    ------
    ValueError
        If `low` is above `high`, both being numbers.
    """
    shape, dtype, device = placed("uniform", {"low": low, "high": high}, size, dtype, device)
    if not isinstance(low, Tensor) and not isinstance(high, Tensor) and not low <= high:
        raise ValueError(f"uniform: low must be at most high, got {low} and {high}")
    out = floats("uniform", "random_uniform", shape, dtype, device, False, generator)
    return leaf(moved(out, low, high - low), requires_grad)


def normal(
    mean: Any = 0.0,
    std: Any = 1.0,
    size: Size = None,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    generator: Generator | None = None,
) -> Tensor:
    """Normal numbers: mean + std * randn(size).

    Parameters
    ----------
    mean, std : number or Tensor
        Gradients flow to Tensors.
    size : int or sequence of int, optional
        Default: the shape that `mean` and `std` broadcast to.
    dtype, device : optional
        Default: those of the Tensors.
    requires_grad, generator
        See `rand`.

    Raises
    ------
    ValueError
        If `std` is negative. That of a Tensor on a GPU is looked at only under `anygrad.cuda.check_indices(True)`: it waits.
    """
    shape, dtype, device = placed("normal", {"mean": mean, "std": std}, size, dtype, device)
    check("normal", "std must not be negative", std, lambda v: v < 0)
    out = floats("normal", "random_normal", shape, dtype, device, False, generator)
    return leaf(moved(out, mean, std), requires_grad)


def bernoulli(p: Any, size: Size = None, *, dtype: Any = None, device: Any = None, generator: Generator | None = None) -> Tensor:
    """1 with probability p, else 0. The gradient with respect to p is 0, as in PyTorch.

    Parameters
    ----------
    p : number or Tensor
    size : int or sequence of int, optional
        Default: the shape of p.
    dtype, device : optional
        Default: those of p; for a number the defaults.
    generator : Generator, optional

    Raises
    ------
    ValueError
        If p is not in [0, 1]. That of a Tensor on a GPU is looked at only under `anygrad.cuda.check_indices(True)`: it waits.
    """
    shape, within, place = placed("bernoulli", {"p": p}, size, None, device)
    check("bernoulli", "p must be in [0, 1]", p, lambda v: (v < 0) | (v > 1))
    numbers = floats("bernoulli", "random_uniform", shape, np.float64 if within == np.float64 else np.float32, place, False, generator)
    p = p if isinstance(p, Tensor) and p.dtype == within else asarray(p, dtype=within, device=place)
    out = _bernoulli(numbers, p)
    return out if dtype is None else astype(out, dtype)


def randint(low: Any, high: Any = None, size: Any = None, *, dtype: Any = np.int64, device: Any = None, generator: Generator | None = None) -> Tensor:
    """Integers from `low` up to `high`, without it; `randint(10, (2, 3))` and `randint(10, size=(2, 3))` start at 0.

    Parameters
    ----------
    low, high : int
    size : int or sequence of int, optional
        Default: one integer, with 0 dimensions.
    dtype : dtype
    device, generator
        See `rand`.

    Raises
    ------
    ValueError
        If there is no integer to choose.
    OverflowError
        If the dtype cannot hold them all.
    """
    if isinstance(high, (tuple, list)) and size is None:
        high, size = None, high
    low, high = (0, low) if high is None else (low, high)
    low, high = integer("randint", "low", low), integer("randint", "high", high)
    if low >= high:
        raise ValueError(f"randint: low must be below high, got {low} and {high}")
    dtype = as_dtype(dtype)
    limits = np.iinfo(dtype) if dtype.kind in "iu" else None
    smallest, largest = (limits.min, limits.max) if limits else (0, 1) if dtype.kind == "b" else (-(1 << 63), (1 << 63) - 1)
    if low < smallest or high - 1 > largest:
        raise OverflowError(f"randint: {dtype} holds {smallest} to {largest}, not all integers from {low} to {high - 1}")
    out = integers("randint", _shape("randint", () if size is None else size), device, generator, low=low, span=high - low)
    return out if dtype == np.int64 else astype(out, dtype)
