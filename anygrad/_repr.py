"""How a Tensor prints: PyTorch's format, which its users read without thinking."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ._scalars import default_complex, get_default_dtype
from ._tensor import Tensor


class PrintOptions(NamedTuple):
    """What `set_printoptions` sets."""

    precision: int = 4
    threshold: int = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


options = PrintOptions()
_PROFILES = {
    "default": PrintOptions(),
    "short": PrintOptions(precision=2, threshold=1000, edgeitems=2),
    "full": PrintOptions(threshold=2**62),
}


def set_printoptions(
    precision: int | None = None,
    threshold: int | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Set how tensors print.

    Parameters
    ----------
    precision : int
        Digits after the point (4).
    threshold : int
        Number of elements above which the middle is left out (1000).
    edgeitems : int
        How many are shown at each end then (3).
    linewidth : int
        Characters in a line (80).
    profile : {"default", "short", "full"}
        Several of these at once.
    sci_mode : bool, optional
        Scientific notation always or never; None decides by the values.
    """
    global options
    given: dict[str, Any] = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    given = {name: value for name, value in given.items() if value is not None}
    options = (options if profile is None else _PROFILES[profile])._replace(**given, sci_mode=sci_mode)


class _Formatter:
    """One format for all numbers of a tensor, of one width."""

    def __init__(self, values: np.ndarray) -> None:
        self.floating = values.dtype.kind in "fV"
        self.integral = True  # floats that are all whole: "2."
        self.scientific = False
        self.width = 1
        flat = values.reshape(-1)
        if not self.floating:
            self.width = max((len(self._plain(v)) for v in flat.tolist()), default=1)
            return
        with np.errstate(all="ignore"):
            numbers = flat.astype(np.float64)
            finite = numbers[np.isfinite(numbers) & (numbers != 0)]
            if finite.size:
                largest, smallest = float(np.abs(finite).max()), float(np.abs(finite).min())
                self.integral = bool((finite == np.ceil(finite)).all())
                if self.integral:
                    self.scientific = largest / smallest > 1000.0 or largest > 1.0e8
                else:
                    self.scientific = largest / smallest > 1000.0 or largest > 1.0e8 or smallest < 1.0e-4
        if options.sci_mode is not None:
            self.scientific = options.sci_mode
        self.width = max((len(self._plain(v)) for v in finite.tolist()), default=1)

    def _plain(self, value: Any) -> str:
        if not self.floating:
            return str(value)
        if self.scientific:
            return f"{value:.{options.precision}e}"
        if self.integral:
            text = f"{value:.0f}"
            return text if not math.isfinite(value) else text + "."
        return f"{value:.{options.precision}f}"

    def __call__(self, value: Any) -> str:
        return self._plain(value).rjust(self.width)


def _summary(array: np.ndarray) -> np.ndarray:
    """The elements that are shown when the middle is left out."""
    e = options.edgeitems
    for axis in range(array.ndim):
        if array.shape[axis] > 2 * e:
            array = np.concatenate([np.take(array, range(e), axis), np.take(array, range(-e, 0), axis)], axis)
    return array


def _scalar(value: Any, formatters: tuple[_Formatter, ...]) -> str:
    if len(formatters) == 1:
        return formatters[0](value)
    imag = formatters[1](value.imag).lstrip()
    return formatters[0](value.real) + (imag if imag[0] in "+-" else "+" + imag) + "j"


def _row(array: np.ndarray, indent: int, formatters: tuple[_Formatter, ...], summarize: bool) -> str:
    width = sum(f.width for f in formatters) + len(formatters) - 1
    per_line = max(1, (options.linewidth - indent) // (width + 2))
    e = options.edgeitems
    values = array.tolist()
    if summarize and len(values) > 2 * e:
        items = [_scalar(v, formatters) for v in values[:e]] + [" ..."] + [_scalar(v, formatters) for v in values[-e:]]
    else:
        items = [_scalar(v, formatters) for v in values]
    lines = [", ".join(items[i : i + per_line]) for i in range(0, len(items), per_line)] or [""]
    return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"


def _nested(array: np.ndarray, indent: int, formatters: tuple[_Formatter, ...], summarize: bool) -> str:
    if array.ndim == 0:
        return _scalar(array.item(), formatters)
    if array.ndim == 1:
        return _row(array, indent, formatters, summarize)
    e = options.edgeitems
    if summarize and array.shape[0] > 2 * e:
        parts = (
            [_nested(a, indent + 1, formatters, summarize) for a in array[:e]] + ["..."] + [_nested(a, indent + 1, formatters, summarize) for a in array[-e:]]
        )
    else:
        parts = [_nested(a, indent + 1, formatters, summarize) for a in array]
    return "[" + ("," + "\n" * (array.ndim - 1) + " " * (indent + 1)).join(parts) + "]"


def _values(array: np.ndarray, indent: int) -> str:
    summarize = array.size > options.threshold
    shown = _summary(array) if summarize else array
    formatters = (_Formatter(shown.real), _Formatter(shown.imag)) if array.dtype.kind == "c" else (_Formatter(shown),)
    return _nested(array, indent, formatters, summarize)


def tensor_repr(tensor: Tensor) -> str:
    """`tensor([...])` with what is not the default: device, dtype, requires_grad or grad_fn."""
    from .ops.conversion import to_numpy

    array = to_numpy(tensor)
    prefix = f"{tensor._kind.__name__}(" if tensor._kind is not Tensor else "tensor("
    extras = []
    if tensor.device.type != "cpu":
        extras.append(f"device='{tensor.device}'")
    usual = (get_default_dtype(), default_complex(), np.dtype(np.int64), np.dtype(np.bool_))
    if array.size == 0:
        if tensor.ndim != 1:
            extras.append(f"size={tensor.shape}")
        if tensor.dtype != get_default_dtype():
            extras.append(f"dtype={_dtype_name(tensor)}")
        body = "[]"
    else:
        if tensor.dtype not in usual:
            extras.append(f"dtype={_dtype_name(tensor)}")
        body = _values(array, len(prefix))
    node = tensor.grad_fn
    if node is not None:
        extras.append(f"grad_fn=<{node.name()}>")
    elif tensor.requires_grad:
        extras.append("requires_grad=True")
    return _suffixed(prefix + body, extras, len(prefix))


def _dtype_name(tensor: Tensor) -> str:
    return f"anygrad.{tensor.dtype.name}"


def _suffixed(text: str, extras: list[str], indent: int) -> str:
    """The extras behind the values, on a new line where they do not fit."""
    last = len(text) - text.rfind("\n") + 1
    for extra in extras:
        if last + len(extra) + 2 > options.linewidth:
            text += ",\n" + " " * indent + extra
            last = indent + len(extra)
        else:
            text += ", " + extra
            last += len(extra) + 2
    return text + ")"
