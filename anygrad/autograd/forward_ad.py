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

from .._dual import Level, checked_tangent, dual, own, parts_at
from .._tensor import Tensor

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
    _local.level = Level().__enter__()
    return 0


def exit_dual_level(*, level: int | None = None) -> None:
    """End the level: what has tangents of it has none any more."""
    if _local.level is None or level not in (None, 0):
        raise RuntimeError("exit_dual_level(): there is no such level. Write `with forward_ad.dual_level():`.")
    _local.level.__exit__()
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
    ValueError
        If either is neither floating nor complex.
    ShapeError, DTypeError, DeviceError
        If the tangent does not fit.
    """
    if _local.level is None:
        raise RuntimeError(
            "make_dual(): Trying to create a dual Tensor for forward AD but no level exists, make sure to enter_dual_level() first. Write `with forward_ad.dual_level():`."
        )
    tangent = checked_tangent(tangent, tensor, "make_dual()")
    if parts_at(tensor, _local.level)[1] is not None:
        raise RuntimeError("make_dual(): this tensor has a tangent already (it already has a forward gradient at the same level). Use unpack_dual first.")
    return dual(_local.level, own(tensor), tangent)


def unpack_dual(tensor: Tensor, *, level: int | None = None) -> UnpackedDualTensor:
    """The value and the tangent of a tensor; None for the tangent if it has none, or outside of a level."""
    if not isinstance(tensor, Tensor):
        raise TypeError(f"unpack_dual(): expected a Tensor, not {type(tensor).__name__}")
    if _local.level is None:
        return UnpackedDualTensor(tensor, None)
    primal, tangent = parts_at(tensor, _local.level)
    return UnpackedDualTensor(tensor, None) if tangent is None else UnpackedDualTensor(own(primal), tangent)
