"""What Tensor has of an array beside functions: its declared operators, conversions, Python's protocols."""

# mypy: disable-error-code="arg-type"
# (`self` is a Tensor, which is what the functions take)

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _modes
from ._errors import ShapeError
from ._function_methods import FunctionMethods
from ._interchange import Interchange
from ._messages import warn_once
from ._streams import stream as in_stream

if TYPE_CHECKING:
    from . import ops
    from ._tensor import Tensor
else:
    ops = None  # set at the end of _tensor.py: methods call functions, and these take Tensors

_API_VERSIONS = ("2021.12", "2022.12", "2023.12", "2024.12", "2025.12")  # each has what those before it have


class ArrayMethods(FunctionMethods, Interchange):
    """What Tensor has of an array; its operators are set in ops/operators.py."""

    __slots__ = ()

    if TYPE_CHECKING:
        _data: Any
        _grad: Any

        @property
        def shape(self) -> tuple[int, ...]: ...
        @property
        def ndim(self) -> int: ...
        @property
        def size(self) -> int: ...
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
        def __eq__(self, other: object) -> Tensor: ...  # type: ignore[override]
        def __ne__(self, other: object) -> Tensor: ...  # type: ignore[override]
        def __add__(self, other: Any) -> Tensor: ...
        def __radd__(self, other: Any) -> Tensor: ...
        def __sub__(self, other: Any) -> Tensor: ...
        def __rsub__(self, other: Any) -> Tensor: ...
        def __mul__(self, other: Any) -> Tensor: ...
        def __rmul__(self, other: Any) -> Tensor: ...
        def __truediv__(self, other: Any) -> Tensor: ...
        def __rtruediv__(self, other: Any) -> Tensor: ...
        def __floordiv__(self, other: Any) -> Tensor: ...
        def __rfloordiv__(self, other: Any) -> Tensor: ...
        def __mod__(self, other: Any) -> Tensor: ...
        def __rmod__(self, other: Any) -> Tensor: ...
        def __pow__(self, other: Any) -> Tensor: ...
        def __rpow__(self, other: Any) -> Tensor: ...
        def __matmul__(self, other: Any) -> Tensor: ...
        def __rmatmul__(self, other: Any) -> Tensor: ...
        def __and__(self, other: Any) -> Tensor: ...
        def __rand__(self, other: Any) -> Tensor: ...
        def __or__(self, other: Any) -> Tensor: ...
        def __ror__(self, other: Any) -> Tensor: ...
        def __xor__(self, other: Any) -> Tensor: ...
        def __rxor__(self, other: Any) -> Tensor: ...
        def __lshift__(self, other: Any) -> Tensor: ...
        def __rlshift__(self, other: Any) -> Tensor: ...
        def __rshift__(self, other: Any) -> Tensor: ...
        def __rrshift__(self, other: Any) -> Tensor: ...
        def __neg__(self) -> Tensor: ...
        def __pos__(self) -> Tensor: ...
        def __abs__(self) -> Tensor: ...
        def __invert__(self) -> Tensor: ...
        def __lt__(self, other: Any) -> Tensor: ...
        def __le__(self, other: Any) -> Tensor: ...
        def __gt__(self, other: Any) -> Tensor: ...
        def __ge__(self, other: Any) -> Tensor: ...
        def __iadd__(self, other: Any) -> Tensor: ...
        def __isub__(self, other: Any) -> Tensor: ...
        def __imul__(self, other: Any) -> Tensor: ...
        def __itruediv__(self, other: Any) -> Tensor: ...
        def __ifloordiv__(self, other: Any) -> Tensor: ...
        def __imod__(self, other: Any) -> Tensor: ...
        def __ipow__(self, other: Any) -> Tensor: ...
        def __imatmul__(self, other: Any) -> Tensor: ...
        def __iand__(self, other: Any) -> Tensor: ...
        def __ior__(self, other: Any) -> Tensor: ...
        def __ixor__(self, other: Any) -> Tensor: ...
        def __ilshift__(self, other: Any) -> Tensor: ...
        def __irshift__(self, other: Any) -> Tensor: ...
        def __getitem__(self, key: Any) -> Tensor: ...
        def __setitem__(self, key: Any, value: Any) -> None: ...

    # -- dtype, device, copies

    def astype(self, dtype: Any, copy: bool = True) -> Tensor:
        return ops.astype(self, dtype, copy=copy)

    def to(self, *args: Any, dtype: Any = None, device: Any = None, copy: bool = False, non_blocking: bool = False) -> Tensor:
        """On another device, in another dtype, or both: recorded. Itself where nothing changes.

        Parameters
        ----------
        *args, dtype, device : optional
            A device, a dtype, both, or a Tensor that has them; then, without names, `non_blocking` and `copy`.
        copy : bool
            A copy also where nothing changes.
        non_blocking : bool
            Do not wait for a copy between CUDA and host memory. To a device, from pinned memory: leave that alone until
            the current stream has come so far. To the host: the result is in pinned memory, and not to be looked at
            before. `anygrad.cuda.synchronize()` waits for both.
        """
        return ops.to_any(self, *args, dtype=dtype, device=device, copy=copy, non_blocking=non_blocking)

    def to_device(self, device: Any, /, *, stream: Any = None) -> Tensor:
        """The standard's `to`; `stream`, a CUDA stream or its address, is where a copy runs."""
        with in_stream(stream):
            return ops.to_any(self, device=device)

    def cpu(self) -> Tensor:
        return ops.to_any(self, device="cpu")

    def cuda(self, device: Any = None, non_blocking: bool = False) -> Tensor:
        """On a CUDA device: a number, a name or a device; default: the current one."""
        where = "cuda" if device is None else f"cuda:{device}" if isinstance(device, int) else device
        return ops.to_any(self, device=where, non_blocking=non_blocking)

    def pin_memory(self) -> Tensor:
        """A copy in pinned host memory, recorded; itself if it is there. `.to("cuda", non_blocking=True)` does not wait for it.

        Raises
        ------
        DeviceError
            If the tensor is not on the CPU, or there is no CUDA.
        """
        return ops.pin_memory(self)

    def is_pinned(self) -> bool:
        """Whether the tensor is in pinned host memory (as far as known: False until CUDA has been used)."""
        return ops.is_pinned(self)

    def clone(self) -> Tensor:
        """A copy, on the record."""
        return ops.clone(self)

    def copy(self) -> Tensor:
        """A copy, on the record."""
        return ops.clone(self)

    # -- in place

    def add_(self, other: Any) -> Tensor:
        return ops.add_(self, other)

    def sub_(self, other: Any) -> Tensor:
        return ops.sub_(self, other)

    def mul_(self, other: Any) -> Tensor:
        return ops.mul_(self, other)

    def div_(self, other: Any) -> Tensor:
        return ops.div_(self, other)

    def copy_(self, source: Any, non_blocking: bool = False) -> Tensor:
        return ops.copy_(self, source, non_blocking)

    def fill_(self, value: Any) -> Tensor:
        return ops.fill_(self, value)

    def zero_(self) -> Tensor:
        return ops.zero_(self)

    def uniform_(self, low: float = 0.0, high: float = 1.0, *, generator: Any = None) -> Tensor:
        """Write uniform numbers over it (see `random.uniform`)."""
        from .random import uniform

        return ops.copy_(self, uniform(low, high, self.shape, dtype=self.dtype, device=self.device, generator=generator))

    def normal_(self, mean: float = 0.0, std: float = 1.0, *, generator: Any = None) -> Tensor:
        """Write normal numbers over it (see `random.normal`)."""
        from .random import normal

        return ops.copy_(self, normal(mean, std, self.shape, dtype=self.dtype, device=self.device, generator=generator))

    def bernoulli_(self, p: Any = 0.5, *, generator: Any = None) -> Tensor:
        """Write ones with probability p over it, and zeros (see `random.bernoulli`)."""
        from .random import bernoulli

        return ops.copy_(self, bernoulli(p, self.shape, device=self.device, generator=generator))

    # -- out of the library

    def item(self) -> Any:
        """The one element as a Python number; no gradient flows through it."""
        if self.size != 1:
            raise ShapeError(f"a tensor with {self.size} elements cannot be converted to Scalar: item() is for one element. Use `.tolist()`.")
        return ops.to_numpy(self).item()

    def tolist(self) -> Any:
        """Nested lists of Python numbers; a number for 0-d."""
        return ops.to_numpy(self).tolist()

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        from ._numpy import call_ufunc

        return call_ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        from ._numpy import call_function

        return call_function(function, types, args, kwargs)

    def __array_namespace__(self, /, *, api_version: str | None = None) -> Any:
        import anygrad

        if api_version is not None and api_version not in _API_VERSIONS:
            raise ValueError(f"__array_namespace__: there is no version {api_version!r} of the standard; there are {', '.join(_API_VERSIONS)}")
        return anygrad

    def __bool__(self) -> bool:
        if self.size != 1:
            raise RuntimeError(f"the truth value of a tensor of {self.size} elements is ambiguous. Use anygrad.any(x) or anygrad.all(x).")
        return bool(self.item())

    def __int__(self) -> int:
        return int(self._untracked_item())

    def __float__(self) -> float:
        return float(self._untracked_item())

    def __complex__(self) -> complex:
        return complex(self._untracked_item())

    def _untracked_item(self) -> Any:
        if self.requires_grad and _modes.local.grad_enabled:
            text = "a tensor that requires grad was converted to a Python number, which ends its graph there: no gradient flows through it. If that is meant, write `t.item()` or `t.detach()`."
            if _modes.local.strict:
                raise RuntimeError(text)
            warn_once(text)
        return self.item()

    def __index__(self) -> int:
        if self.dtype.kind not in "iu" or self.ndim:
            raise TypeError(f"only 0-d integer tensors can be used as an index; this one is {self.dtype} of shape {self.shape}")
        return int(self.item())

    def __len__(self) -> int:
        if self.ndim == 0:
            raise TypeError("a 0-d tensor has no len()")
        return self.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        if self.ndim == 0:
            raise TypeError("a 0-d tensor cannot be iterated over")
        return iter(ops.unstack(self))

    def __contains__(self, value: Any) -> bool:
        return bool(ops.any(ops.equal(self, value)))

    def __format__(self, spec: str) -> str:
        if self.ndim == 0:
            return format(self.item(), spec)
        if spec:
            raise TypeError(f"unsupported format string {spec!r} for a tensor of shape {self.shape}: only 0-d tensors are formatted as numbers")
        return str(self)

    def __repr__(self) -> str:
        from ._repr import tensor_repr

        return tensor_repr(self)
