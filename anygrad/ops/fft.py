"""The standard's extension `fft`: `anygrad.fft`, and `xp.fft` for rules.

Lengths are cut or filled with zeros first, so that the primitives transform whole axes. They are
linear: the gradient of one is another, with the normalisation turned round.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._errors import AxisError, DTypeError, ShapeError
from .._primitive import linear as primitive
from .._scalars import default_complex, get_default_dtype
from .._tensor import Tensor
from .._tree import as_tuple
from ._axes import as_tensor, axes_of, axis_of, integer, integers, real_number
from ._rules import cut
from .creation import arange, zeros
from .data_types import astype
from .elementwise import conj
from .manipulation import concat, roll

_TURNED = {"backward": "forward", "forward": "backward", "ortho": "ortho"}


@primitive("FftC2C", x=lambda g, axes, norm, xp: xp.fft.ifftn(g, axes=axes, norm=_TURNED[norm]))
def _fftn(xp: Any, x: Any, *, axes: Any, norm: Any) -> Any:
    return xp.fft.fftn(x, axes=axes, norm=norm)


@primitive("FftC2C", x=lambda g, axes, norm, xp: xp.fft.fftn(g, axes=axes, norm=_TURNED[norm]))
def _ifftn(xp: Any, x: Any, *, axes: Any, norm: Any) -> Any:
    return xp.fft.ifftn(x, axes=axes, norm=norm)


def _middle(x: Any, factor: float, n: int, axis: int, xp: Any) -> Any:
    """Half a spectrum, with the elements multiplied that stand for two of the whole one of n."""
    stop = (n + 1) // 2
    return xp.concat([cut(x, axis, 0, 1), cut(x, axis, 1, stop) * factor, cut(x, axis, max(stop, 1), None)], axis=axis)


@primitive(
    "FftR2C", x=lambda g, x_shape, axis, norm, xp: xp.fft.irfft(_middle(g, 0.5, x_shape[axis], axis, xp), n=x_shape[axis], axis=axis, norm=_TURNED[norm])
)
def _rfft(xp: Any, x: Any, *, axis: Any, norm: Any) -> Any:
    return xp.fft.rfft(x, axis=axis, norm=norm)


@primitive("FftC2R", x=lambda g, n, axis, norm, xp: _middle(xp.fft.rfft(g, axis=axis, norm=_TURNED[norm]), 2.0, n, axis, xp))
def _irfft(xp: Any, x: Any, *, n: Any, axis: Any, norm: Any) -> Any:
    return xp.fft.irfft(x, n=n, axis=axis, norm=norm)


# ---------------------------------------------------------------------------
# arguments
# ---------------------------------------------------------------------------


def _complex(x: Any) -> Tensor:
    """An argument as a complex Tensor; the gradient of a real one is real."""
    x = as_tensor(x)
    return x if x.dtype.kind == "c" else astype(x, np.result_type(x.dtype, np.complex64) if x.dtype.kind == "f" else default_complex())


def _real(name: str, x: Any) -> Tensor:
    x = as_tensor(x)
    if x.dtype.kind == "c":
        raise DTypeError(f"{name}: x must be real, not {x.dtype}. Use {name.replace('r', '')}, or take the real part.")
    return x if x.dtype.kind == "f" else astype(x, get_default_dtype())


def _norm(name: str, norm: Any) -> str:
    if norm is not None and norm not in _TURNED:
        raise ValueError(f"{name}: norm must be 'backward', 'ortho' or 'forward', not {norm!r}")
    return norm or "backward"


def _resized(name: str, x: Tensor, n: int | None, axis: int) -> Tensor:
    """x cut to n elements along an axis, or filled with zeros."""
    size = x.shape[axis]
    n = size if n is None else integer(name, "n", n)
    if n < 1:
        raise ShapeError(f"{name}: cannot transform {n} elements (axis {axis}, x of shape {x.shape})")
    if n <= size:
        return cut(x, axis, 0, n) if n < size else x
    return concat([x, zeros((*x.shape[:axis], n - size, *x.shape[axis + 1 :]), dtype=x.dtype, device=x.device)], axis=axis)


def _grid(name: str, x: Tensor, s: Any, axes: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Axes and lengths of a transform over several axes."""
    s = None if s is None else tuple(None if n is None else integer(name, "s", n) for n in as_tuple(s))
    if axes is None and s is not None:
        axes = tuple(range(x.ndim - len(s), x.ndim))
    axes = axes_of(name, None if axes is None else integers(name, "axes", axes), x.ndim)
    if s is not None and len(s) != len(axes):
        raise ShapeError(f"{name}: {len(s)} lengths for {len(axes)} axes")
    return axes, tuple(x.shape[a] if n is None or n == -1 else n for a, n in zip(axes, s or (None,) * len(axes), strict=True))


def _over(name: str, function: Any, x: Tensor, s: Any, axes: Any, norm: Any) -> Tensor:
    x = _complex(x)
    axes, sizes = _grid(name, x, s, axes)
    for axis, n in zip(axes, sizes, strict=True):
        x = _resized(name, x, n, axis)
    return function(x, axes=axes, norm=_norm(name, norm)) if axes else +x


# ---------------------------------------------------------------------------
# the functions of the standard
# ---------------------------------------------------------------------------


def fft(x: Tensor, /, *, n: int | None = None, axis: int = -1, norm: Any = "backward") -> Tensor:
    """The discrete Fourier transform along an axis, of n elements."""
    return _over("fft", _fftn, x, None if n is None else (n,), (axis,), norm)


def ifft(x: Tensor, /, *, n: int | None = None, axis: int = -1, norm: Any = "backward") -> Tensor:
    """The inverse of `fft`."""
    return _over("ifft", _ifftn, x, None if n is None else (n,), (axis,), norm)


def fftn(x: Tensor, /, *, s: Any = None, axes: Any = None, norm: Any = "backward") -> Tensor:
    """The discrete Fourier transform over several axes, or over all."""
    return _over("fftn", _fftn, x, s, axes, norm)


def ifftn(x: Tensor, /, *, s: Any = None, axes: Any = None, norm: Any = "backward") -> Tensor:
    """The inverse of `fftn`."""
    return _over("ifftn", _ifftn, x, s, axes, norm)


def rfft(x: Tensor, /, *, n: int | None = None, axis: int = -1, norm: Any = "backward") -> Tensor:
    """The Fourier transform of real x: the n // 2 + 1 elements that are not conjugates of others."""
    x = _real("rfft", x)
    axis = axis_of("rfft", axis, x.ndim)
    return _rfft(_resized("rfft", x, n, axis), axis=axis, norm=_norm("rfft", norm))


def irfft(x: Tensor, /, *, n: int | None = None, axis: int = -1, norm: Any = "backward") -> Tensor:
    """The inverse of `rfft`: n real elements, by default an even number."""
    x = _complex(x)
    axis = axis_of("irfft", axis, x.ndim)
    n = 2 * (x.shape[axis] - 1) if n is None else integer("irfft", "n", n)
    if n < 1:
        raise ShapeError(f"irfft: cannot make {n} elements (axis {axis}, x of shape {x.shape}); give n")
    return _irfft(_resized("irfft", x, n // 2 + 1, axis), n=n, axis=axis, norm=_norm("irfft", norm))


def rfftn(x: Tensor, /, *, s: Any = None, axes: Any = None, norm: Any = "backward") -> Tensor:
    """`rfft` along the last of the axes, then `fft` along the others."""
    x = _real("rfftn", x)
    axes, sizes = _grid("rfftn", x, s, axes)
    if not axes:
        raise AxisError("rfftn: needs at least one axis")
    x = rfft(x, n=sizes[-1], axis=axes[-1], norm=norm)
    return _over("rfftn", _fftn, x, sizes[:-1], axes[:-1], norm)


def irfftn(x: Tensor, /, *, s: Any = None, axes: Any = None, norm: Any = "backward") -> Tensor:
    """The inverse of `rfftn`."""
    x = _complex(x)
    axes, sizes = _grid("irfftn", x, s, axes)
    if not axes:
        raise AxisError("irfftn: needs at least one axis")
    x = _over("irfftn", _ifftn, x, sizes[:-1], axes[:-1], norm)
    return irfft(x, n=None if s is None or s[-1] in (None, -1) else sizes[-1], axis=axes[-1], norm=norm)


def hfft(x: Tensor, /, *, n: int | None = None, axis: int = -1, norm: Any = "backward") -> Tensor:
    """The Fourier transform of x with x[-i] = conj(x[i]), of which half is given: n real elements."""
    return irfft(conj(_complex(x)), n=n, axis=axis, norm=_TURNED[_norm("hfft", norm)])


def ihfft(x: Tensor, /, *, n: int | None = None, axis: int = -1, norm: Any = "backward") -> Tensor:
    """The inverse of `hfft`."""
    return conj(rfft(_real("ihfft", x), n=n, axis=axis, norm=_TURNED[_norm("ihfft", norm)]))


def _samples(name: str, n: Any, d: Any) -> int:
    n = integer(name, "n", n)
    if n < 1:
        raise ShapeError(f"{name}: n must be positive, got {n}")
    if real_number(name, "d", d) == 0:
        raise ValueError(f"{name}: the distance d cannot be 0")
    return n


def fftfreq(n: int, /, *, d: float = 1.0, dtype: Any = None, device: Any = None) -> Tensor:
    """The frequencies that `fft` gives, for n samples at distance d."""
    n = _samples("fftfreq", n, d)
    positive = arange((n + 1) // 2, dtype=dtype or get_default_dtype(), device=device)
    negative = arange(-(n // 2), 0, dtype=positive.dtype, device=device)
    return concat([positive, negative]) / (n * d)


def rfftfreq(n: int, /, *, d: float = 1.0, dtype: Any = None, device: Any = None) -> Tensor:
    """The frequencies that `rfft` gives, for n samples at distance d."""
    n = _samples("rfftfreq", n, d)
    return arange(n // 2 + 1, dtype=dtype or get_default_dtype(), device=device) / (n * d)


def fftshift(x: Tensor, /, *, axes: Any = None) -> Tensor:
    """Frequency 0 moved to the middle."""
    x = as_tensor(x)
    axes = axes_of("fftshift", axes, x.ndim)
    return roll(x, tuple(x.shape[a] // 2 for a in axes), axis=axes)


def ifftshift(x: Tensor, /, *, axes: Any = None) -> Tensor:
    """The inverse of `fftshift`."""
    x = as_tensor(x)
    axes = axes_of("ifftshift", axes, x.ndim)
    return roll(x, tuple(-(x.shape[a] // 2) for a in axes), axis=axes)


__all__ = ["fft", "fftfreq", "fftn", "fftshift", "hfft", "ifft", "ifftn", "ifftshift", "ihfft", "irfft", "irfftn", "rfft", "rfftfreq", "rfftn"]
