"""Moving tensors between devices, on the record."""

from __future__ import annotations

from typing import Any

from .._backends import as_dtype, device, device_of, move
from .._primitive import primitive
from .._tensor import Tensor


@primitive("To", x=lambda g, source: move(g, source) if not isinstance(g, Tensor) else to(g, source))
def _to(xp: Any, x: Any, *, target: Any, source: Any) -> Any:
    return move(x, target)


def to(x: Tensor, where: Any) -> Tensor:
    """x on another device; x itself if it is there already. The gradient moves back."""
    target = device(where)
    source = device_of(x._data)
    if source == target:
        return x
    return _to(x, target=target, source=source)


def to_any(x: Tensor, *args: Any, dtype: Any = None, device: Any = None, copy: bool = False, non_blocking: bool = False) -> Tensor:
    """`x.to(device)`, `x.to(dtype)`, `x.to(device, dtype)`, `x.to(other)`."""
    from .data_types import astype

    for arg in args:
        if isinstance(arg, Tensor):
            device, dtype = arg.device, arg.dtype
        elif arg is None or isinstance(arg, bool):
            continue  # PyTorch's positional non_blocking and copy: moves here wait
        elif _is_device(arg):
            device = arg
        else:
            dtype = arg
    out = x
    if dtype is not None and as_dtype(dtype) != x.dtype:
        out = astype(out, dtype)
    if device is not None:
        out = to(out, device)
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
