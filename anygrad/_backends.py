"""From an array to its namespace, from the name of a device to a backend.

A backend is an array library plus the few things that the standard lacks (see
`GenericBackend` for the list). Those for NumPy and CuPy are packages of their own under
`backends/`; any other library that follows the Array API standard is served by
`GenericBackend`, out of standard calls.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import sys
import threading
from typing import Any, Self

import numpy as np

from . import _modes
from ._errors import DeviceError, DTypeError

Array = Any  # a raw array of whatever library
Backend = Any  # a module such as anygrad_numpy, or a GenericBackend

_loaded: dict[str, Backend] = {}
_by_type: dict[type, Backend] = {}
several_devices: list[Backend] = []  # backends that compute on the current device, which may not be the arrays'
not_arrays: set[type] = set()  # Tensor: it follows the standard, but it is what we make of arrays
_load_lock = threading.RLock()
_DEVICE_BACKENDS = {"cpu": "numpy", "cuda": "cupy"}


def load(name: str) -> Backend:
    """The backend of that name: from the entry points `anygrad.backends`, else the
    package `anygrad_NAME`, else the array library NAME itself, if it follows the standard."""
    with _load_lock:
        if name not in _loaded:
            backend = _find(name)
            for kind in (backend.array_type, *backend.scalar_types):
                _by_type[kind] = backend
            if backend.computes_on_current_device and len(backend.devices()) > 1:
                several_devices.append(backend)
                _modes.count_unusual(1)
            _loaded[name] = backend
    return _loaded[name]


@functools.cache
def _entry_points() -> dict[str, str]:
    from importlib.metadata import entry_points

    return {e.name: e.value for e in entry_points(group="anygrad.backends")}


def _find(name: str) -> Backend:
    module = f"anygrad_{name}"
    if name not in _DEVICE_BACKENDS.values():
        module = _entry_points().get(name, module)
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise ImportError(f"the backend {name!r} is there but cannot be imported: {error}") from error
    try:
        library = importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise DeviceError(f"there is no backend {name!r} and no array library of that name. Known devices: 'cpu', 'cuda', 'cuda:N'.") from error
    return GenericBackend(library)


def namespace(array: Array) -> Backend:
    """The backend whose arrays are of this type (also for what NumPy returns for 0-d)."""
    try:
        return _by_type[type(array)]
    except KeyError:
        return _namespace_of_type(array)


def is_array(value: object) -> bool:
    """Whether `value` is an array of a library that we can work with."""
    if type(value) in _by_type:
        return True
    if type(value).__module__ == "builtins" or isinstance(value, tuple(not_arrays)):
        return False
    if isinstance(value, (np.ndarray, np.generic)):
        load("numpy")
        return value.dtype.kind in "biufc" or value.dtype.name == "bfloat16"
    kind = type(value)
    if kind.__module__.partition(".")[0] == "cupy":
        return hasattr(value, "__cuda_array_interface__")
    import array_api_compat

    return bool(array_api_compat.is_array_api_obj(value))


def _namespace_of_type(array: Array) -> Backend:
    kind = type(array)
    root = kind.__module__.partition(".")[0]
    if isinstance(array, (np.ndarray, np.generic)):
        backend = load("numpy")
    elif root == "cupy" or root in _entry_points():
        backend = load(root)
    else:
        import array_api_compat

        library = array_api_compat.array_namespace(array)
        backend = _loaded.get(root)
        if backend is None:
            backend = _loaded[root] = GenericBackend(library)
    _by_type[kind] = backend
    return backend


# ---------------------------------------------------------------------------
# devices
# ---------------------------------------------------------------------------


class _Defaults(threading.local):
    device: device | None = None


_defaults = _Defaults()


class device:
    """Where arrays live: a backend and one of its devices.

    Parameters
    ----------
    name : str or device
        "cpu"; "cuda" (the current CUDA device) or "cuda:N"; or the name of another array
        library, with ":" and one of its devices ("array_api_strict:device1").

    Attributes
    ----------
    type : str
        "cpu", "cuda", or the library's name.
    index : int or None
        The number of the CUDA device.

    As a context manager it is where constructors without `device=` create.

    Raises
    ------
    DeviceError
        If there is no such device; the message says which part is missing.
    """

    __slots__ = ("_before", "backend", "index", "raw", "type")
    backend: Backend
    raw: Any
    type: str
    index: int | None

    def __new__(cls, name: str | device | Any = "cpu", index: int | None = None) -> Self:
        if isinstance(name, device):
            return name  # type: ignore[return-value]
        if not isinstance(name, str):
            raise DeviceError(f"a device is named by a string ('cpu', 'cuda', 'cuda:0'), not by {type(name).__name__}")
        if index is not None:
            name = f"{name}:{index}"
        # "cuda" is whichever device is current when it is asked for: not remembered
        return (_device.__wrapped__ if name == "cuda" else _device)(name)  # type: ignore[return-value]

    def __str__(self) -> str:
        if self.type == "cpu":
            return "cpu"
        return f"{self.type}:{self.backend.device_name(self.raw)}"

    def __repr__(self) -> str:
        return f"device(type={self.type!r})" if self.index is None else f"device(type={self.type!r}, index={self.index})"

    def __eq__(self, other: object) -> bool:
        if isinstance(other, device):
            return self.backend is other.backend and self.raw == other.raw
        return isinstance(other, str) and str(self) == other

    def __hash__(self) -> int:
        return hash(str(self))

    def __reduce__(self) -> tuple[Any, ...]:
        return device, (str(self),)

    def __enter__(self) -> Self:
        self._before = [*getattr(self, "_before", ()), _defaults.device]
        _defaults.device = self
        return self

    def __exit__(self, *exc: object) -> None:
        _defaults.device = self._before.pop()


def _make_device(backend: Backend, raw: Any) -> device:
    self = object.__new__(device)
    self.backend, self.raw, self.type = backend, raw, backend.device_type
    self.index = raw if isinstance(raw, int) else None
    return self


@functools.lru_cache(maxsize=64)
def _device(name: str) -> device:
    kind, _, rest = name.partition(":")
    if not kind.isidentifier():
        raise DeviceError(f"{name!r} is not a device. Known devices: 'cpu', 'cuda', 'cuda:N'.")
    try:
        backend = load(_DEVICE_BACKENDS.get(kind, kind))
        return _make_device(backend, backend.parse_device(rest))
    except (ImportError, RuntimeError, ValueError) as error:
        if isinstance(error, DeviceError):
            raise
        raise DeviceError(f"device {name!r}: {error}") from error


def device_of(array: Array) -> device:
    """The device that a raw array is on."""
    backend = namespace(array)
    return _make_device(backend, backend.device_of(array))


def get_default_device() -> device:
    """Where constructors without `device=` create in this thread: "cpu" unless set."""
    return _defaults.device or device("cpu")


def set_default_device(where: str | device | None) -> None:
    """Set where constructors without `device=` create in this thread; None is "cpu"."""
    _defaults.device = None if where is None else device(where)


def as_device(where: str | device | None) -> device:
    """A `device=` argument; None is the default device."""
    return get_default_device() if where is None else device(where)


def move(array: Array, where: device) -> Array:
    """A raw array on another device, of another library where need be."""
    backend = namespace(array)
    if backend is where.backend:
        return backend.to_device(array, where.raw)
    host = backend.to_host(array)
    if "cuda" not in (backend.device_type, where.backend.device_type):
        host = host.copy()  # two libraries over host memory may share it, and neither would know of the other's writes
    return where.backend.from_host(host, where.raw)


def all_devices() -> list[device]:
    """The devices of the NumPy and CuPy backends that are there."""
    found = [device("cpu")]
    try:
        cupy = load("cupy")
    except (ImportError, DeviceError):
        return found
    return found + [_make_device(cupy, raw) for raw in cupy.devices()]


# ---------------------------------------------------------------------------
# dtypes: np.dtype instances on every backend
# ---------------------------------------------------------------------------


def as_dtype(dtype: Any) -> np.dtype:
    """A dtype of whatever library, or its name, as an `np.dtype`."""
    if isinstance(dtype, np.dtype):  # before the cache: array_api_strict's dtypes warn when compared with it
        return dtype
    try:
        return _as_dtype(dtype)
    except TypeError:
        raise DTypeError(f"{dtype!r} is not a dtype. Write anygrad.float32, anygrad.int64, ...") from None


@functools.lru_cache(maxsize=256)
def _as_dtype(dtype: Any) -> np.dtype:
    if dtype is None:
        raise TypeError
    if isinstance(dtype, (str, type)):
        return np.dtype(dtype)
    name = str(dtype).rpartition(".")[2].rstrip("'>")
    if name == "bfloat16":
        import ml_dtypes

        return np.dtype(ml_dtypes.bfloat16)
    return np.dtype(name)


# ---------------------------------------------------------------------------
# any other library that follows the standard
# ---------------------------------------------------------------------------


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

    def __init__(self, library: Any) -> None:
        with contextlib.suppress(ImportError):
            root = library.__name__.partition(".")[0]
            library = importlib.import_module(f"array_api_compat.{root}")
        self._library = library
        self.name = library.__name__.rpartition(".")[2] if library.__name__.startswith("array_api_compat") else library.__name__
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
        """Ask NumPy, where it can see the memory; else assume that it is shared."""
        try:
            return bool(np.may_share_memory(self.to_host(x), self.to_host(y)))
        except (TypeError, ValueError, RuntimeError):
            return True

    # -- gaps of the standard

    def raw_dtype(self, dtype: np.dtype) -> Any:
        """NumPy's dtype as the library's own."""
        return getattr(self._library, dtype.name)

    def number(self, value: Any, dtype: np.dtype, like: Array) -> Array:
        """A 0-d array on the device of `like`."""
        return self._library.asarray(value, dtype=self.raw_dtype(dtype), device=self.device_of(like))

    def astype(self, x: Array, dtype: Any, /, *, copy: bool = True) -> Array:
        dtype = self.raw_dtype(as_dtype(dtype))
        if self._library.isdtype(x.dtype, "complex floating") and not self._library.isdtype(dtype, "complex floating"):
            x = self._library.real(x)
        return self._library.astype(x, dtype, copy=copy)

    def scatter_add(self, shape: tuple[int, ...], key: Any, g: Array) -> Array:
        """Zeros of `shape`, with `g` added at `key` (repeated indices add up)."""
        out = self.to_host(g)
        zeros = np.zeros(shape, dtype=out.dtype)
        np.add.at(zeros, self._host_key(key), out)
        return self.from_host(zeros, self.device_of(g))

    def zero_at(self, x: Array, key: Any) -> Array:
        """A copy of `x` with zeros at `key`."""
        out = np.array(self.to_host(x))
        out[self._host_key(key)] = 0
        return self.from_host(out, self.device_of(x))

    def _host_key(self, key: Any) -> Any:
        if isinstance(key, tuple):
            return tuple(self._host_key(k) for k in key)
        return self.to_host(key) if isinstance(key, self.array_type) else key


class _OnHost:
    """The functions of a module for NumPy, taking and giving arrays of another library."""

    def __init__(self, backend: GenericBackend, module: Any) -> None:
        self._backend, self._module = backend, module

    def __getattr__(self, name: str) -> Any:
        function, backend = getattr(self._module, name), self._backend

        def on_host(*arrays: Array) -> Array:
            return backend.from_host(np.asarray(function(*[backend.to_host(a) for a in arrays])), backend.device_of(arrays[0]))

        return on_host
