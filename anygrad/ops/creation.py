"""Tensors out of nothing, out of data, out of other arrays: the creation functions of the standard.

All take `dtype`, `device` and `requires_grad`; without `dtype` floats are of the default
dtype (float32 unless set), and without `device` they are made on the default device.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _alias, _backends, _modes
from .._backends import as_device, device, is_array, load, move, namespace, plain
from .._dtypes import as_dtype, check_numeric
from .._errors import DTypeError, ShapeError
from .._messages import translate
from .._out_of_memory import explained
from .._primitive import linear as primitive
from .._scalars import NUMBERS, default_complex, dtype_of, get_default_dtype, python_number
from .._tensor import Tensor, rewrapped, wrap
from .._transform import Transformed, is_tracked
from ._axes import integer
from ._data import copied, nests_tracked
from .data_types import astype, result_type
from .devices import to
from .manipulation import broadcast_to, permute_dims, reshape, stack


def _shape(name: str, shape: Any, sizes: tuple[Any, ...] = ()) -> tuple[int, ...]:
    """(2, 3) and ((2, 3),) alike."""
    if type(shape) is int and not sizes:
        return (shape,)
    given = (shape, *sizes) if sizes or isinstance(shape, (int, np.integer)) else shape
    try:
        return tuple([n if type(n) is int else integer(name, "shape", n) for n in given])
    except TypeError:
        raise TypeError(f"{name}: a shape is given by integers, {name}(2, 3) or {name}((2, 3)), not by {given!r}") from None


def _made(array: Any, requires_grad: bool) -> Tensor:
    """The Tensor that a constructor returns."""
    out = wrap(array)
    if not isinstance(requires_grad, bool):
        raise TypeError(f"requires_grad must be a bool, not {type(requires_grad).__name__}")
    if _modes.local.inference:
        _alias.alias_of(out).storage.inference = True
    if requires_grad:
        out.requires_grad = True
    return out


def _check_sizes(name: str, shape: tuple[int, ...]) -> None:
    if min(shape, default=0) < 0:
        raise ShapeError(f"{name}: a size cannot be negative, got shape {shape}")


def _filled(name: str, shape: tuple[int, ...], dtype: Any, where: Any, requires_grad: bool, *value: Any) -> Tensor:
    place = as_device(where)
    xp = place.backend
    raw = xp.raw_dtype(get_default_dtype() if dtype is None else as_dtype(dtype))
    _check_sizes(name, shape)
    try:
        with xp.device_guard(place.raw):
            array = getattr(xp, name)(shape, *value, dtype=raw, device=place.raw)
    except (TypeError, ValueError, OverflowError, MemoryError) as error:
        raise translate(error, name, (), (), {"shape": shape, **({"fill_value": value[0]} if value else {}), "dtype": raw, "device": place}) from error
    return _made(array, requires_grad)


def zeros(shape: Any, *sizes: int, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Zeros: `zeros(2, 3)` or `zeros((2, 3))`."""
    return _filled("zeros", _shape("zeros", shape, sizes), dtype, device, requires_grad)


def ones(shape: Any, *sizes: int, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones: `ones(2, 3)` or `ones((2, 3))`."""
    return _filled("ones", _shape("ones", shape, sizes), dtype, device, requires_grad)


def empty(shape: Any, *sizes: int, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Whatever the memory holds: `empty(2, 3)` or `empty((2, 3))`."""
    return _filled("empty", _shape("empty", shape, sizes), dtype, device, requires_grad)


def full(shape: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """One number throughout. Without `dtype` it is of the number's kind. A Tensor gets the sum of the gradients."""
    if is_tracked(fill_value):
        return _spread(fill_value, _shape("full", shape), dtype, as_device(device), requires_grad)
    if isinstance(fill_value, (Tensor, np.generic)):
        dtype = fill_value.dtype if dtype is None else dtype
    fill_value = _number("full", "fill_value", fill_value)
    dtype = dtype_of(fill_value) if dtype is None else dtype
    return _filled("full", _shape("full", shape), dtype, device, requires_grad, fill_value)


def _spread(value: Tensor, shape: tuple[int, ...], dtype: Any, where: device, requires_grad: bool) -> Tensor:
    """What `full` makes of a Tensor of one element: recorded, and without reading its value."""
    value = asarray(reshape(value, ()), dtype=dtype, device=where)
    return asarray(broadcast_to(value, shape), copy=True, requires_grad=requires_grad)


def _like(name: str, x: Any, dtype: Any, where: Any, requires_grad: bool, *value: Any) -> Tensor:
    if type(x) is Tensor and dtype is None and where is None and not value:
        xp = namespace(x._data)
        with explained(f"{name}_like", x._data), xp.device_guard(x._data):
            return _made(getattr(xp, f"{name}_like")(x._data), requires_grad)
    x = x if isinstance(x, Tensor) else asarray(x)
    where = x.device if where is None else where
    out = _filled(name, x.shape, x.dtype if dtype is None else dtype, where, requires_grad, *value)
    if isinstance(x, Transformed):
        return x.like(out)
    return out if x._kind is Tensor else rewrapped(out, x._kind)


def zeros_like(x: Any, /, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Zeros with the shape, dtype and device of x."""
    return _like("zeros", x, dtype, device, requires_grad)


def ones_like(x: Any, /, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones with the shape, dtype and device of x."""
    return _like("ones", x, dtype, device, requires_grad)


def empty_like(x: Any, /, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Memory with the shape, dtype and device of x."""
    return _like("empty", x, dtype, device, requires_grad)


def full_like(x: Any, /, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """One number throughout, with the shape, dtype and device of x."""
    if is_tracked(fill_value):
        x = x if isinstance(x, Tensor) else asarray(x)
        return _spread(fill_value, x.shape, x.dtype if dtype is None else dtype, x.device if device is None else as_device(device), requires_grad)
    return _like("full", x, dtype, device, requires_grad, _number("full_like", "fill_value", fill_value))


def eye(n_rows: int, n_cols: int | None = None, /, *, k: int = 0, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones on the k-th diagonal, zeros elsewhere."""
    place = as_device(device)
    shape = _shape("eye", (n_rows, n_rows if n_cols is None else n_cols))
    _check_sizes("eye", shape)
    raw = place.backend.raw_dtype(get_default_dtype() if dtype is None else as_dtype(dtype))
    with explained("eye", place), place.backend.device_guard(place.raw):
        return _made(place.backend.eye(*shape, k=integer("eye", "k", k), dtype=raw, device=place.raw), requires_grad)


def _number(name: str, argument: str, value: Any, kinds: tuple[type, ...] = NUMBERS) -> Any:
    """An argument that is a number, as Python's."""
    value = value.item() if isinstance(value, (Tensor, np.generic)) else value
    if not isinstance(value, kinds):
        raise TypeError(f"{name}: {argument} must be a {'real ' if complex not in kinds else ''}number, not {type(value).__name__}")
    return python_number(value)


def arange(start: Any, /, stop: Any = None, step: Any = 1, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Evenly spaced numbers from `start` up to `stop`, without it; `arange(n)` starts at 0."""
    if stop is None:
        start, stop = 0, start
    if is_tracked(start) or is_tracked(step):
        n = len(arange(*(v.item() if isinstance(v, Tensor) else v for v in (start, stop, step))))
        return start + step * arange(n, dtype=result_type(start, step, 1.0) if dtype is None else dtype, device=device)
    start, stop, step = [_number("arange", name, v, (int, float)) for name, v in (("start", start), ("stop", stop), ("step", step))]
    if step == 0:
        raise ValueError("arange: step cannot be 0")
    if dtype is None:
        dtype = np.int64 if all(isinstance(v, int) for v in (start, stop, step)) else get_default_dtype()
    if as_dtype(dtype).kind not in "iufV":
        raise DTypeError(f"arange: dtype must be an integer or a floating one, not {as_dtype(dtype)}")
    place = as_device(device)
    try:
        with place.backend.device_guard(place.raw):
            return _made(place.backend.arange(start, stop, step, dtype=place.backend.raw_dtype(as_dtype(dtype)), device=place.raw), requires_grad)
    except (TypeError, ValueError, OverflowError, MemoryError) as error:
        raise translate(error, "arange", (), (), {"device": place, "start": start, "stop": stop, "step": step, "dtype": as_dtype(dtype)}) from error


def linspace(start: Any, stop: Any, /, num: int, *, dtype: Any = None, device: Any = None, endpoint: bool = True, requires_grad: bool = False) -> Tensor:
    """`num` evenly spaced numbers from `start` to `stop`."""
    if is_tracked(start) or is_tracked(stop):
        share = linspace(0.0, 1.0, num, dtype=result_type(start, stop, 1.0) if dtype is None else dtype, device=device, endpoint=endpoint)
        return start * (1 - share) + stop * share
    start, stop = _number("linspace", "start", start), _number("linspace", "stop", stop)
    start, stop = (float(v) if isinstance(v, int) else v for v in (start, stop))
    num = integer("linspace", "num", num)
    _check_sizes("linspace", (num,))
    if dtype is None:
        dtype = default_complex() if isinstance(start, complex) or isinstance(stop, complex) else get_default_dtype()
    place = as_device(device)
    with explained("linspace", place), place.backend.device_guard(place.raw):
        array = place.backend.linspace(start, stop, num, dtype=place.backend.raw_dtype(as_dtype(dtype)), device=place.raw, endpoint=endpoint)
    return _made(array, requires_grad)


# ---------------------------------------------------------------------------
# from data
# ---------------------------------------------------------------------------


def tensor(data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A new leaf with a copy of `data`: numbers, nested lists of numbers, an array, a Tensor.

    Raises
    ------
    TypeError, ShapeError
        If `data` is not numbers, or its rows are of different lengths.
    """
    if isinstance(data, Tensor):
        warnings.warn(
            "tensor(t) copies a Tensor out of its graph. To copy a tensor, use t.detach().clone(); to keep the graph, t.clone() or asarray(t).",
            UserWarning,
            stacklevel=2,
        )
        data = (data.plain("tensor(t)") if isinstance(data, Transformed) else data)._data
    if nests_tracked(data):
        warnings.warn(
            "tensor([...]) of Tensors that require grad copies their values out of the graph. To keep it, use stack([...]).", UserWarning, stacklevel=2
        )
    return _made(copied("tensor", data, dtype, device), requires_grad)


def asarray(obj: Any, /, *, dtype: Any = None, device: Any = None, copy: bool | None = None, requires_grad: bool = False) -> Tensor:
    """`obj` as a Tensor: a Tensor stays on its graph, an array shares its memory where it can.

    Parameters
    ----------
    obj : Tensor, array, number or nested sequence of numbers
    dtype, device : optional
        Default: those of `obj`; Python floats take the default dtype.
    copy : bool, optional
        True always copies; False raises where a copy is needed; None copies where need be.

    Raises
    ------
    ValueError
        If `copy=False` and a copy is needed.
    """
    if isinstance(obj, Tensor):
        out = obj
        if dtype is not None and out.dtype != as_dtype(dtype):
            out = astype(out, dtype)
        if device is not None:
            out = to(out, device)
        if copy is False and out is not obj:
            raise ValueError("asarray: copy=False, but the dtype or device differs, so a copy is needed")
        out = out.clone() if copy and out is obj else out
    elif is_array(obj) and not isinstance(obj, np.generic):
        array = plain("asarray", obj)
        check_numeric("asarray", array)
        out = wrap(array if dtype is None and device is None and not copy else _converted(array, dtype, device, copy))
    elif hasattr(obj, "__dlpack__"):
        check_numeric("asarray", obj)
        out = from_dlpack(obj)
        return asarray(out, dtype=dtype, device=device, copy=copy, requires_grad=requires_grad)
    elif hasattr(obj, "__cuda_array_interface__"):
        return asarray(load("cupy").asarray(obj), dtype=dtype, device=device, copy=copy, requires_grad=requires_grad)
    else:
        if copy is False:
            raise ValueError("asarray: copy=False, but making a Tensor out of Python numbers copies them")
        if nests_tracked(obj):
            out = stack([asarray(v) for v in obj])
            return asarray(out, dtype=dtype, device=device, requires_grad=requires_grad)
        out = wrap(copied("asarray", obj, dtype, device))
    if requires_grad:
        out.requires_grad = True
    return out


def _converted(array: Any, dtype: Any, where: Any, copy: bool | None) -> Any:
    """A raw array in another dtype or on another device; a copy where `copy` is True, none where it is False."""
    xp, out = namespace(array), array
    where = None if where is None else _backends.device(where)
    with explained("asarray", where, array):
        if dtype is not None and as_dtype(array.dtype) != as_dtype(dtype):
            out = xp.astype(array, xp.raw_dtype(as_dtype(dtype)))
        if where is not None:
            out = move(out, where)
        if copy is False and out is not array:
            raise ValueError("asarray: copy=False, but the dtype or device differs, so a copy is needed")
        return xp.copy(array) if copy and out is array else out


as_tensor = asarray


def from_numpy(array: np.ndarray) -> Tensor:
    """A leaf over the memory of a NumPy array: writes to either are seen through both.

    Raises
    ------
    TypeError
        If it is not a NumPy array, or one of objects or strings.
    """
    if not isinstance(array, np.ndarray):
        raise TypeError(f"from_numpy: expected a numpy.ndarray, not {type(array).__name__}. Use anygrad.asarray(...).")
    check_numeric("from_numpy", array)
    load("numpy")
    return wrap(plain("from_numpy", array))


def from_cupy(array: Any) -> Tensor:
    """A leaf over the memory of a CuPy array, on its GPU: writes to either are seen through both.

    Raises
    ------
    TypeError
        If it is not a CuPy array.
    """
    if not is_array(array) or namespace(array).device_type != "cuda":
        raise TypeError(f"from_cupy: expected a cupy.ndarray, not {type(array).__name__}. Use anygrad.asarray(..., device='cuda').")
    return wrap(array)


# By the number that DLPack gives to a kind of device: host memory, host memory pinned by CUDA, CUDA, CUDA managed memory.
_DLPACK_BACKENDS = {1: "numpy", 3: "numpy", 2: "cupy", 13: "cupy"}


def from_dlpack(x: Any, /, *, device: Any = None, copy: bool | None = None) -> Tensor:
    """A Tensor over the memory of any object with `__dlpack__`, as NumPy or CuPy data.

    Parameters
    ----------
    x : object
        Of whatever library. A Tensor stays on its graph.
    device : optional
        Where the result is to be. Default: where x is.
    copy : bool, optional
        True always copies; False raises where a copy is needed; None copies where need be.

    Raises
    ------
    TypeError
        If x does not speak DLPack.
    BufferError
        If its memory or its dtype is of a kind that neither NumPy nor CuPy has.
    ValueError
        If `copy=False` and a copy is needed.
    """
    if isinstance(x, Tensor):
        return asarray(x, device=device, copy=copy)
    if not (hasattr(x, "__dlpack__") and hasattr(x, "__dlpack_device__")):
        raise TypeError(f"from_dlpack: {type(x).__name__} has no __dlpack__ and __dlpack_device__; pass the array itself. Others: anygrad.asarray(...).")
    kind = int(x.__dlpack_device__()[0])
    if kind not in _DLPACK_BACKENDS:
        raise BufferError(f"from_dlpack: the data are on a device of DLPack's type {kind}, neither a CPU nor CUDA. Move them to the CPU first.")
    backend = load(_DLPACK_BACKENDS[kind])
    try:
        array = backend.from_dlpack(x)
    except RuntimeError as error:
        raise BufferError(f"from_dlpack: {backend.name} cannot take {type(x).__module__}'s data of dtype {getattr(x, 'dtype', '?')}: {error}") from error
    return asarray(array, device=device, copy=copy)


# ---------------------------------------------------------------------------
# out of other tensors
# ---------------------------------------------------------------------------


@primitive("Tril", x=lambda g, k, xp: xp.tril(g, k=k))
def _tril(xp: Any, x: Any, *, k: Any) -> Any:
    return xp.tril(x, k=k)


@primitive("Triu", x=lambda g, k, xp: xp.triu(g, k=k))
def _triu(xp: Any, x: Any, *, k: Any) -> Any:
    return xp.triu(x, k=k)


def tril(x: Tensor, /, *, k: int = 0) -> Tensor:
    """The lower triangle of each matrix, up to the k-th diagonal; zeros elsewhere."""
    return _tril(_matrices("tril", x), k=integer("tril", "k", k))


def triu(x: Tensor, /, *, k: int = 0) -> Tensor:
    """The upper triangle of each matrix, from the k-th diagonal; zeros elsewhere."""
    return _triu(_matrices("triu", x), k=integer("triu", "k", k))


def _matrices(name: str, x: Any) -> Tensor:
    x = asarray(x)
    if x.ndim < 2:
        raise ShapeError(f"{name}: needs at least two dimensions, got shape {x.shape}")
    return x


def meshgrid(*arrays: Tensor, indexing: str = "xy") -> tuple[Tensor, ...]:
    """Coordinate matrices from coordinate vectors."""
    if indexing not in ("xy", "ij"):
        raise ValueError(f"meshgrid: indexing is 'xy' or 'ij', not {indexing!r}")
    vectors: Sequence[Tensor] = [asarray(a) for a in arrays]
    n, sizes = len(vectors), tuple(v.size for v in vectors)
    grids = [broadcast_to(reshape(v, (1,) * i + (-1,) + (1,) * (n - i - 1)), sizes) for i, v in enumerate(vectors)]
    if indexing == "xy" and n > 1:
        grids = [permute_dims(x, (1, 0, *range(2, n))) for x in grids]
    return tuple(grids)
