"""NumPy dressed as CuPy with several devices, to run the CuPy backend's own logic without a GPU.

What it keeps of CuPy: arrays have a device; results are made on the current device; 0-d results
are arrays; NumPy's arrays do not mix; index arrays wrap around; the atomic additions take CuPy's dtypes only. It says
nothing about kernels, streams or CuPy's names: those are for a GPU and for test_cupy_manifest.py.
"""

from __future__ import annotations

import contextlib
import sys
import types
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from anygrad import _backends, _modes

_current = [0]


class CUDARuntimeError(RuntimeError):
    def __init__(self, status: int) -> None:
        super().__init__(f"status {status}")
        self.status = status


class ndarray(np.ndarray):
    _device = 0

    def __array_finalize__(self, source: Any) -> None:
        self._device = getattr(source, "_device", _current[0])

    @property
    def data(self) -> Any:
        return types.SimpleNamespace(ptr=self.ctypes.data, device_id=self._device)

    @property
    def base(self) -> Any:
        base = super().base
        return None if type(base) is np.ndarray and base.base is None else base

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return {"shape": self.shape, "typestr": self.dtype.str, "data": (self.ctypes.data, False), "strides": self.strides, "version": 3, "stream": 1}

    def __dlpack_device__(self) -> tuple[int, int]:
        return 2, self._device

    def __dlpack__(self, **kwargs: Any) -> Any:
        return types.SimpleNamespace(array=self, asked=kwargs)  # in place of a capsule

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = None, **kwargs: Any) -> Any:
        _refuse_numpy(inputs)
        if out is not None:
            kwargs["out"] = tuple(_plain(o) for o in out)
        result = getattr(ufunc, method)(*map(_plain, inputs), **kwargs)
        return out[0] if out is not None else _dressed(result)

    def copy(self, order: Any = "C") -> Any:
        return _dressed(_plain(self).copy(order))

    def __getitem__(self, key: Any) -> Any:
        key = _around(key, self.shape)
        result = super().__getitem__(key)
        return result if isinstance(result, np.ndarray) else super().__getitem__((*key, ...) if isinstance(key, tuple) else (key, ...))

    def __setitem__(self, key: Any, value: Any) -> None:
        _refuse_numpy((value,))
        super().__setitem__(_around(key, self.shape), value)


ndarray.__module__ = "cupy"


def _refuse_numpy(values: Any) -> None:
    if any(type(v) is np.ndarray for v in values):
        raise TypeError("Unsupported type <class 'numpy.ndarray'>")


def _around(key: Any, shape: tuple[int, ...]) -> Any:
    """A key with its index arrays taken modulo the sizes of their axes, for keys of integers, slices and arrays."""
    if isinstance(key, tuple):
        simple = all(isinstance(k, (int, slice)) or isinstance(k, ndarray) and k.dtype != bool for k in key)
        return tuple(_around(k, shape[i:]) for i, k in enumerate(key)) if simple and len(key) <= len(shape) else key
    return key % shape[0] if isinstance(key, ndarray) and key.dtype != bool and shape and shape[0] else key


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return type(value)(_plain(v) for v in value)
    return value.view(np.ndarray) if isinstance(value, ndarray) else value


def _dressed(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return tuple(_dressed(v) for v in value)
    if isinstance(value, np.generic):
        value = np.asarray(value)
    return value.view(ndarray) if type(value) is np.ndarray else value


def _wrapped(function: Any) -> Any:
    def call(*args: Any, **kwargs: Any) -> Any:
        return _dressed(function(*map(_plain, args), **{k: _plain(v) for k, v in kwargs.items()}))

    return call


class _Module(types.ModuleType):
    def __getattr__(self, name: str) -> Any:
        value = getattr(np, name)
        return _wrapped(value) if callable(value) and not isinstance(value, type) else value


class _Device(contextlib.ContextDecorator):
    def __init__(self, index: int | None = None) -> None:
        self.index = _current[0] if index is None else index

    def __enter__(self) -> None:
        self.before, _current[0] = _current[0], self.index

    def __exit__(self, *exc: object) -> None:
        _current[0] = self.before

    def synchronize(self) -> None: ...


def _scatter_add(a: ndarray, key: Any, value: ndarray) -> None:
    if a.dtype.name not in "int32 int64 uint32 uint64 float16 float32 float64".split():
        raise TypeError(f"no atomic addition of {a.dtype}")
    np.add.at(_plain(a), _plain(key), _plain(value))


@contextlib.contextmanager
def installed(monkeypatch: pytest.MonkeyPatch, devices: int = 2, status: int = 0, driver: int = 13000) -> Iterator[Any]:
    """The stand-in in place of CuPy, with so many devices, or with a CUDA error for an answer."""

    def count() -> int:
        if status:
            raise CUDARuntimeError(status)
        return devices

    runtime = types.SimpleNamespace(
        CUDARuntimeError=CUDARuntimeError,
        getDeviceCount=count,
        getDevice=lambda: _current[0],
        driverGetVersion=lambda: driver,
        runtimeGetVersion=lambda: 13020,
        memGetInfo=lambda: (60, 100),
    )
    stream = types.SimpleNamespace(record=lambda: None, wait_event=lambda event: None)
    pool = types.SimpleNamespace(used_bytes=lambda: 10, total_bytes=lambda: 20, free_all_blocks=lambda: None)
    cupy, cupyx = _Module("cupy"), types.ModuleType("cupyx")
    vars(cupy).update(
        __version__="stand-in",
        ndarray=ndarray,
        asarray=lambda a, dtype=None, copy=None: a if isinstance(a, ndarray) and not copy and a.dtype == (dtype or a.dtype) else cupy.array(a, dtype=dtype),
        take=lambda a, indices, axis: _dressed(np.take(_plain(a), _plain(indices), axis=axis, mode="wrap")),
        asnumpy=lambda x: np.array(_plain(x)),
        cuda=types.SimpleNamespace(runtime=runtime, Device=_Device, get_current_stream=lambda: stream),
        from_dlpack=lambda x: x.__dlpack__(stream=1).array,
        get_default_memory_pool=lambda: pool,
        get_default_pinned_memory_pool=lambda: pool,
    )
    cupyx.scatter_add = _scatter_add  # type: ignore[attr-defined]
    cupyx.errstate = lambda linalg: contextlib.nullcontext()  # type: ignore[attr-defined]

    with replaced(monkeypatch, cupy, cupyx):
        yield cupy


@contextlib.contextmanager
def replaced(monkeypatch: pytest.MonkeyPatch, cupy: Any, cupyx: Any = None) -> Iterator[None]:
    """These modules in place of CuPy (None: it is not installed), and anygrad as if it had not been used with CuPy."""
    import array_api_compat.numpy

    with monkeypatch.context() as patch:
        for name in _backend_modules():
            patch.delitem(sys.modules, name)
        patch.setitem(sys.modules, "cupy", cupy)
        patch.setitem(sys.modules, "cupyx", cupyx)
        patch.setitem(sys.modules, "array_api_compat.cupy", array_api_compat.numpy)
        patch.setattr(array_api_compat, "cupy", array_api_compat.numpy, raising=False)
        patch.setattr(_backends, "_loaded", {k: v for k, v in _backends._loaded.items() if k != "cupy"})
        patch.setattr(_backends, "_by_type", dict(_backends._by_type))
        _backends._device.cache_clear()
        before = list(_backends.several_devices)
        yield
        _modes.count_unusual(len(before) - len(_backends.several_devices))
        _backends.several_devices[:] = before
        for name in _backend_modules():
            del sys.modules[name]
    _backends._device.cache_clear()


def _backend_modules() -> list[str]:
    return [name for name in sys.modules if name.partition(".")[0] == "anygrad_cupy"]
