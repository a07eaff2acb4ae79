"""Tensor: an array, and where it stands in a graph."""

from __future__ import annotations

import math
import warnings
import weakref
from typing import Any, ClassVar, Self

import numpy as np

from . import _alias, _modes, _upper
from ._array_methods import ArrayMethods
from ._backends import device, device_of, not_arrays
from ._dtypes import as_dtype, is_inexact
from ._errors import DeviceError, DTypeError, ShapeError
from ._graph import AccumulateGrad, Cell, Hook, Node, Output, RemovableHandle


class Tensor(ArrayMethods):
    """An array that remembers how it was computed.

    Tensors come from `anygrad.tensor`, `anygrad.asarray`, `anygrad.from_numpy`, the other
    constructors, and from operations on Tensors; the class itself takes no arguments.

    Attributes
    ----------
    shape : tuple of int
    dtype : np.dtype
        On every backend.
    device : device
    requires_grad : bool
        Whether what is computed from this tensor is recorded.
    grad : Tensor or None
        For a leaf: the sum of the gradients of every backward so far.
    grad_fn : Node or None
        The operation that made this tensor; None for a leaf.
    is_leaf : bool
        Made by the user, or not recorded: nothing to go back to.
    """

    # _data: the raw array.  _node: the node that gradients of this tensor are sent to (a leaf's
    # own AccumulateGrad).  _grad: what `.grad` gives.  _cell: where graphs save the value.
    # _alias: whom the memory is shared with.
    __slots__ = ("__weakref__", "_alias", "_cell", "_data", "_grad", "_node")

    _data: Any
    _node: Node | None
    _grad: Tensor | None
    _cell: Cell | None
    _alias: _alias.Alias | None

    # The class of what functions return for such a tensor: a user's subclass, else Tensor.
    _kind: ClassVar[type[Tensor]]
    # The class for the time in which the history of a view has to be found again.
    _stale: ClassVar[type[Tensor]]

    __array_priority__ = 1000
    __hash__ = object.__hash__

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not issubclass(cls, StaleView):
            _prepare(cls)

    # -- the array

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self._data.shape)

    @property
    def ndim(self) -> int:
        return self._data.ndim

    @property
    def size(self) -> int:
        return math.prod(self._data.shape)

    @property
    def dtype(self) -> np.dtype:
        return as_dtype(self._data.dtype)

    @property
    def itemsize(self) -> int:
        return self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        return self.size * self.itemsize

    @property
    def device(self) -> device:
        return device_of(self._data)

    @property
    def is_cuda(self) -> bool:
        return self.device.type == "cuda"

    def get_device(self) -> int:
        """The number of the CUDA device; -1 on a CPU."""
        index = self.device.index
        return -1 if index is None else index

    @property
    def data(self) -> Tensor:
        """The same memory outside of the graph; assigning replaces the array."""
        return self.detach()

    @data.setter
    def data(self, value: Tensor) -> None:
        if not isinstance(value, Tensor):
            raise TypeError(f".data takes a Tensor, not {type(value).__name__}")
        version = _alias.version_of(self)
        self._data, self._cell, self._alias = value._data, None, None
        if version:
            _alias.alias_of(self).storage.version = version
        node = self._node
        if isinstance(node, AccumulateGrad):
            node.array, node.shape, node.dtype = value._data, value._data.shape, value._data.dtype

    # -- the graph

    @property
    def requires_grad(self) -> bool:
        return self._node is not None

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if not isinstance(value, (bool, np.bool_)):
            raise RuntimeError(f"requires_grad must be a bool, not {type(value).__name__}")
        node = self._node
        if node is not None and not node.is_leaf:
            if not value:
                raise RuntimeError(
                    "only the requires_grad flags of leaf tensors can be changed; this one has a grad_fn. Use `.detach()` for a tensor outside of the graph."
                )
        elif value and node is None:
            if not is_inexact(self._data):
                raise DTypeError(
                    f"only floating and complex tensors (floating point and complex dtype) can require grad; this one is {self.dtype}. "
                    "Write `tensor([1., 2.])` or pass `dtype=`."
                )
            if self.is_inference() and not _modes.local.inference:
                raise RuntimeError("an inference tensor cannot require grad outside inference_mode. Use `.clone()` for a normal one.")
            self._node = AccumulateGrad(self, self._data)
        elif not value:
            self._node = None

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Set `requires_grad` in place; returns the tensor."""
        self.requires_grad = requires_grad
        return self

    @property
    def is_leaf(self) -> bool:
        node = self._node
        return node is None or node.is_leaf

    @property
    def grad_fn(self) -> Node | None:
        node = self._node
        if node is None or node.is_leaf:
            return None
        return node.node if isinstance(node, Output) else node

    @property
    def output_nr(self) -> int:
        """Which output of its `grad_fn` this tensor is."""
        node = self._node
        return node.index if isinstance(node, Output) else 0

    @property
    def grad(self) -> Tensor | None:
        grad = self._grad
        if grad is None:
            node = self._node
            if node is not None and not node.is_leaf and not self.retains_grad:
                warnings.warn(
                    f"this tensor is not a leaf Tensor (it is the result of `{self.grad_fn.name()}`), so backward leaves its .grad None. "  # type: ignore[union-attr]
                    "Create it with `device=`, or call `.retain_grad()` before backward.",
                    UserWarning,
                    stacklevel=2,
                )
        return grad

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is None:
            self._grad = None
            return
        if not isinstance(value, Tensor):
            raise TypeError(f".grad takes a Tensor or None, not {type(value).__name__}. Write anygrad.asarray(...).")
        if value is self:
            raise RuntimeError("a tensor cannot be its own grad. Use `.clone()`.")
        if value.shape != self.shape:
            raise ShapeError(f"a gradient has the size of its tensor: this one has shape {value.shape}, the tensor {self.shape}")
        if value.dtype != self.dtype:
            raise DTypeError(f"a gradient has the dtype of its tensor: this one is {value.dtype}, the tensor {self.dtype}. Use `.astype(...)`.")
        if value.device != self.device:
            raise DeviceError(
                f"a gradient is on its tensor's device: this one is on {value.device}, the tensor on {self.device}. Use `.to({str(self.device)!r})`."
            )
        self._grad = value

    @grad.deleter
    def grad(self) -> None:
        self._grad = None

    def backward(self, gradient: Any = None, retain_graph: bool | None = None, create_graph: bool = False, inputs: Any = None) -> None:
        """Compute the gradients of the leaves that this tensor was made from.

        Parameters
        ----------
        gradient : Tensor, optional
            dL/dself, of this tensor's own shape. Not needed if it has one element: 1.
        retain_graph : bool, optional
            Keep the saved values, so that the graph can be run again. Default: `create_graph`.
        create_graph : bool
            Record the derivatives, for derivatives of higher order.
        inputs : Tensor or sequence of Tensors, optional
            Accumulate into these alone.

        Raises
        ------
        RuntimeError
            If it does not require grad, if it has several elements and no gradient is given, or if
            the graph was used and freed.
        """
        _upper.backward((self,), None if gradient is None else (gradient,), retain_graph, create_graph, inputs)

    def detach(self) -> Tensor:
        """The same memory outside of the graph: a leaf that does not require grad."""
        out = wrap(self._data)
        _alias.share(out, self)
        return out if self._kind is Tensor else rewrapped(out, self._kind)

    def detach_(self) -> Self:
        """Take this tensor itself out of the graph."""
        if self._alias is not None and self._alias.base is not None and self._node is not None:
            raise RuntimeError("a view cannot be detached in place: its base would still have the history. Use `.detach()`.")
        self._node = None
        return self

    def as_subclass(self, cls: type[Tensor]) -> Any:
        """This tensor as an instance of a subclass of Tensor: the same memory, on the record.

        What functions return for instances of a subclass is of that class, except gradients. `__init__` is not called.
        """
        return ops.as_subclass(self, cls)

    def register_hook(self, hook: Hook) -> RemovableHandle:
        """Call `hook(grad)` with this tensor's gradient in every backward; what it returns replaces the gradient."""
        node = self._node
        if node is None:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient. Call `.requires_grad_()` first.")
        return RemovableHandle(node.extra.tensor_hooks, hook)

    def register_post_accumulate_grad_hook(self, hook: Hook) -> RemovableHandle:
        """Call `hook(tensor)` after backward has added to this leaf's `.grad`."""
        node = self._node
        if node is None:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient. Call `.requires_grad_()` first.")
        if not isinstance(node, AccumulateGrad):
            raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors: nothing is accumulated there. Use `.register_hook()`.")
        return RemovableHandle(node.post_accumulate_hooks, hook)

    def retain_grad(self) -> None:
        """Have backward fill in `.grad` of this tensor although it is not a leaf."""
        node = self._node
        if node is None:
            raise RuntimeError("can't retain_grad on a tensor that has requires_grad=False")
        if not node.is_leaf:
            node.extra.retain = weakref.ref(self)

    @property
    def retains_grad(self) -> bool:
        """Whether `retain_grad()` was called on this non-leaf tensor."""
        node = self._node
        if node is None or node.is_leaf or node._extra is None or node._extra.retain is None:
            return False
        return node._extra.retain() is self

    def is_inference(self) -> bool:
        """Whether the tensor was made in `inference_mode`."""
        return self._alias is not None and self._alias.storage.inference

    # -- memory

    @property
    def _version(self) -> int:
        if self.is_inference():
            raise RuntimeError("inference tensors do not track version counter")
        return _alias.version_of(self)

    @property
    def _base(self) -> Tensor | None:
        return None if self._alias is None else self._alias.base

    def _is_view(self) -> bool:
        return self._base is not None


class StaleView:
    """What a view is, beside what it was, while its history has to be found again (see _alias.py)."""

    __slots__ = ()
    _fresh: ClassVar[type[Tensor]]  # the class to return to

    @property
    def _node(self) -> Node | None:
        self.__class__ = self._fresh  # type: ignore[assignment]
        node = _alias.current_node(self)
        _alias.keep_retaining(self, node)
        self._node = node
        return self._node

    @_node.setter
    def _node(self, node: Node | None) -> None:
        self.__class__ = self._fresh  # type: ignore[assignment]
        self._node = node


def _prepare(kind: type[Tensor]) -> None:
    """Set what a class of tensors has to know of itself."""
    kind._stale = type(kind.__name__, (StaleView, kind), {"__slots__": (), "__module__": kind.__module__, "_fresh": kind})
    if kind is Tensor or kind.__module__.partition(".")[0] != __package__:
        kind._kind = kind


_prepare(Tensor)
_upper.tensor_type = Tensor
not_arrays.add(Tensor)


def wrap(array: Any, node: Node | None = None) -> Tensor:
    """A Tensor around a raw array (NumPy's scalars for 0-d become arrays)."""
    out = Tensor()
    out._data = np.asarray(array) if isinstance(array, np.generic) else array
    out._node = node
    out._cell = out._alias = out._grad = None
    return out


_upper.wrap = wrap


def rewrapped(x: Tensor, kind: type[Tensor]) -> Any:
    """A tensor that nobody knows yet, as one of a subclass of Tensor."""
    out = object.__new__(kind)
    out._data, out._node, out._grad, out._cell, out._alias = x._data, x._node, x._grad, x._cell, x._alias
    if x._alias is not None:
        x._alias.storage.add(out)
    if isinstance(x._node, AccumulateGrad):
        x._node.leaf = weakref.ref(out)
    return out


from . import _array_methods, _function_methods, _interchange, ops  # noqa: E402  (the one cycle: operators and methods call functions that take Tensors)

_array_methods.ops = _function_methods.ops = _interchange.ops = ops
_upper.recorded_namespace = ops
