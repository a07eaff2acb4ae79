"""What the functions of random numbers have in common: streams, batches, shapes, dtypes, devices."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._backends import as_device, namespace
from .._batched import Batch, Batched, running
from .._dtypes import as_dtype
from .._errors import DTypeError, ShapeError
from .._generator import Generator, default_generator, draw
from .._messages import translate
from .._scalars import get_default_dtype
from .._tensor import Tensor
from ..ops import astype, broadcast_shapes, result_type
from ..ops.creation import _check_sizes, _made, _shape

Size = int | Sequence[int] | None


def source(name: str, generator: Any) -> Generator:
    if generator is None:
        return default_generator
    if not isinstance(generator, Generator):
        raise TypeError(f"{name}: generator must be an anygrad.Generator, not {type(generator).__name__}. Write generator=anygrad.Generator(seed).")
    return generator


def batches_of(name: str) -> list[Batch]:
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


def drawn(name: str, make: Callable[..., Any], shape: tuple[int, ...], words: int, device: Any, generator: Any, align: int = 0, even: bool = False) -> Tensor:
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
    stream, batches = source(name, generator), batches_of(name)
    _check_sizes(name, shape)
    place = as_device(device)
    xp = place.backend
    shape = (*[batch.size for batch in batches], *shape)
    count = math.prod(shape)
    seed, position = draw(stream, (count + count % 2 if even else count) * words, align or words)
    try:
        with xp.device_guard(place.raw):
            array = make(xp, shape, seed, position, place.raw)
    except (TypeError, ValueError, MemoryError) as error:
        raise translate(error, name, (), (), {"shape": shape}) from error
    out = _made(array, False)
    for batch in batches:
        out = Batched(batch, out)
    return out


def floats(name: str, kind: str, shape: tuple[int, ...], dtype: Any, device: Any, requires_grad: bool, generator: Any) -> Tensor:
    """Uniform or normal numbers; complex ones with such parts."""
    dtype = get_default_dtype() if dtype is None else as_dtype(dtype)
    if dtype.kind == "c":
        parts = floats(name, kind, (*shape, 2), np.float64 if dtype == np.complex128 else np.float32, device, False, generator)
        return leaf(parts[..., 0] + 1j * parts[..., 1], requires_grad)
    if dtype.kind not in "fV":
        raise DTypeError(f"{name}: random numbers of dtype {dtype} are drawn by randint; {name} has floating ones, such as dtype=anygrad.float32")
    words = 2 if dtype == np.float64 else 1
    normal = kind == "random_normal"

    def make(xp: Any, shape: tuple[int, ...], seed: int, position: int, device: Any) -> Any:
        return getattr(xp, kind)(shape, dtype=dtype, seed=seed, position=position, device=device)

    return leaf(drawn(name, make, shape, words, device, generator, 2 * words if normal else words, normal), requires_grad)


def integers(name: str, shape: tuple[int, ...], device: Any, generator: Any, low: int, span: int) -> Tensor:
    def make(xp: Any, shape: tuple[int, ...], seed: int, position: int, device: Any) -> Any:
        return xp.random_integers(shape, low=low, span=span, seed=seed, position=position, device=device)

    return drawn(name, make, shape, 2, device, generator)


def leaf(out: Tensor, requires_grad: bool) -> Tensor:
    if not isinstance(requires_grad, bool):
        raise TypeError(f"requires_grad must be a bool, not {type(requires_grad).__name__}")
    if requires_grad:
        out.requires_grad = True
    return out


def sizes(name: str, size: tuple[Any, ...]) -> tuple[int, ...]:
    """rand(2, 3), rand((2, 3)) and rand()."""
    return _shape(name, size[0], size[1:]) if size else ()


def placed(name: str, numbers: dict[str, Any], size: Size, dtype: Any, device: Any) -> tuple[tuple[int, ...], np.dtype, Any]:
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


def moved(out: Tensor, low: Any, scale: Any) -> Tensor:
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


def check(name: str, rule: str, x: Any, bad: Callable[[Any], Any]) -> None:
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
