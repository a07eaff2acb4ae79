"""Random numbers: the same on every device and with every array library, from a seed and a position.

The names are PyTorch's, and NumPy's for what PyTorch lacks. Each function takes the next words of a stream (see
`Generator`); docs/random.md says how many, and what it makes of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from ._backends import as_device, is_array, namespace
from ._batched import Batch, Batched, running
from ._dtypes import as_dtype
from ._errors import DTypeError, ShapeError
from ._generator import Generator, default_generator, draw
from ._messages import translate
from ._scalars import get_default_dtype
from ._tensor import Tensor, rewrapped
from .ops import argsort as _argsort
from .ops import asarray, astype, broadcast_shapes, cumulative_sum, log1p, reshape, result_type, searchsorted, take, where
from .ops._axes import as_tensor, axis_of, integer
from .ops.creation import _check_sizes, _made, _shape
from .ops.draws import bernoulli as _bernoulli
from .ops.draws import random_dropout

__all__ = [
    "Generator",
    "bernoulli",
    "choice",
    "default_generator",
    "dropout",
    "fork_rng",
    "get_rng_state",
    "initial_seed",
    "manual_seed",
    "normal",
    "permutation",
    "rand",
    "rand_like",
    "randint",
    "randn",
    "randn_like",
    "randperm",
    "seed",
    "set_rng_state",
    "uniform",
]

Size = int | Sequence[int] | None


# ---------------------------------------------------------------------------
# the generator that is used where none is given
# ---------------------------------------------------------------------------


def manual_seed(seed: int) -> Generator:
    """Begin the stream of this seed on the default generator, for all devices; returns the generator."""
    return default_generator.manual_seed(seed)


def seed() -> int:
    """Begin a stream with a fresh seed from the operating system on the default generator; returns the seed."""
    return default_generator.seed()


def initial_seed() -> int:
    """The seed of the default generator's stream."""
    return default_generator.initial_seed()


def get_rng_state() -> dict[str, int]:
    """Where the default generator's stream stands (see `Generator.get_state`)."""
    return default_generator.get_state()


def set_rng_state(state: Mapping[str, int]) -> None:
    """Go back, or on, to where the default generator's stream stood."""
    default_generator.set_state(state)


@contextmanager
def fork_rng() -> Iterator[None]:
    """A context after which the default generator's stream stands where it did before."""
    state = get_rng_state()
    try:
        yield
    finally:
        set_rng_state(state)


# ---------------------------------------------------------------------------
# numbers
# ---------------------------------------------------------------------------


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
    return _floats("rand", "random_uniform", _sizes("rand", size), dtype, device, requires_grad, generator)


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
    out = _floats("randn", "random_normal", _sizes("randn", size), dtype, device, False, generator)
    if out.dtype.kind == "c":
        out = out * math.sqrt(0.5)
    return _leaf(out, requires_grad)


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
    shape, dtype, device = _placed("uniform", {"low": low, "high": high}, size, dtype, device)
    if not isinstance(low, Tensor) and not isinstance(high, Tensor) and not low <= high:
        raise ValueError(f"uniform: low must be at most high, got {low} and {high}")
    out = _floats("uniform", "random_uniform", shape, dtype, device, False, generator)
    return _leaf(_moved(out, low, high - low), requires_grad)


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
    shape, dtype, device = _placed("normal", {"mean": mean, "std": std}, size, dtype, device)
    _check("normal", "std must not be negative", std, lambda v: v < 0)
    out = _floats("normal", "random_normal", shape, dtype, device, False, generator)
    return _leaf(_moved(out, mean, std), requires_grad)


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
    shape, within, place = _placed("bernoulli", {"p": p}, size, None, device)
    _check("bernoulli", "p must be in [0, 1]", p, lambda v: (v < 0) | (v > 1))
    numbers = _floats("bernoulli", "random_uniform", shape, np.float64 if within == np.float64 else np.float32, place, False, generator)
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
    out = _integers("randint", _shape("randint", () if size is None else size), device, generator, low=low, span=high - low)
    return out if dtype == np.int64 else astype(out, dtype)


# ---------------------------------------------------------------------------
# order and choice
# ---------------------------------------------------------------------------


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

    out = _drawn("randperm", sorted_numbers, (n,), 2, device, generator)
    return out if as_dtype(dtype) == np.int64 else astype(out, dtype)


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
    if not isinstance(x, Tensor) and not is_array(x) and not isinstance(x, (list, tuple)):
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
    x = as_tensor(a) if isinstance(a, Tensor) or is_array(a) or isinstance(a, (list, tuple)) else None
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
            _integers("choice", shape, device, generator, low=0, span=n) if replace else reshape(randperm(n, device=device, generator=generator)[:count], shape)
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
    _check("choice", "p must not be negative or NaN", p, lambda v: ~(v >= 0))
    _check("choice", "the probabilities p must add up to 1", p, lambda v: abs(xp.sum(v) - 1) > 1e-6)
    _check("choice", f"at least {least} entries must have a probability that is not 0", p, lambda v: xp.count_nonzero(v) < least)
    return p


def _weighted(p: Tensor, shape: tuple[int, ...], replace: bool, device: Any, generator: Generator | None) -> Tensor:
    if replace:
        upper = cumulative_sum(p)
        numbers = _floats("choice", "random_uniform", (math.prod(shape),), np.float64, p.device, False, generator)
        return reshape(searchsorted(upper / upper[-1], numbers, side="right"), shape)
    # the first of exponentially distributed times with rates p (Efraimidis and Spirakis, 2006)
    possible = p > 0
    times = -log1p(-_floats("choice", "random_uniform", p.shape, np.float64, p.device, False, generator)) / where(possible, p, 1.0)
    return reshape(_argsort(where(possible, times, math.inf))[: math.prod(shape)], shape)


# ---------------------------------------------------------------------------
# dropout
# ---------------------------------------------------------------------------


def dropout(x: Any, p: float = 0.5, training: bool = True, *, generator: Generator | None = None) -> Tensor:
    """x with each element set to 0 with probability p, and the others divided by 1 - p, so that the mean stays.

    The graph keeps a seed and a position, not which elements these are: backward computes it again.

    Parameters
    ----------
    x : Tensor
        Floating or complex.
    p : float
        In [0, 1], used in multiples of 2**-32.
    training : bool
        False returns x itself.
    generator : Generator, optional

    Raises
    ------
    ValueError
        If p is not in [0, 1].
    """
    x = as_tensor(x)
    if x.dtype.kind in "biu":
        raise DTypeError(f"dropout: x must be of a floating point or complex dtype, not {x.dtype}. Use `.astype(anygrad.float32)`.")
    if isinstance(p, bool) or not isinstance(p, (int, float)):
        raise TypeError(f"dropout: p must be a number, not {type(p).__name__}")
    if not 0 <= p <= 1:
        raise ValueError(f"dropout: p must be in [0, 1], got {p}")
    source, batches = _source("dropout", generator), _batches("dropout")
    if not training or p == 0:
        return x
    for batch in reversed(batches):
        x = batch.exposed(x)
    seed, position = draw(source, x.size, 1)
    out = random_dropout(x, shared=(), threshold=round(p * 2**32), scale=1 / (1 - p) if p < 1 else 1.0, seed=seed, position=position)
    for batch in batches:
        out = batch.covered(out)
    return out


# ---------------------------------------------------------------------------
# what they have in common
# ---------------------------------------------------------------------------


def _source(name: str, generator: Any) -> Generator:
    if generator is None:
        return default_generator
    if not isinstance(generator, Generator):
        raise TypeError(f"{name}: generator must be an anygrad.Generator, not {type(generator).__name__}. Write generator=anygrad.Generator(seed).")
    return generator


def _batches(name: str) -> list[Batch]:
    """The batches that draws differ in, the outermost first.

    Raises
    ------
    RuntimeError
        Under a `vmap` that was not told what to do.
    """
    if any(batch.randomness == "error" for batch in running()):
        raise RuntimeError(
            f"vmap: {name} draws random numbers, and vmap has to be told whether they are the same for all entries of the batch: "
            'vmap(function, randomness="different") or "same". Or draw outside of the function.'
        )
    return [batch for batch in running() if batch.randomness == "different"]


def _drawn(name: str, make: Callable[..., Any], shape: tuple[int, ...], words: int, device: Any, generator: Any, align: int = 0, even: bool = False) -> Tensor:
    """A Tensor of random numbers, under `vmap` one for each entry where these are to differ.

    Parameters
    ----------
    make : function
        `make(xp, shape, seed, position, device)` makes the raw array.
    words : int
        How many each number takes.
    align : int
        See `draw`; default `words`.
    even : bool
        Numbers are made in pairs.
    """
    source, batches = _source(name, generator), _batches(name)
    _check_sizes(name, shape)
    place = as_device(device)
    xp = place.backend
    shape = (*[batch.size for batch in batches], *shape)
    count = math.prod(shape)
    seed, position = draw(source, (count + count % 2 if even else count) * words, align or words)
    try:
        with xp.device_guard(place.raw):
            array = make(xp, shape, seed, position, place.raw)
    except (TypeError, ValueError, MemoryError) as error:
        raise translate(error, name, (), (), {"shape": shape}) from error
    out = _made(array, False)
    for batch in batches:
        out = Batched(batch, out)
    return out


def _floats(name: str, kind: str, shape: tuple[int, ...], dtype: Any, device: Any, requires_grad: bool, generator: Any) -> Tensor:
    """Uniform or normal numbers; complex ones with such parts."""
    dtype = get_default_dtype() if dtype is None else as_dtype(dtype)
    if dtype.kind == "c":
        parts = _floats(name, kind, (*shape, 2), np.float64 if dtype == np.complex128 else np.float32, device, False, generator)
        return _leaf(parts[..., 0] + 1j * parts[..., 1], requires_grad)
    if dtype.kind not in "fV":
        raise DTypeError(f"{name}: random numbers of dtype {dtype} are drawn by randint; {name} has floating ones, such as dtype=anygrad.float32")
    words = 2 if dtype == np.float64 else 1
    normal = kind == "random_normal"

    def make(xp: Any, shape: tuple[int, ...], seed: int, position: int, device: Any) -> Any:
        return getattr(xp, kind)(shape, dtype=dtype, seed=seed, position=position, device=device)

    return _leaf(_drawn(name, make, shape, words, device, generator, 2 * words if normal else words, normal), requires_grad)


def _integers(name: str, shape: tuple[int, ...], device: Any, generator: Any, low: int, span: int) -> Tensor:
    def make(xp: Any, shape: tuple[int, ...], seed: int, position: int, device: Any) -> Any:
        return xp.random_integers(shape, low=low, span=span, seed=seed, position=position, device=device)

    return _drawn(name, make, shape, 2, device, generator)


def _leaf(out: Tensor, requires_grad: bool) -> Tensor:
    if not isinstance(requires_grad, bool):
        raise TypeError(f"requires_grad must be a bool, not {type(requires_grad).__name__}")
    if requires_grad:
        out.requires_grad = True
    return out


def _sizes(name: str, size: tuple[Any, ...]) -> tuple[int, ...]:
    """rand(2, 3), rand((2, 3)) and rand()."""
    return _shape(name, size[0], size[1:]) if size else ()


def _placed(name: str, numbers: dict[str, Any], size: Size, dtype: Any, device: Any) -> tuple[tuple[int, ...], np.dtype, Any]:
    """The shape, dtype and device of what is drawn with parameters that are numbers or Tensors."""
    for argument, value in numbers.items():
        if not isinstance(value, (Tensor, int, float, np.number)) or isinstance(value, (bool, complex, np.complexfloating)):
            raise TypeError(f"{name}: {argument} must be a real number or a Tensor, not {type(value).__name__}. Write anygrad.asarray(...).")
    tensors = [value for value in numbers.values() if isinstance(value, Tensor)]
    if any(t.dtype.kind == "c" for t in tensors):
        raise DTypeError(f"{name}: {' and '.join(numbers)} must be real")
    shape = broadcast_shapes(*[t.shape for t in tensors]) if tensors else ()
    if size is not None:
        wanted = _shape(name, size)
        _check_sizes(name, wanted)
        if broadcast_shapes(shape, wanted) != wanted:
            raise ShapeError(f"{name}: {' and '.join(numbers)} of shape {shape} do not broadcast to size {wanted}")
        shape = wanted
    if dtype is None:
        dtype = result_type(*[t.dtype for t in tensors]) if tensors else get_default_dtype()
        dtype = get_default_dtype() if as_dtype(dtype).kind in "biu" else dtype
    return shape, as_dtype(dtype), tensors[0].device if tensors and device is None else device


def _moved(out: Tensor, low: Any, scale: Any) -> Tensor:
    """low + scale * out, of the dtype of `out`."""
    for operation, value in (("multiply", scale), ("add", low)):
        if isinstance(value, Tensor):
            value = value if value.dtype == out.dtype else astype(value, out.dtype)
        elif value == (1 if operation == "multiply" else 0):
            continue
        else:
            value = float(value)
        out = out * value if operation == "multiply" else out + value
    return out


def _check(name: str, rule: str, x: Any, bad: Callable[[Any], Any]) -> None:
    """Raise ValueError for numbers that break a rule. What is on a GPU is looked at only under a debug switch, since that waits."""
    if isinstance(x, Tensor):
        xp = namespace(x._data)
        if xp.device_type == "cuda" and not xp.checks_indices:
            return
        failed, found = xp.any(bad(x._data)), "a tensor with other values"
    else:
        failed, found = bad(x), x
    if failed:
        raise ValueError(f"{name}: {rule}, got {found}")
