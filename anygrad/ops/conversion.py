"""Copies, and the ways out of the library and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._backends import device, move, namespace
from .._dtypes import as_dtype
from .._errors import DeviceError
from .._primitive import linear as primitive
from .._tensor import Tensor, rewrapped, wrap
from .._transform import Transformed
from .data_types import astype
from .devices import to


@primitive("Clone", holomorphic=False, x=lambda g: g)
def clone(xp: Any, x: Any) -> Any:
    """A copy, on the record."""
    return xp.copy(x)


copy = clone


@primitive("Alias", view=True, holomorphic=False, x=lambda g: g)
def _aliased(xp: Any, x: Any) -> Any:
    return x[...]


def as_subclass(x: Tensor, cls: type[Tensor]) -> Tensor:
    """See Tensor.as_subclass."""
    if not (isinstance(cls, type) and issubclass(cls, Tensor)):
        raise TypeError(f"as_subclass: {cls!r} is not a subclass of Tensor")
    out = _aliased(x)
    return out if type(out) is cls or isinstance(out, Transformed) else rewrapped(out, cls)


def to_numpy(x: Any) -> np.ndarray:
    """The values in host memory: the tensor's own memory if it is NumPy's."""
    if isinstance(x, Transformed):
        x = x.plain("this conversion")
    return namespace(x._data).to_host(x._data)


def rebuild(array: np.ndarray, where: str, requires_grad: bool, kind: type[Tensor]) -> Tensor:
    """What a pickled tensor is made of."""
    try:
        place = device(where)
    except DeviceError as error:
        raise DeviceError(
            f"a tensor in this pickle was on {where!r}, which is not here. Pickle `t.cpu()` there; or use anygrad.save, and "
            f"anygrad.load(file, map_location='cpu') here. ({error})"
        ) from error
    out = wrap(move(array, place))
    out = out if kind is Tensor else rewrapped(out, kind)
    out.requires_grad = requires_grad
    return out


def to_any(x: Tensor, *args: Any, dtype: Any = None, device: Any = None, copy: bool = False, non_blocking: bool = False) -> Tensor:
    """`x.to(device)`, `x.to(dtype)`, `x.to(device, dtype)`, `x.to(other)`; then `non_blocking` and `copy`, as in PyTorch."""
    switches = [arg for arg in args if isinstance(arg, bool)]
    non_blocking = switches[0] if switches else non_blocking
    copy = switches[1] if len(switches) > 1 else copy
    for arg in args:
        if isinstance(arg, Tensor):
            device, dtype = arg.device, arg.dtype
        elif arg is None or isinstance(arg, bool):
            continue
        elif _is_device(arg):
            device = arg
        else:
            dtype = arg
    out = x
    if dtype is not None and as_dtype(dtype) != x.dtype:
        out = astype(out, dtype)
    if device is not None:
        out = to(out, device, non_blocking)
    return out.clone() if copy and out is x else out


def _is_device(value: Any) -> bool:
    if isinstance(value, device):
        return True
    if not isinstance(value, str):
        return False
    try:
        as_dtype(value)
    except TypeError:
        return True
    return False
