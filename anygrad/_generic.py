"""A backend for any other library that follows the Array API standard."""

from __future__ import annotations

import contextlib
import functools
import importlib
import sys
from typing import Any

import numpy as np

from ._dtypes import DTYPE_NAMES, as_dtype
from ._errors import DeviceError, DTypeError

Array = Any  # a raw array of the library


class GenericBackend:
    """A backend for any library that follows the Array API standard.

    Attribute access gives the library's functions; what the standard lacks is here, made
    of standard calls. This class is also the list of what a backend has to have.

    Parameters
    ----------
    library : module
        An Array API namespace, or a library that array_api_compat wraps.
    """

    scalar_types: tuple[type, ...] = ()
    computes_on_current_device = False
    checks_indices = False  # libraries in host memory raise for indices out of range
    like_numpy = False  # where the standard leaves it open, the library may refuse

    def __init__(self, library: Any) -> None:
        self.name = library.__name__.removeprefix("array_api_compat.").partition(".")[0]
        self._library = library = _namespace_in(self.name, library)
        self.device_type = self.name
        probe = library.asarray(0.0)
        self.array_type = type(probe)
        self._default_device = self.device_of(probe)

    def __getattr__(self, attribute: str) -> Any:
        value = getattr(self._library, attribute)
        setattr(self, attribute, value)
        return value

    # -- devices

    def devices(self) -> list[Any]:
        info = getattr(self._library, "__array_namespace_info__", None)
        return [self._default_device] if info is None else list(info().devices())

    def device_name(self, where: Any) -> str:
        return str(getattr(where, "_device", where))

    def parse_device(self, text: str) -> Any:
        if not text:
            return self._default_device
        names = {self.device_name(d): d for d in self.devices()}
        if text not in names:
            raise DeviceError(f"{self.name} has no device {text!r}; it has {', '.join(names)}")
        return names[text]

    def dtype_names(self, where: Any) -> frozenset[str]:
        """The dtypes of the standard that a device has."""
        info = getattr(self._library, "__array_namespace_info__", None)
        return DTYPE_NAMES if info is None else DTYPE_NAMES.intersection(info().dtypes(device=where))

    def device_of(self, array: Array) -> Any:
        import array_api_compat

        return array_api_compat.device(array)

    def to_device(self, array: Array, where: Any) -> Array:
        import array_api_compat

        return array_api_compat.to_device(array, where)

    def device_guard(self, where: Any) -> contextlib.AbstractContextManager[object]:
        return contextlib.nullcontext()

    def to_host(self, array: Array) -> np.ndarray:
        try:
            return np.asarray(array)
        except (TypeError, ValueError, RuntimeError):
            return np.asarray(self.to_device(array, self._default_device))

    def from_host(self, array: np.ndarray, where: Any) -> Array:
        return self._library.asarray(array, device=where)

    def synchronize(self, where: Any = None) -> None:
        """Libraries that compute later have no standard call to wait with."""

    def memory_stats(self, where: Any = None) -> dict[str, int]:
        return {}

    def version(self) -> str:
        root = self.name.partition(".")[0]
        return f"{root} {getattr(sys.modules.get(root), '__version__', '')}".strip()

    def load_special(self) -> Any:
        """scipy.special, by way of host memory."""
        import scipy.special

        return _OnHost(self, scipy.special)

    # -- memory

    @functools.cached_property
    def writes_in_place(self) -> bool:
        probe = self._library.zeros(1)
        try:
            probe[0] = 1.0
        except TypeError:
            return False
        return True

    def copy(self, x: Array) -> Array:
        return self._library.asarray(x, copy=True)

    def owns_memory(self, x: Array) -> bool:
        return False  # the standard does not tell, so a first gradient is copied

    def shares_memory(self, x: Array, y: Array) -> bool:
        """Ask NumPy, where it can see the memory itself and not a copy; else assume that it is shared."""
        try:
            return bool(np.may_share_memory(_seen(x), _seen(y)))
        except (AttributeError, BufferError, TypeError, ValueError, RuntimeError):
            return True

    # -- gaps of the standard

    def raw_dtype(self, dtype: np.dtype) -> Any:
        """NumPy's dtype as the library's own."""
        try:
            return getattr(self._library, dtype.name)
        except AttributeError:
            raise DTypeError(f"{self.name} has no dtype {dtype}. Use another, such as anygrad.float32.") from None

    def number(self, value: Any, dtype: np.dtype, like: Array) -> Array:
        """A 0-d array on the device of `like`."""
        return self._library.asarray(value, dtype=self.raw_dtype(dtype), device=self.device_of(like))

    def astype(self, x: Array, dtype: Any, /, *, copy: bool = True) -> Array:
        dtype = self.raw_dtype(as_dtype(dtype))
        if self._library.isdtype(x.dtype, "complex floating") and not self._library.isdtype(dtype, "complex floating"):
            x = self._library.real(x)
        return self._library.astype(x, dtype, copy=copy)

    def sum_leading(self, x: Array, n: int) -> Array:
        """The sum over the first n axes."""
        return self._library.sum(x, axis=tuple(range(n)))

    fused = None  # CuPy's: one kernel for a function of rows
    places_along = None  # CuPy's: what take_along_axis reads, as places in a vector

    def share(self, g: Array, x1: Any, x2: Any, /) -> Array:
        """g times 1, where x1 equals x2 times 1/2, where it is less times 0; one of these two may be a number."""
        less, at_most = self.astype(x1 < x2, g.dtype), self.astype(x1 <= x2, g.dtype)  # neither, where there is a NaN
        return g * (1 - (less + at_most) / 2)

    def gather(self, x: Array, key: Any) -> Array:
        """`x[key]` for a key with index arrays."""
        return x[key]

    def scatter_add(self, shape: tuple[int, ...], key: Any, g: Array) -> Array:
        """Zeros of `shape`, with `g` added at `key` (repeated indices add up)."""
        out = self.to_host(g)
        zeros = np.zeros(shape, dtype=out.dtype)
        np.add.at(zeros, self.host_key(key), out)
        return self.from_host(zeros, self.device_of(g))

    def zero_at(self, x: Array, key: Any) -> Array:
        """A copy of `x` with zeros at `key`."""
        out = np.array(self.to_host(x))
        out[self.host_key(key)] = 0
        return self.from_host(out, self.device_of(x))

    # -- random numbers: drawn in host memory, where the stream is the same

    def random_uniform(self, shape: tuple[int, ...], *, dtype: np.dtype, seed: int, position: int, device: Any) -> Array:
        """Numbers in [0, 1) out of the words of a stream; see anygrad_numpy/_random.py, also for the others."""
        return self.from_host(_numpy().random_uniform(shape, dtype=dtype, seed=seed, position=position), device)

    def random_normal(self, shape: tuple[int, ...], *, dtype: np.dtype, seed: int, position: int, device: Any) -> Array:
        return self.from_host(_numpy().random_normal(shape, dtype=dtype, seed=seed, position=position), device)

    def random_integers(self, shape: tuple[int, ...], *, low: int, span: int, seed: int, position: int, device: Any) -> Array:
        return self.from_host(_numpy().random_integers(shape, low=low, span=span, seed=seed, position=position), device)

    def random_dropout(self, x: Array, *, shared: tuple[int, ...], threshold: int, scale: float, seed: int, position: int) -> Array:
        kept = self.from_host(_numpy().random_kept(tuple(x.shape), shared, threshold, seed, position), self.device_of(x))
        return self._library.where(kept, x * scale, self._library.zeros_like(x))

    def host_key(self, key: Any) -> Any:
        """An array in host memory, or a key with the arrays in it there."""
        if isinstance(key, tuple):
            return tuple(self.host_key(k) for k in key)
        return self.to_host(key) if isinstance(key, self.array_type) else key


def _numpy() -> Any:
    return importlib.import_module("anygrad_numpy")


def _namespace_in(name: str, library: Any) -> Any:
    """Where the standard's functions of a library are: array_api_compat's wrapper if there is one, the module, or its `numpy`."""
    for path in (f"array_api_compat.{name}", f"array_api_compat.{name}.array", None, f"{name}.numpy"):
        with contextlib.suppress(ImportError):
            module = library if path is None else importlib.import_module(path)
            if hasattr(module, "asarray"):
                return module
    raise DeviceError(f"{name} has none of the functions of the Array API standard")


def _seen(x: Array) -> np.ndarray:
    """NumPy's view of an array's memory. Not by way of a host copy, which shares memory with nothing."""
    try:
        return np.from_dlpack(x)
    except (AttributeError, BufferError, TypeError, ValueError, RuntimeError):  # read-only memory, for one
        return np.asarray(x, copy=False)


class _OnHost:
    """The functions of a module for NumPy, taking and giving arrays of another library."""

    def __init__(self, backend: GenericBackend, module: Any) -> None:
        self._backend, self._module = backend, module

    def __getattr__(self, name: str) -> Any:
        function, backend = getattr(self._module, name), self._backend

        def on_host(*arrays: Array) -> Any:
            where, found = backend.device_of(arrays[0]), function(*[backend.to_host(a) for a in arrays])
            if isinstance(found, tuple):
                return tuple(backend.from_host(np.asarray(part), where) for part in found)
            return backend.from_host(np.asarray(found), where)

        return on_host
