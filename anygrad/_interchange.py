"""Ways out of the library, and copies: NumPy, CuPy, DLPack, the array interfaces, copy and pickle.

A tensor that requires grad is refused, outside of `no_grad`: what a consumer computes with its
memory would be lost to the graph without a word. Everything else is given without a copy.
"""

# mypy: disable-error-code="arg-type"
# (`self` is a Tensor, which is what the functions take)

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from . import _modes
from ._backends import device, move, namespace

if TYPE_CHECKING:
    from . import ops
    from ._tensor import Tensor
else:
    ops = None  # set at the end of _tensor.py


class Interchange:
    """What Tensor has to give its values to others."""

    __slots__ = ()

    if TYPE_CHECKING:
        _data: Any
        _grad: Any
        _kind: ClassVar[type[Tensor]]

        @property
        def shape(self) -> tuple[int, ...]: ...
        @property
        def dtype(self) -> np.dtype: ...
        @property
        def device(self) -> Any: ...
        @property
        def is_leaf(self) -> bool: ...
        @property
        def requires_grad(self) -> bool: ...
        @requires_grad.setter
        def requires_grad(self, value: bool) -> None: ...
        def detach(self) -> Tensor: ...

    def _would_lose_its_graph(self) -> bool:
        return self.requires_grad and _modes.local.grad_enabled

    # -- arrays

    def numpy(self, force: bool = False) -> np.ndarray:
        """The values as a NumPy array, which shares the memory of a tensor on the CPU.

        Raises
        ------
        RuntimeError
            If the tensor requires grad, unless `force=True`.
        TypeError
            If it is not on the CPU, unless `force=True`.
        """
        if not force:
            if self._would_lose_its_graph():
                raise RuntimeError(
                    "a tensor that requires grad would lose its graph as a NumPy array. `t.numpy(force=True)` detaches and copies to host memory; no gradient flows through NumPy code."
                )
            if self.device.type == "cuda":
                raise TypeError(f"a tensor on {self.device} is not in host memory. `t.numpy(force=True)` copies it there; `t.cpu()` moves it on the record.")
        return ops.to_numpy(self)

    def cupy(self, force: bool = False) -> Any:
        """The values as a CuPy array, which shares the memory of a tensor on a GPU.

        Raises
        ------
        RuntimeError
            If the tensor requires grad, unless `force=True`.
        TypeError
            If it is not on a GPU, unless `force=True`, which copies it to the current one.
        DeviceError
            If there is no CUDA.
        """
        on_gpu = self.device.type == "cuda"
        if not force:
            if self._would_lose_its_graph():
                raise RuntimeError(
                    "a tensor that requires grad would lose its graph as a CuPy array. `t.cupy(force=True)` detaches; no gradient flows through CuPy code."
                )
            if not on_gpu:
                raise TypeError(
                    f"a tensor on {self.device} is not in the memory of a GPU. `t.cupy(force=True)` copies it there; `t.cuda()` moves it on the record."
                )
        return self._data if on_gpu else move(self._data, device("cuda"))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        array = self.numpy()
        if dtype is not None and array.dtype != dtype:
            if copy is False:
                raise ValueError(f"a copy is needed to make {dtype} of {array.dtype}")
            return array.astype(dtype)
        if copy is False and array.size and not np.may_share_memory(array, ops.to_numpy(self)):
            raise ValueError(f"a copy is needed: NumPy cannot see the memory of a tensor on {self.device}")
        return array.copy() if copy else array

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        """Where the memory of a tensor on a GPU is, for CuPy, Numba and others; only such a tensor has the attribute."""
        if self.device.type != "cuda":
            raise AttributeError(f"a tensor on {self.device} has no __cuda_array_interface__: it is not in the memory of a GPU. Use `.cuda()`.")
        if self._would_lose_its_graph():
            raise RuntimeError("a tensor that requires grad would lose its graph through __cuda_array_interface__. Use `t.detach()`.")
        return self._data.__cuda_array_interface__

    # -- DLPack

    def __dlpack__(self, *, stream: Any = None, max_version: Any = None, dl_device: Any = None, copy: bool | None = None) -> Any:
        if self._would_lose_its_graph():
            raise BufferError("DLPack: tensors that require gradient cannot be exported, since their graph would be lost. Use `t.detach()`.")
        xp, data = namespace(self._data), self._data
        if copy and self.device.type == "cuda" and (dl_device is None or tuple(dl_device) == tuple(self.__dlpack_device__())):
            data, copy = xp.copy(data), None  # CuPy copies to the CPU only
        given = {"stream": stream, "max_version": max_version, "dl_device": dl_device, "copy": copy}
        try:
            with xp.device_guard(data):  # the consumer's stream has to wait for one of the array's device
                return data.__dlpack__(**{name: value for name, value in given.items() if value is not None})
        except (BufferError, RuntimeError, ValueError) as error:
            raise self._not_exported(error, dl_device) from error

    def _not_exported(self, error: Exception, dl_device: Any) -> BufferError:
        if self.dtype.kind == "V":
            return BufferError(f"DLPack: {namespace(self._data).name} does not export {self.dtype}. Use `.astype(anygrad.float32)`.")
        if getattr(getattr(self._data, "flags", None), "writeable", True) is False:
            return BufferError("DLPack: the memory is read-only, which only consumers that pass max_version=(1, 0) or later respect. Use `.clone()`.")
        if dl_device is not None and tuple(dl_device) != tuple(self.__dlpack_device__()):
            return BufferError(
                f"DLPack: the tensor is on {self.device}, and cannot be exported to another device ({error}). Move it first: `.cpu()`, `.cuda()`."
            )
        return BufferError(f"DLPack: this tensor (shape {self.shape}, {self.dtype}, {self.device}) cannot be exported: {error}")

    def __dlpack_device__(self) -> tuple[Any, int]:
        return self._data.__dlpack_device__()

    # -- copies

    def _check_leaf(self, what: str, cure: str) -> None:
        if not self.is_leaf:
            raise RuntimeError(f"{what}: only leaf tensors (graph leaves) can be copied so, since the copy would drop the graph of this one. {cure}")

    def __copy__(self) -> Tensor:
        self._check_leaf("copy.copy", "Use `.detach()` for the same memory outside of the graph, `.clone()` for a copy on the record.")
        out = self.detach()
        out.requires_grad = self.requires_grad
        vars_of(out).update(vars_of(self))
        return out

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        self._check_leaf("copy.deepcopy", "Use `.detach().clone()`.")
        if self.requires_grad and _modes.local.strict:
            raise RuntimeError(
                "a deep copy of a leaf that requires grad is another leaf: gradients of what is computed from it do not reach this one. Use `.clone()`."
            )
        with _modes.no_grad():
            out = ops.clone(self)
        memo[id(self)] = out
        out.requires_grad = self.requires_grad
        if self._grad is not None:
            out._grad = copy.deepcopy(self._grad, memo)
        vars_of(out).update(copy.deepcopy(vars_of(self), memo))
        return out

    def __reduce_ex__(self, protocol: Any) -> Any:
        self._check_leaf("pickle", "Use `.detach()`.")
        return ops.rebuild, (ops.to_numpy(self), str(self.device), self.requires_grad, self._kind), vars_of(self) or None


def vars_of(tensor: Any) -> dict[str, Any]:
    """The attributes that a user has set on an instance of a subclass; a Tensor itself takes none."""
    return getattr(tensor, "__dict__", {})
