"""Functions as methods: those that NumPy's arrays and PyTorch's tensors share, and those of one of
them that cannot be taken for something of the other. Where meanings differ it is NumPy's, or there is no method."""

# mypy: disable-error-code="arg-type"
# (`self` is a Tensor, which is what the functions take)

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ._dtypes import as_dtype
from ._errors import DTypeError

if TYPE_CHECKING:
    from . import ops
    from ._tensor import Tensor
else:
    ops = None  # set at the end of _tensor.py: methods call functions, and these take Tensors

Flag = bool  # the class has methods with the types' own names
Integer = int


class FunctionMethods:
    """The methods of Tensor that are functions of anygrad."""

    __slots__ = ()

    if TYPE_CHECKING:

        @property
        def shape(self) -> tuple[Integer, ...]: ...
        @property
        def ndim(self) -> Integer: ...
        @property
        def size(self) -> Integer: ...
        @property
        def dtype(self) -> np.dtype: ...

    # -- reductions

    def sum(self, axis: Any = None, dtype: Any = None, keepdims: Flag = False) -> Tensor:
        return ops.sum(self, axis=axis, dtype=dtype, keepdims=keepdims)

    def mean(self, axis: Any = None, keepdims: Flag = False) -> Tensor:
        return ops.mean(self, axis=axis, keepdims=keepdims)

    def prod(self, axis: Any = None, dtype: Any = None, keepdims: Flag = False) -> Tensor:
        return ops.prod(self, axis=axis, dtype=dtype, keepdims=keepdims)

    def max(self, axis: Any = None, keepdims: Flag = False) -> Tensor:
        return ops.max(self, axis=axis, keepdims=keepdims)

    def min(self, axis: Any = None, keepdims: Flag = False) -> Tensor:
        return ops.min(self, axis=axis, keepdims=keepdims)

    def var(self, axis: Any = None, correction: Any = 0.0, keepdims: Flag = False) -> Tensor:
        return ops.var(self, axis=axis, correction=correction, keepdims=keepdims)

    def std(self, axis: Any = None, correction: Any = 0.0, keepdims: Flag = False) -> Tensor:
        return ops.std(self, axis=axis, correction=correction, keepdims=keepdims)

    def all(self, axis: Any = None, keepdims: Flag = False) -> Tensor:
        return ops.all(self, axis=axis, keepdims=keepdims)

    def any(self, axis: Any = None, keepdims: Flag = False) -> Tensor:
        return ops.any(self, axis=axis, keepdims=keepdims)

    def argmax(self, axis: Integer | None = None, keepdims: Flag = False) -> Tensor:
        return ops.argmax(self, axis=axis, keepdims=keepdims)

    def argmin(self, axis: Integer | None = None, keepdims: Flag = False) -> Tensor:
        return ops.argmin(self, axis=axis, keepdims=keepdims)

    def logsumexp(self, axis: Any = None, keepdims: Flag = False) -> Tensor:
        return ops.logsumexp(self, axis, keepdims=keepdims)

    def trace(self, offset: Integer = 0, axis1: Integer = 0, axis2: Integer = 1, dtype: Any = None) -> Tensor:
        return ops.trace(self, offset, axis1, axis2, dtype)

    # -- along an axis

    def cumsum(self, axis: Integer | None = None, dtype: Any = None) -> Tensor:
        return ops.cumulative_sum(self, axis=axis, dtype=dtype)

    def cumprod(self, axis: Integer | None = None, dtype: Any = None) -> Tensor:
        return ops.cumulative_prod(self, axis=axis, dtype=dtype)

    def argsort(self, axis: Integer = -1, descending: Flag = False, stable: Flag = True) -> Tensor:
        return ops.argsort(self, axis=axis, descending=descending, stable=stable)

    def softmax(self, axis: Any) -> Tensor:
        return ops.softmax(self, axis)

    def log_softmax(self, axis: Any) -> Tensor:
        return ops.log_softmax(self, axis)

    # -- choosing

    def take(self, indices: Any, axis: Integer | None = None) -> Tensor:
        return ops.take(self, indices, axis=axis)

    def nonzero(self) -> tuple[Tensor, ...]:
        return ops.nonzero(self)

    def diagonal(self, offset: Integer = 0, axis1: Integer = 0, axis2: Integer = 1) -> Tensor:
        return ops.diagonal(self, offset, axis1, axis2)

    def masked_fill(self, mask: Any, value: Any) -> Tensor:
        """`value` where the mask is true."""
        return ops.where(mask, value, self)

    # -- shapes

    def reshape(self, *shape: Any) -> Tensor:
        return ops.reshape(self, shape[0] if len(shape) == 1 else shape)

    def view(self, *shape: Any) -> Tensor:
        """The same memory in another shape; ValueError where that needs a copy. `view(dtype)` is for the tensor's own dtype alone."""
        if len(shape) == 1 and isinstance(shape[0], (type, np.dtype, str)):
            if (dtype := as_dtype(shape[0])) != self.dtype:
                raise DTypeError(f"view: the bytes of {self.dtype} cannot be read as {dtype} on the record. To convert the values: `.astype(...)`.")
            shape = self.shape
        return ops.reshape(self, shape[0] if len(shape) == 1 else shape, copy=False)

    def ravel(self) -> Tensor:
        return ops.ravel(self)

    def flatten(self, start_axis: Integer = 0, end_axis: Integer = -1) -> Tensor:
        return ops.flatten(self, start_axis, end_axis)

    def squeeze(self, axis: Any = None) -> Tensor:
        return ops.squeeze(self, axis=axis)

    def unsqueeze(self, axis: Any) -> Tensor:
        """A new axis of size 1."""
        return ops.expand_dims(self, axis=axis)

    def expand(self, *shape: Any) -> Tensor:
        """Repeated without copies to this shape; -1 keeps the size of an axis."""
        sizes = shape[0] if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else shape
        known = (None,) * (len(sizes) - self.ndim) + self.shape
        return ops.broadcast_to(self, [old if new == -1 and old is not None else new for new, old in zip(sizes, known, strict=False)])

    def transpose(self, *axes: Any) -> Tensor:
        """All axes in another order, backwards if none is given."""
        return ops.transpose(self, *axes)

    def permute(self, *axes: Any) -> Tensor:
        """All axes in another order."""
        return ops.permute_dims(self, axes[0] if len(axes) == 1 and isinstance(axes[0], (tuple, list)) else axes)

    def swapaxes(self, axis1: Integer, axis2: Integer) -> Tensor:
        return ops.swapaxes(self, axis1, axis2)

    def chunk(self, chunks: Integer, axis: Integer = 0) -> tuple[Tensor, ...]:
        return ops.chunk(self, chunks, axis)

    def t(self) -> Tensor:
        """The transpose of a matrix; a vector as it is."""
        return self.T if self.ndim >= 2 else self  # type: ignore[return-value]

    @property
    def T(self) -> Tensor:
        """The transpose of a matrix."""
        if self.ndim != 2:
            raise ValueError(f".T is for two dimensions, this tensor has shape {self.shape}. Use `.mT` for the last two, or permute_dims.")
        return ops.matrix_transpose(self)

    @property
    def mT(self) -> Tensor:
        """The last two axes swapped."""
        return ops.matrix_transpose(self)

    # -- products

    def dot(self, other: Any) -> Tensor:
        return ops.dot(self, other)

    def matmul(self, other: Any) -> Tensor:
        return ops.matmul(self, other)

    def mm(self, other: Any) -> Tensor:
        return ops.matmul(self, other)

    # -- values

    def abs(self) -> Tensor:
        return ops.abs(self)

    def exp(self) -> Tensor:
        return ops.exp(self)

    def log(self) -> Tensor:
        return ops.log(self)

    def sqrt(self) -> Tensor:
        return ops.sqrt(self)

    def square(self) -> Tensor:
        return ops.square(self)

    def pow(self, exponent: Any) -> Tensor:
        return ops.pow(self, exponent)

    def sin(self) -> Tensor:
        return ops.sin(self)

    def cos(self) -> Tensor:
        return ops.cos(self)

    def tanh(self) -> Tensor:
        return ops.tanh(self)

    def sigmoid(self) -> Tensor:
        return ops.special.expit(self)

    def relu(self) -> Tensor:
        return ops.relu(self)

    def clip(self, min: Any = None, max: Any = None) -> Tensor:
        return ops.clip(self, min, max)

    def clamp(self, min: Any = None, max: Any = None) -> Tensor:
        return ops.clip(self, min, max)

    def round(self, decimals: Integer = 0) -> Tensor:
        return ops.beyond.around(self, decimals)

    def conj(self) -> Tensor:
        return ops.conj(self)

    @property
    def real(self) -> Tensor:
        return ops.real(self) if self.dtype.kind == "c" else self  # type: ignore[return-value]

    @property
    def imag(self) -> Tensor:
        return ops.imag(self)

    # -- dtypes

    def type_as(self, other: Tensor) -> Tensor:
        """In the dtype and on the device of `other`."""
        return ops.to_any(self, other)

    def float(self) -> Tensor:
        return ops.to_any(self, dtype="float32")

    def double(self) -> Tensor:
        return ops.to_any(self, dtype="float64")

    def int(self) -> Tensor:
        return ops.to_any(self, dtype="int32")

    def long(self) -> Tensor:
        return ops.to_any(self, dtype="int64")

    def bool(self) -> Tensor:
        return ops.to_any(self, dtype="bool")

    # -- sizes

    def dim(self) -> Integer:
        return self.ndim

    def numel(self) -> Integer:
        return self.size
