"""Moving tensors between devices, on the record; pinned memory."""

from __future__ import annotations

from typing import Any

from .._backends import device, device_of, loaded, move
from .._errors import DeviceError
from .._primitive import linear as primitive
from .._recording import apply
from .._tensor import Tensor


@primitive("To", x=lambda g, source: move(g, source) if not isinstance(g, Tensor) else to(g, source))
def _to(xp: Any, x: Any, *, target: Any, source: Any, non_blocking: bool) -> Any:
    return move(x, target, non_blocking)


def to(x: Tensor, where: Any, non_blocking: bool = False) -> Tensor:
    """x on another device; x itself if it is there already. The gradient moves back, and that waits where it has to."""
    target = device(where)
    source = device_of(x._data)
    if source == target:
        return x
    # The written path is for results of the same library: for another's it would copy, see that, and copy again.
    return apply(_to.primitive, x, target=target, source=source, non_blocking=non_blocking)


@primitive("PinMemory", x=lambda g: g)
def _pin_memory(xp: Any, x: Any, *, cuda: Any) -> Any:
    return cuda.backend.pinned(x)


def pin_memory(x: Tensor) -> Tensor:
    """See Tensor.pin_memory."""
    if x.device.type != "cpu":
        raise DeviceError(f"pin_memory: only tensors on the CPU can be pinned; this one is on {x.device}. Use `x.cpu().pin_memory()`.")
    cuda = device("cuda")
    return x if is_pinned(x) else _pin_memory(x, cuda=cuda)


def is_pinned(x: Tensor) -> bool:
    """See Tensor.is_pinned."""
    cupy = loaded("cupy")
    return x.device.type == "cpu" and cupy is not None and not cupy.unavailable() and cupy.is_pinned(x._data)
