"""Forward mode in PyTorch's words: dual numbers at one level.

with forward_ad.dual_level():
    x = forward_ad.make_dual(primal, tangent)
    y = f(x)
    value, derivative = forward_ad.unpack_dual(y)

`anygrad.func.jvp` does the same for a function, and nests.
"""

from __future__ import annotations

import threading
from typing import NamedTuple

from .._dual import Level, dual, parts_at
from .._errors import DeviceError, DTypeError, ShapeError
from .._recording import is_inexact
from .._tensor import Tensor, wrap
from .._transform import at_bottom
from ..ops.data_types import astype
from ..ops.manipulation import reshape

__all__ = ["UnpackedDualTensor", "dual_level", "enter_dual_level", "exit_dual_level", "make_dual", "unpack_dual"]


class _Local(threading.local):
    """Each thread has a level of its own."""

    level: Level | None = None


_local = _Local()


class UnpackedDualTensor(NamedTuple):
    """What `unpack_dual` returns.

    Attributes
    ----------
    primal : Tensor
    tangent : Tensor or None
    """

    primal: Tensor
    tangent: Tensor | None


def enter_dual_level() -> int:
    """Begin a level, in this thread; returns its number, 0. Write `with dual_level():` where you can."""
    if _local.level is not None:
        raise RuntimeError("Nested forward mode AD is not supported at the moment: there is one dual_level at a time. anygrad.func.jvp nests.")
    _local.level = Level()
    return 0


def exit_dual_level(*, level: int | None = None) -> None:
    """End the level: what has tangents of it has none any more."""
    if _local.level is None or level not in (None, 0):
        raise RuntimeError("exit_dual_level(): there is no such level. Write `with forward_ad.dual_level():`.")
    _local.level.active = False
    _local.level = None


class dual_level:
    """The level in which tangents live; none of them outlives it."""

    def __enter__(self) -> int:
        return enter_dual_level()

    def __exit__(self, *exc: object) -> None:
        exit_dual_level()


def make_dual(tensor: Tensor, tangent: Tensor, *, level: int | None = None) -> Tensor:
    """A dual number: a tensor over the same memory, with a tangent.

    Parameters
    ----------
    tensor : Tensor
        Floating or complex.
    tangent : Tensor
        Of its shape and device; it is cast to its dtype.
    level : int, optional
        0, the only one.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        Outside of a `dual_level`, or if the tensor has a tangent already.
    ShapeError, DTypeError, DeviceError
        If the tangent does not fit.
    """
    if _local.level is None:
        raise RuntimeError(
            "make_dual(): Trying to create a dual Tensor for forward AD but no level exists, make sure to enter_dual_level() first. Write `with forward_ad.dual_level():`."
        )
    for name, t in (("primal", tensor), ("tangent", tangent)):
        if not isinstance(t, Tensor):
            raise TypeError(f"make_dual(): the {name} must be a Tensor, not {type(t).__name__}. Write anygrad.asarray(...).")
        if not is_inexact(t._data):
            raise DTypeError(f"make_dual(): Expected {name} to be floating point or complex, but got: {t.dtype}. Use `.astype(anygrad.float32)`.")
    if parts_at(tensor, _local.level)[1] is not None:
        raise RuntimeError("make_dual(): this tensor has a tangent already (it already has a forward gradient at the same level). Use unpack_dual first.")
    return dual(_local.level, own(tensor), checked_tangent(tangent, tensor, "make_dual()"))


def own(x: Tensor) -> Tensor:
    """Another tensor over the same memory, with the same history."""
    return reshape(x, x.shape) if x.requires_grad else at_bottom(lambda plain: wrap(plain._data), x) if x._alias is None else at_bottom(Tensor.detach, x)


def checked_tangent(tangent: Tensor, primal: Tensor, where: str) -> Tensor:
    """A tangent that fits, cast to the dtype of its tensor."""
    if tangent.shape != primal.shape:
        raise ShapeError(
            f"{where}: a tangent has the shape of its tensor: this one has shape {tangent.shape}, the tensor {primal.shape} "
            "(the forward gradient has a different size than that of the original Tensor)"
        )
    if tangent.device != primal.device:
        raise DeviceError(
            f"{where}: a tangent is on its tensor's device: this one is on {tangent.device}, the tensor on {primal.device}. Use `.to({str(primal.device)!r})`."
        )
    if tangent.dtype.kind == "c" and primal.dtype.kind != "c":
        raise DTypeError(f"{where}: the tangent is {tangent.dtype} and its tensor {primal.dtype}; a real tensor has a real tangent. Take `.real` first.")
    return tangent if tangent.dtype == primal.dtype else astype(tangent, primal.dtype)


def unpack_dual(tensor: Tensor, *, level: int | None = None) -> UnpackedDualTensor:
    """The value and the tangent of a tensor; None for the tangent if it has none, or outside of a level."""
    if not isinstance(tensor, Tensor):
        raise TypeError(f"unpack_dual(): expected a Tensor, not {type(tensor).__name__}")
    if _local.level is None:
        return UnpackedDualTensor(tensor, None)
    primal, tangent = parts_at(tensor, _local.level)
    return UnpackedDualTensor(tensor, None) if tangent is None else UnpackedDualTensor(own(primal), tangent)
