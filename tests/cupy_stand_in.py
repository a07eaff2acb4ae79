"""NumPy dressed as CuPy with several devices, to run the CuPy backend's own logic without a GPU.

What it keeps of CuPy: arrays have a device; results are made on the current device, and what is computed there has to
be there (as on GPUs that cannot read each other's memory); 0-d results are arrays; NumPy's arrays do not mix; index arrays
wrap around; the atomic additions take CuPy's dtypes only; the names of NumPy that CuPy lacks are not there, so that what
array_api_compat makes of the others is run too. `waits` notes what would wait for the GPU. It says nothing about kernels,
signatures: those are for a GPU and for test_cupy_manifest.py. (What there is of streams and memory is in stand_in_device.py.) And `np.asarray` reads it, where CuPy's arrays refuse.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import stand_in_device as device
from cuda_on_host import HostElementwiseKernel, HostKernel
from stand_in_device import CUDARuntimeError, waits

from anygrad import _backends, _modes
from anygrad.ops.special._library import MADE_OF_OTHERS

_current = device.current
_raises = [False]  # whether linear algebra is to raise
calls: set[tuple[str, str, str, tuple[str, ...]]] = set()  # what was called: module, function, kinds of arguments (see `_kind`), keywords

# The functions of NumPy that CuPy lacks, and those of SciPy among the ones that anygrad asks for: test_cupy_manifest.py compares.
ABSENT = {
    "cupy": frozenset(
        """asmatrix block bmat busday_count busday_offset datetime_as_string datetime_data einsum_path frompyfunc fromregex geomspace
        get_include getbufsize geterr geterrcall histogram_bin_edges info insert is_busday isnat matvec nanpercentile nanquantile
        nested_iters polyder polydiv polyint setbufsize seterr seterrcall show_runtime spacing test unstack vecdot vecmat""".split()
    ),
    "cupy.linalg": frozenset("diagonal matrix_norm multi_dot outer svdvals tensordot trace vecdot vector_norm".split()),
    "cupy.fft": frozenset(),
}
ABSENT_FROM_SPECIAL = frozenset("dawsn erfi fresnel hyp1f1 iv ive jv kv kve ndtri_exp owens_t spence wofz wrightomega yv".split())

_FROM_HOST = frozenset("array asarray asanyarray ascontiguousarray full full_like".split())  # they take NumPy's arrays
_LOOK = frozenset("cholesky eig eigh eigvals eigvalsh inv pinv qr solve svd".split())  # at what cuSOLVER says, if asked to raise
_WAIT = frozenset(
    "nonzero flatnonzero argwhere unique unique_all unique_counts unique_inverse bincount tril_indices triu_indices extract allclose array_equal".split()
)


def _waiting(name: str) -> Any:
    """NumPy's method of that name, which is noted."""

    def method(self: Any, *args: Any) -> Any:
        waits.append(name)
        return getattr(_plain(self), name)(*args)

    return method


class ndarray(np.ndarray):
    _device = 0

    def __array_finalize__(self, source: Any) -> None:
        view = isinstance(source, ndarray) and _owner(self) is _owner(source)
        self._device = source._device if view else _current[0]

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
        if any(type(v).__module__.startswith("anygrad.") for v in inputs):
            return NotImplemented
        _refuse_numpy(inputs)
        if out is not None:
            _on_current((*out, *inputs))
            kwargs["out"] = tuple(_plain(o) for o in out)
        result = getattr(ufunc, method)(*map(_plain, inputs), **kwargs)
        if ufunc is np.matmul and inputs[0].dtype.kind == "V":
            result = result.astype(inputs[0].dtype)  # NumPy leaves it in single
        if out is None:
            return _dressed(result, inputs)
        _launch(inputs, out[0])
        return out[0]

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return _called(function, args, kwargs)

    def astype(self, dtype: Any, order: str = "K", casting: Any = "unsafe", subok: bool = True, copy: bool = True) -> Any:
        return self if self.dtype == dtype and not copy else _dressed(_plain(self).astype(dtype, order), (self,))

    def copy(self, order: Any = "C") -> Any:
        return _launch((self,), _plain(self).copy(order).view(ndarray))  # the one thing that CuPy does across devices

    def get(self, stream: Any = None, order: str = "C", out: Any = None, blocking: bool = True) -> Any:
        values = np.array(_plain(self))
        _launch((self,))
        if blocking or out is None:
            device.get_current_stream().synchronize()
            waits[-1] = "asnumpy"
            return values if out is None else np.copyto(out, values) or out
        device.later(lambda: np.copyto(out, values))
        return out

    def reshape(self, *shape: Any) -> Any:
        return _dressed(_plain(self).reshape(*shape), (self,))

    def ravel(self) -> Any:
        return _dressed(_plain(self).ravel(), (self,))

    def sum(self, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: bool = False) -> Any:
        return _sum(self, axis, dtype, keepdims)

    def __getitem__(self, key: Any) -> Any:
        keys = key if isinstance(key, tuple) else (key,)
        _refuse_numpy(keys)
        if any(getattr(k, "dtype", None) == np.bool_ for k in keys):
            waits.append("mask")
        result = _plain(self)[_plain(_around(key, self.shape))]
        if not isinstance(result, np.ndarray):
            result = _plain(self)[(*(_plain(k) for k in keys), ...)]
        return _dressed(result, (self, *keys))

    def __setitem__(self, key: Any, value: Any) -> None:
        keys = key if isinstance(key, tuple) else (key,)
        _refuse_numpy((value, *keys))
        if any(getattr(k, "dtype", None) == np.bool_ for k in keys):
            waits.append("mask")
        _on_current((self, value, *keys))
        _plain(self)[_plain(_around(key, self.shape))] = _plain(value)
        _launch((value, *keys), self)

    def __iter__(self) -> Any:
        return (self[i] for i in range(len(self)))

    item, tolist, __bool__, __int__, __float__, __complex__, __index__ = map(_waiting, "item tolist __bool__ __int__ __float__ __complex__ __index__".split())


ndarray.__module__ = "cupy"
_base_of: Callable[[Any], Any] = np.ndarray.base.__get__  # type: ignore[attr-defined]


def _owner(array: Any) -> Any:
    """The array that has the memory."""
    while isinstance(base := _base_of(array), np.ndarray):
        array = base
    return array


def _flat(values: Any) -> Iterator[Any]:
    for v in values:
        if isinstance(v, (list, tuple)):
            yield from _flat(v)
        else:
            yield v


def _kind(argument: Any) -> str:
    """The character of an array's dtype; "." for anything else."""
    return argument.dtype.char if isinstance(argument, ndarray) else "."


def _refuse_numpy(values: Any) -> None:
    if any(type(v) is np.ndarray for v in _flat(values)):
        raise TypeError("Unsupported type <class 'numpy.ndarray'>")


def _on_current(values: Any) -> None:
    for v in _flat(values):
        if isinstance(v, ndarray) and v._device != _current[0]:
            raise ValueError(f"Array device must be same as the current device: array device = {v._device} while current = {_current[0]}")


def _launch(sources: Any, out: Any = None) -> Any:
    """Note a computation; returns `out`."""
    device.launch([_owner(v) for v in _flat(sources) if isinstance(v, ndarray)], None if out is None else _owner(out))
    return out


def _around(key: Any, shape: tuple[int, ...]) -> Any:
    """A key with its index arrays taken modulo the sizes of their axes, for keys of integers, slices and arrays."""
    if isinstance(key, tuple):
        simple = all(isinstance(k, (int, slice)) or isinstance(k, ndarray) and k.dtype != bool for k in key)
        return tuple(_around(k, shape[i:]) for i, k in enumerate(key)) if simple and len(key) <= len(shape) else key
    return _plain(key) % shape[0] if isinstance(key, ndarray) and key.dtype != bool and shape and shape[0] else key


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return type(value)([_plain(v) for v in value]) if type(value) in (list, tuple) else type(value)(*map(_plain, value))
    return value.view(np.ndarray) if isinstance(value, ndarray) else value


def _dressed(value: Any, sources: Any = ()) -> Any:
    """A result as CuPy's: a view is where its source is; what is computed has to be computed where the sources are."""
    if isinstance(value, (list, tuple)):
        parts = [_dressed(v, sources) for v in value]
        return type(value)(parts) if type(value) in (list, tuple) else type(value)(*parts)
    if isinstance(value, np.generic):
        value = np.asarray(value)
    if type(value) is not np.ndarray:
        return value
    out = value.view(ndarray)
    owner = _owner(value)
    for source in _flat(sources):
        if isinstance(source, ndarray) and _owner(source) is owner:
            out._device = source._device
            return out
    _on_current(sources)
    return _launch(sources, out)


def _called(function: Any, args: Any, kwargs: Any) -> Any:
    """A function of NumPy as CuPy's."""
    name = getattr(function, "__name__", "")
    sources = (*args, *kwargs.values())
    if name not in _FROM_HOST:
        _refuse_numpy(sources)
    if name in _WAIT or name == "repeat" and any(isinstance(v, (ndarray, list)) for v in sources[1:]):
        waits.append(name)
    if name in _LOOK and _raises[-1]:
        waits.append(f"linalg.{name}")
    return _dressed(function(*map(_plain, args), **{k: _plain(v) for k, v in kwargs.items()}), sources)


class _Module(types.ModuleType):
    """A module with the functions of another library's."""

    def __init__(self, name: str, library: Any, absent: Any = ()) -> None:
        super().__init__(name)
        self._library, self._absent = library, frozenset(absent)
        self.__all__ = [n for n in library.__all__ if not (n.startswith("__") or n in self._absent or isinstance(getattr(library, n), types.ModuleType))]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name in self._absent:
            raise AttributeError(name)
        value = getattr(self._library, name)
        if callable(value) and not isinstance(value, type):
            function = value

            @functools.wraps(function)
            def value(*args: Any, **kwargs: Any) -> Any:
                calls.add((self.__name__, name, "".join(map(_kind, args)), tuple(sorted(kwargs))))
                return _called(function, args, kwargs)

        setattr(self, name, value)
        return value


class _Device(contextlib.ContextDecorator):
    def __init__(self, index: int | None = None) -> None:
        self.index = _current[0] if index is None else index

    def __enter__(self) -> None:
        self.before, _current[0] = _current[0], self.index

    def __exit__(self, *exc: object) -> None:
        _current[0] = self.before

    def use(self) -> None:
        _current[0] = self.index

    def synchronize(self) -> None:
        with self:
            device.synchronize()


def _scatter_add(a: ndarray, key: Any, value: ndarray) -> None:
    if a.dtype.name not in "int32 int64 uint32 uint64 float16 float32 float64".split():
        raise TypeError(f"no atomic addition of {a.dtype}")
    keys = key if isinstance(key, tuple) else (key,)
    _refuse_numpy((value, *keys))
    _on_current((a, value, *keys))
    if any(getattr(k, "dtype", None) == np.bool_ for k in keys):
        waits.append("mask")
    np.add.at(_plain(a), _plain(key), _plain(value))
    _launch((value, *keys), a)


def _array(a: Any, dtype: Any = None, copy: bool = True, order: str = "K", *, blocking: bool = False) -> Any:
    if isinstance(a, ndarray):
        return a.copy(order) if copy and a.dtype == (dtype or a.dtype) else a.astype(dtype or a.dtype, copy=copy)
    out = _launch((), np.array(_plain(a), dtype=dtype).view(ndarray))
    if blocking:
        device.get_current_stream().synchronize()
    return out


def _sum(a: Any, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Any:
    """Half precision adds up in half precision, one after the other: CuPy may be better, and need not."""
    calls.add(("cupy", "sum", _kind(a), ("axis", "dtype", "keepdims")))
    if np.dtype(dtype or a.dtype) != np.float16:
        return _called(np.sum, (a,), {"axis": axis, "dtype": dtype, "keepdims": keepdims})
    out = _plain(a).astype(np.float16)
    axes = range(a.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    for i in axes:
        out = np.take(np.add.accumulate(out, axis=i), [-1], axis=i)
    return _dressed(out if keepdims else np.squeeze(out, axis=tuple(axes)), (a,))


def _asnumpy(a: ndarray, stream: Any = None, order: str = "C", out: Any = None, *, blocking: bool = True) -> np.ndarray:
    return a.get(stream, order, out, blocking)


def _eig(x: Any, geev: bool) -> Any:
    if not geev:
        raise RuntimeError("geev is not available")
    return tuple(part.astype(np.result_type(x, np.complex64)) for part in _called(np.linalg.eig, (x,), {}))


def _gemm_strided_batched(
    handle: int, op1: int, op2: int, m: int, n: int, k: int, alpha: int, a: int, a_type: int, lda: int, a_stride: int,
    b: int, b_type: int, ldb: int, b_stride: int, beta: int, c: int, c_type: int, ldc: int, c_stride: int, batch: int, compute: int, algorithm: int,
) -> None:  # fmt: skip
    """cublasGemmStridedBatchedEx as cuBLAS's manual has it: C = op(A) @ op(B), by columns; alpha is 1, and beta 0."""
    kind = _CUDA_TYPES[a_type]
    assert a_type == b_type == c_type
    assert compute == (70 if kind in (np.float64, np.complex128) else 68)

    def matrices(at: int, rows: int, columns: int, leading: int, stride: int) -> np.ndarray:
        assert leading >= rows
        size = kind.itemsize
        memory = (ctypes.c_char * (((batch - 1) * stride + (columns - 1) * leading + rows) * size)).from_address(at)
        flat = np.frombuffer(memory, kind)
        return np.lib.stride_tricks.as_strided(flat, (batch, rows, columns), (stride * size, size, leading * size))

    left = matrices(a, k, m, lda, a_stride).mT if op1 else matrices(a, m, k, lda, a_stride)
    right = matrices(b, n, k, ldb, b_stride).mT if op2 else matrices(b, k, n, ldb, b_stride)
    wide = np.float32 if kind.itemsize == 2 else kind
    matrices(c, m, n, ldc, c_stride)[...] = (left.astype(wide) @ right.astype(wide)).astype(kind)


_CUDA_TYPES = {2: np.dtype(np.float16), 0: np.dtype(np.float32), 1: np.dtype(np.float64), 4: np.dtype(np.complex64), 5: np.dtype(np.complex128)}
with contextlib.suppress(ImportError):
    import ml_dtypes

    _CUDA_TYPES[14] = np.dtype(ml_dtypes.bfloat16)
_CUBLAS = types.SimpleNamespace(gemmStridedBatchedEx=_gemm_strided_batched)


class _RawKernel(HostKernel):
    """A kernel that the CPU runs, on arrays of the current device."""

    def __call__(self, grid: tuple[int, ...], block: tuple[int, ...], args: Any) -> None:
        _refuse_numpy(args)
        _on_current(args)
        super().__call__(grid, block, args)
        _launch(args)


class _ElementwiseKernel(HostElementwiseKernel):
    def __call__(self, *args: Any) -> Any:
        _refuse_numpy(args)
        return _dressed(super().__call__(*map(_plain, args)), args)


@contextlib.contextmanager
def _errstate(linalg: str) -> Iterator[None]:
    _raises.append(linalg == "raise")
    try:
        yield
    finally:
        _raises.pop()


@contextlib.contextmanager
def installed(
    monkeypatch: pytest.MonkeyPatch, devices: int = 2, status: int = 0, driver: int = 13000, version: str = "14.2.0", geev: bool = True
) -> Iterator[Any]:
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
        getDeviceProperties=lambda index: {"name": b"Stand-in", "major": 9, "minor": 0, "totalGlobalMem": 100, "multiProcessorCount": 1},
    )
    cuda = types.SimpleNamespace(
        runtime=runtime,
        Device=_Device,
        Stream=device.Stream,
        ExternalStream=type(None),
        Event=device.Event,
        MemoryHook=device.MemoryHook,
        get_current_stream=device.get_current_stream,
        get_elapsed_time=device.get_elapsed_time,
        memory_hook=types.SimpleNamespace(get_memory_hooks=lambda: device._hooks),
        pinned_memory=types.SimpleNamespace(is_memory_pinned=device.is_memory_pinned),
        cublas=_CUBLAS,
        device=types.SimpleNamespace(get_cublas_handle=lambda: 1),
    )
    cupy, cupyx = _Module("cupy", np, ABSENT["cupy"]), types.ModuleType("cupyx")
    linalg, fft = (_Module(f"cupy.{part}", getattr(np, part), ABSENT[f"cupy.{part}"]) for part in ("linalg", "fft"))
    vars(cupy).update(
        __version__=version,
        ndarray=ndarray,
        array=_array,
        asarray=lambda a, dtype=None, copy=None, blocking=False: _array(a, dtype, bool(copy), blocking=blocking),
        argsort=lambda a, axis=-1, kind=None: _called(np.argsort, (a,), {"axis": axis, "kind": "stable"}),  # CuPy has no other
        unique_values=lambda x: _called(np.unique, (x,), {"equal_nan": False}),
        sum=_sum,
        mean=lambda a, axis=None, dtype=None, keepdims=False: (m := _sum(a, axis, dtype, keepdims)) / (a.size / max(m.size, 1)),
        asnumpy=_asnumpy,
        cuda=cuda,
        from_dlpack=lambda x: x.__dlpack__(stream=1).array,
        RawKernel=_RawKernel,
        ElementwiseKernel=_ElementwiseKernel,
        get_default_memory_pool=lambda: device.pool,
        get_default_pinned_memory_pool=lambda: device.pinned_pool,
        linalg=linalg,
        fft=fft,
    )
    linalg.eig = functools.update_wrapper(functools.partial(_eig, geev=geev), np.linalg.eig)
    linalg.eigvals = functools.update_wrapper(lambda x: linalg.eig(x)[0], np.linalg.eigvals)
    cupy.add.at = _scatter_add
    cupyx.errstate = _errstate  # type: ignore[attr-defined]
    cupyx.empty_pinned, cupyx.empty_like_pinned = device.empty_pinned, device.empty_like_pinned  # type: ignore[attr-defined]
    others = {"cupy.cuda": cupy.cuda, "cupy.cuda.device": cupy.cuda, "cupy.linalg": linalg, "cupy.fft": fft}
    with contextlib.suppress(ImportError):
        import scipy.special

        cupyx.scipy = types.ModuleType("cupyx.scipy")  # type: ignore[attr-defined]
        cupyx.scipy.special = _Module("cupyx.scipy.special", scipy.special, ABSENT_FROM_SPECIAL | set(MADE_OF_OTHERS))  # type: ignore[attr-defined]
        others |= {"cupyx.scipy": cupyx.scipy, "cupyx.scipy.special": cupyx.scipy.special}  # type: ignore[attr-defined]

    device.reset()
    with replaced(monkeypatch, cupy, cupyx, others):
        yield cupy


@contextlib.contextmanager
def replaced(monkeypatch: pytest.MonkeyPatch, cupy: Any, cupyx: Any = None, others: dict[str, Any] | None = None) -> Iterator[None]:
    """These modules in place of CuPy (None: it is not installed), and anygrad as if it had not been used with CuPy."""
    import array_api_compat

    with monkeypatch.context() as patch:
        for name in _backend_modules():
            patch.delitem(sys.modules, name)
        for name, module in {"cupy": cupy, "cupyx": cupyx, **(others or {})}.items():
            patch.setitem(sys.modules, name, module)
        patch.setattr(array_api_compat, "cupy", None, raising=False)
        patch.setattr(_backends, "_loaded", {k: v for k, v in _backends._loaded.items() if k != "cupy"})
        patch.setattr(_backends, "_by_type", dict(_backends._by_type))
        _backends._device.cache_clear()
        before = list(_backends.several_devices)
        try:
            yield
        finally:
            _modes.count_unusual(len(before) - len(_backends.several_devices))
            _backends.several_devices[:] = before
            for name in _backend_modules():
                del sys.modules[name]
    _backends._device.cache_clear()


def _backend_modules() -> list[str]:
    return [name for name in sys.modules if name.partition(".")[0] == "anygrad_cupy" or name.startswith("array_api_compat.cupy")]
