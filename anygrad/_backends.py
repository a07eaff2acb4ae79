"""From an array to its namespace, from the name of a device to a backend.

A backend is an array library plus the few things that the standard lacks (see
`GenericBackend` for the list). Those for NumPy and CuPy are packages of their own under
`backends/`; any other library that follows the Array API standard is served by
`GenericBackend`, out of standard calls.
"""

from __future__ import annotations

import functools
import importlib
import threading
from typing import Any, Self

import numpy as np

from . import _modes
from ._errors import DeviceError
from ._generic import GenericBackend

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


def in_use(kind: str) -> bool:
    """Whether the library that a type of device belongs to is one of ours, or in use already: asking for such a device imports no other."""
    return kind in _DEVICE_BACKENDS or kind in _loaded


def loaded(name: str) -> Backend | None:
    """The backend of that name, if it is in use already."""
    return _loaded.get(name)


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


def plain(name: str, array: Array) -> Array:
    """A raw array as we keep it: of NumPy's own class, and of no other graph.

    Raises
    ------
    TypeError
        For a masked array.
    RuntimeError
        For an array that its own library tracks.
    """
    if isinstance(array, np.ndarray) and type(array) is not np.ndarray and namespace(array).name == "numpy":
        if isinstance(array, np.ma.MaskedArray):
            raise TypeError(f"{name}: a masked array would lose its mask. Write `a.filled(...)`, and use `a.mask` in `where`.")
        return array.view(np.ndarray)  # matrix, memmap, ...: their operators are not the standard's
    if getattr(array, "requires_grad", False):
        raise RuntimeError(f"{name}: this array of {type(array).__module__} requires grad, and its own graph would end here. Use `.detach()`.")
    return array


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
    before: tuple[device | None, ...] = ()  # what the contexts that are entered go back to
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

    __slots__ = ("backend", "index", "raw", "type")
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
        if self is other:
            return True
        if isinstance(other, device):
            return self.backend is other.backend and self.raw == other.raw
        return isinstance(other, str) and str(self) == other

    def __hash__(self) -> int:
        return hash(str(self))

    def __reduce__(self) -> tuple[Any, ...]:
        return device, (str(self),)

    def __enter__(self) -> Self:
        _defaults.before = (*_defaults.before, _defaults.device)
        _defaults.device = self
        return self

    def __exit__(self, *exc: object) -> None:
        _defaults.device = _defaults.before[-1]
        _defaults.before = _defaults.before[:-1]


@functools.lru_cache(maxsize=64)
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
    return _defaults.device or _device("cpu")


def set_default_device(where: str | device | None) -> None:
    """Set where constructors without `device=` create in this thread; None is "cpu"."""
    _defaults.device = None if where is None else device(where)


def as_device(where: str | device | None) -> device:
    """A `device=` argument; None is the default device."""
    return get_default_device() if where is None else device(where)


def move(array: Array, where: device, non_blocking: bool = False) -> Array:
    """A raw array on another device, of another library where need be.

    With `non_blocking`, the host does not wait for a copy between CUDA and NumPy.
    """
    backend = namespace(array)
    if backend is where.backend:
        return backend.to_device(array, where.raw)
    if non_blocking and {backend.name, where.backend.name} == {"numpy", "cupy"}:
        return backend.to_host(array, non_blocking=True) if where.type == "cpu" else where.backend.from_host(array, where.raw, non_blocking=True)
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


def known_devices() -> list[device]:
    """The same, and the devices of every other backend in use."""
    others = [backend for backend in dict.fromkeys(_loaded.values()) if backend.device_type not in _DEVICE_BACKENDS]
    return all_devices() + [_make_device(backend, raw) for backend in others for raw in backend.devices()]
