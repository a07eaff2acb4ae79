"""Writing in place: `x += y`, `x[key] = v`, `zero_`, `copy_`, ...

A write is recorded like the operation that it amounts to. `write` does what they have in
common: refuse what cannot be, record, set aside old values that graphs still need, write,
count a version, and give views and their base their new histories.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _alias, _modes, _upper
from .._backends import device_of, is_array, namespace
from .._dtypes import as_dtype, is_inexact
from .._errors import DeviceError, DTypeError, ShapeError
from .._graph import Node
from .._messages import translate, unfit
from .._operands import in_dtype, unwrap
from .._primitive import Primitive, PrimitiveFunction
from .._primitive import linear as primitive
from .._recording import as_numpy_does, finish, left_open, record
from .._scalars import NUMBERS
from .._tensor import Tensor, wrap
from .._transform import innermost
from . import elementwise, logic
from .creation import asarray
from .devices import is_pinned
from .indexing import Key, basic_key
from .linear_algebra import matmul

Steps = tuple[Callable[[Any], Any], ...]


# ---------------------------------------------------------------------------
# what writes amount to
# ---------------------------------------------------------------------------


@primitive("CopySlices", x=lambda g, key, xp: xp.zero_at(g, key), value=lambda g, key: g[key])
def _setitem(xp: Any, x: Any, value: Any, key: Any) -> Any:
    """x with the value at `key`."""
    out = xp.copy(x)
    out[key] = value
    return out


@primitive("Copy", x=lambda g, xp: xp.zeros_like(g), value=lambda g: g)
def _copied(xp: Any, x: Any, value: Any) -> Any:
    """The value in place of x."""
    return xp.copy(xp.broadcast_to(xp.astype(value, x.dtype), x.shape))


@primitive("CopySlices", base=lambda g, steps, xp: _zero_view(g, steps, xp), part=lambda g, steps: _follow(g, steps))
def _set_view(xp: Any, base: Any, part: Any, *, steps: Steps) -> Any:
    """The base with another value in one of its views."""
    out = xp.copy(base)
    _follow(out, steps)[...] = part
    return out


@primitive("ZeroView", base=lambda g, steps, xp: _zero_view(g, steps, xp))
def _zeroed_view(xp: Any, base: Any, *, steps: Steps) -> Any:
    return _zero_view(base, steps, xp)


def _follow(x: Any, steps: Steps) -> Any:
    for step in steps:
        x = step(x)
    return x


def _zero_view(g: Any, steps: Steps, xp: Any) -> Any:
    """A copy of g with zeros where the view looks."""
    if isinstance(g, Tensor):
        return _zeroed_view(g, steps=steps)
    # The places that the view shows, whatever its layout: those of a numbered base.
    numbers = xp.reshape(xp.arange(math.prod(g.shape), dtype=xp.int64, device=xp.device_of(g)), g.shape)
    shown = xp.reshape(_follow(numbers, steps), (-1,))
    flat = xp.reshape(xp.copy(g), (-1,))
    return xp.reshape(xp.zero_at(flat, shown), g.shape)


# ---------------------------------------------------------------------------
# the write itself
# ---------------------------------------------------------------------------


def write(x: Tensor, made: Primitive, others: tuple[Any, ...], raw_write: Callable[..., Any]) -> Tensor:
    """Write to `x` what the primitive `made(x, *others)` gives.

    Parameters
    ----------
    x : Tensor
    made : Primitive
        What the write amounts to; its first input is x.
    others : tuple
        Its other inputs.
    raw_write : function
        `raw_write(x, *others)` does it to the raw arrays.
    """
    if (inner := innermost((x, *others))) is not None:
        return inner.write(x, made, others, raw_write)
    raws, nodes, xp = unwrap(made, (x, *others))
    if raws[0] is not x._data:  # computed in another dtype
        raise DTypeError(
            f"{made.name}: a result of dtype {as_dtype(raws[0].dtype)} cannot be written into a tensor of dtype {x.dtype}. Use `x = x.astype(...)` first."
        )
    if x.is_inference() and not _modes.local.inference:
        raise RuntimeError(f"{made.name}: an inference tensor cannot be written to outside inference_mode. Use `.clone()` for a normal one.")
    live = _modes.local.grad_enabled and any(n is not None for n in nodes)
    if live or (_modes.local.grad_enabled and x._node is not None):
        _refuse(x, made.name)
    node = record(made, (x, *others), raws, nodes, {}) if live and is_inexact(raws[0]) else None
    for raw in raws[1:]:
        if type(raw) is int and x.dtype.kind in "iu" and not np.iinfo(x.dtype).min <= raw <= np.iinfo(x.dtype).max:
            raise OverflowError(f"{made.name}: {unfit(raw, x.dtype)}.")
        if is_array(raw) and as_dtype(raw.dtype).kind == "c" and as_dtype(raws[0].dtype).kind != "c":
            raise DTypeError(f"{made.name}: complex values cannot be written into a tensor of dtype {x.dtype}. Take `.real` first.")
    if not xp.writes_in_place:
        _rebind(x, made, raws, xp)
    else:
        try:
            _alias.preserve(x)
            with xp.device_guard(raws[0]):
                raw_write(*raws)
        except Exception as error:
            if not left_open(error, xp):
                raise translate(error, f"{made.name} in place", made.inputs, raws, {}) from error
            result = as_numpy_does(made, raws, xp, {})
            _check_kind(made.name, as_dtype(result.dtype), x.dtype)
            raws[0][...] = xp.astype(result, raws[0].dtype, copy=False)
    _alias.count_write(x)
    if node is not None:
        adopt(x, finish(node, x))
    return x


def _refuse(x: Tensor, name: str) -> None:
    """Writes that would leave a leaf, or a view that cannot be written through, without a history."""
    alias = x._alias
    base = None if alias is None else alias.base
    if x.requires_grad and x.is_leaf or base is not None and base.requires_grad and base.is_leaf:
        what = "a leaf that requires grad" if base is None else "a view of a leaf that requires grad"
        raise RuntimeError(
            f"{name}: in-place operation: {what} cannot be written in place while it is being recorded. Parameter update: "
            "`with anygrad.no_grad(): w -= lr * w.grad`. Otherwise `w = w - ...`, which makes a new, non-leaf tensor."
        )
    if alias is not None and alias.fixed:
        raise RuntimeError(f"{name}: this view cannot be modified inplace on the record, since {alias.fixed}. Write to its base, or to a `.clone()`.")


def _rebind(x: Tensor, made: Primitive, raws: list[Any], xp: Any) -> None:
    """For libraries whose arrays cannot be written: the tensor takes a new array."""
    alias = x._alias
    if alias is not None and sum(1 for _ in alias.storage.tensors()) > 1:
        raise TypeError(f"{made.name}: {xp.name} arrays cannot be written in place, and this tensor shares its memory with others. Write `x = x + ...`.")
    x._data = xp.astype(made.forward(xp, *raws), raws[0].dtype, copy=False)
    x._cell = None


def adopt(x: Tensor, node: Node) -> None:
    """Make `node` the history of x; of its base and, when they are next read, of its other views."""
    alias = _alias.alias_of(x)
    _alias.keep_retaining(x, node)
    x._node = node
    base = alias.base
    if base is None:
        _alias.mark_stale(x)
        return
    set_view = _set_view.primitive
    parts, steps = (base, x), {"steps": alias.steps}
    base_node = finish(record(set_view, parts, [base._data, x._data], [base._node, node], steps), base)
    _alias.keep_retaining(base, base_node)
    base._node = base_node
    _alias.mark_stale(x)
    x.__class__ = x._stale  # a view of the new base, to be made when it is read


# ---------------------------------------------------------------------------
# x += y and its like
# ---------------------------------------------------------------------------


def _binary(made: PrimitiveFunction, raw: Callable[[Any, Any], Any]) -> Callable[[Tensor, Any], Tensor]:
    def assign(x: Any, y: Any) -> None:
        raw(x, y)

    def method(x: Tensor, other: Any) -> Tensor:
        if type(x) is Tensor and type(other) is Tensor and not _modes.unusual and _written_unrecorded(made.primitive, x, other, raw):
            return x
        if (isinstance(other, Tensor) or is_array(other)) and as_dtype(other.dtype) != x.dtype:
            _check_kind(made.primitive.name, as_dtype(other.dtype), x.dtype)
            other = in_dtype(other, x.dtype)
        return write(x, made.primitive, (other,), assign)

    return method


def _written_unrecorded(made: Primitive, x: Tensor, other: Tensor, raw: Callable[[Any, Any], Any]) -> bool:
    """What `write` does for two tensors of one kind where nothing is recorded, as in the update of a parameter; False, and nothing done, elsewhere."""
    a, b = x._data, other._data
    if type(a) is not type(b) or a.dtype is not b.dtype or not namespace(a).writes_in_place or x.is_inference():
        return False
    if _modes.local.grad_enabled and not (x._node is None and other._node is None):
        return False
    try:
        _alias.preserve(x)
        raw(a, b)
    except (TypeError, ValueError):
        return False  # and nothing is written: `write` says why
    except Exception as error:
        raise translate(error, f"{made.name} in place", made.inputs, (a, b), {}) from error
    _alias.count_write(x)
    return True


def _set_unrecorded(x: Tensor, key: Any, value: Any) -> bool:
    """What `setitem` does with a number, or a tensor of x's dtype, at a plain key, where nothing is tracked; False, and nothing done, elsewhere."""
    a, basic = x._data, basic_key(key)
    xp = namespace(a)
    if basic is None or not (xp.like_numpy and xp.writes_in_place) or x.is_inference():
        return False
    if type(value) is Tensor:
        value = value._data
        fits = type(value) is type(a) and value.dtype is a.dtype
    else:
        fits = type(value) in (float, int) and a.dtype.kind == "f" and not _is_negative_zero(value) or type(value) is int and a.dtype.kind == "i"
    if not fits:
        return False
    try:
        _alias.preserve(x)
        a[basic] = value
    except (TypeError, ValueError, IndexError, OverflowError):
        return False  # and nothing is written: `write` says why
    except Exception as error:
        raise translate(error, "setitem in place", _setitem.primitive.inputs, (a, value), {}) from error
    _alias.count_write(x)
    return True


def _check_kind(name: str, source: np.dtype, target: np.dtype) -> None:
    """Raise for a result of a kind that the target cannot hold, as NumPy's same-kind casting does."""
    if not np.can_cast(source, target, "same_kind") and not (source.kind == "i" and target.kind == "u"):
        raise DTypeError(f"{name}: a result of dtype {source} cannot be written into a tensor of dtype {target}. Use `x = x.astype(...)` first.")


def _imod(x: Any, y: Any) -> None:
    x[...] = namespace(x).remainder(x, y)  # CuPy's own operators are not exact


def _ifloordiv(x: Any, y: Any) -> None:
    x[...] = namespace(x).floor_divide(x, y)


add_ = _binary(elementwise.add, operator.iadd)
sub_ = _binary(elementwise.subtract, operator.isub)
mul_ = _binary(elementwise.multiply, operator.imul)
div_ = _binary(elementwise.divide, operator.itruediv)
remainder_ = _binary(elementwise.remainder, _imod)
floor_divide_ = _binary(elementwise.floor_divide, _ifloordiv)
bitwise_and_ = _binary(logic.bitwise_and, operator.iand)
bitwise_or_ = _binary(logic.bitwise_or, operator.ior)
bitwise_xor_ = _binary(logic.bitwise_xor, operator.ixor)
bitwise_left_shift_ = _binary(logic.bitwise_left_shift, operator.ilshift)
bitwise_right_shift_ = _binary(logic.bitwise_right_shift, operator.irshift)


def pow_(x: Tensor, exponent: Any) -> Tensor:
    """x **= exponent."""
    return _assigned("pow", x, elementwise.pow(x, exponent))


def matmul_(x: Tensor, other: Any) -> Tensor:
    """x @= other."""
    return _assigned("matmul", x, matmul(x, other))


def _assigned(name: str, x: Tensor, result: Tensor) -> Tensor:
    """A result of the same kind and shape, written over x."""
    _check_kind(name, result.dtype, x.dtype)
    if result.shape != x.shape:
        raise ShapeError(f"{name}: a result of shape {result.shape} cannot be written into a tensor of shape {x.shape}")
    return copy_(x, result)


def copy_(x: Tensor, source: Any, non_blocking: bool = False) -> Tensor:
    """Write `source` over x, broadcast and cast. With `non_blocking`, the host does not wait for a copy from pinned memory or to it."""
    if isinstance(source, Tensor) and source.device != x.device:
        if non_blocking and _arrives_later(x, source):
            return x
        source = source.to(x.device, non_blocking=non_blocking and x.is_cuda)
    elif is_array(source) and device_of(source) != x.device:
        raise DeviceError(f"copy_: the array is on {device_of(source)}, the tensor on {x.device}. Write anygrad.asarray(array).to({str(x.device)!r}).")

    source = _number_for("copy_", source, x.dtype)

    def assign(target: Any, value: Any) -> None:
        target[...] = namespace(target).astype(value, target.dtype, copy=False) if is_array(value) else _number_in(target, value)

    return write(x, _copied.primitive, (source,), assign)


def _arrives_later(x: Tensor, source: Tensor) -> bool:
    """Copy from a device straight into pinned memory, where that can be done and nothing is to be recorded; whether it was."""
    recorded = _modes.local.grad_enabled and (x.requires_grad or source.requires_grad) or innermost((x, source)) is not None
    fits = source.is_cuda and (source.shape, source.dtype) == (x.shape, x.dtype) and is_pinned(x) and x._data.flags.c_contiguous
    if recorded or not fits or x.is_inference():
        return False
    _alias.preserve(x)
    namespace(source._data).to_host(source._data, out=x._data, non_blocking=True)
    _alias.count_write(x)
    return True


def _number_for(name: str, value: Any, dtype: np.dtype) -> Any:
    """A number to be written, of the target's kind: integers take the whole part, booleans whether it is not 0."""
    if not isinstance(value, NUMBERS) or isinstance(value, (complex, np.generic)):
        return value
    if dtype.kind in "iu" and isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{name}: {value} cannot be written into a tensor of dtype {dtype}")
        return int(value)
    return bool(value) if dtype.kind == "b" else value


def _number_in(target: Any, value: Any) -> Any:
    """A number to put into an array: an array if it is -0.0, of which CuPy would make 0.0."""
    return namespace(target).number(value, as_dtype(target.dtype), target) if _is_negative_zero(value) else value


def _is_negative_zero(value: Any) -> bool:
    return not value and type(value) is float and math.copysign(1, value) < 0


def fill_(x: Tensor, value: Any) -> Tensor:
    """Write one number everywhere."""
    if shape := tuple(getattr(value, "shape", ())):
        raise ShapeError(f"fill_ takes one number (0 dimensions), not shape {shape}. Use `copy_`, which broadcasts.")
    return copy_(x, value)


def zero_(x: Tensor) -> Tensor:
    """Write zeros."""
    return copy_(x, 0)


def setitem(x: Tensor, key: Any, value: Any) -> None:
    """`x[key] = value`, with broadcasting; the value may be tracked, and then x is."""
    untracked = type(x) is Tensor and x._node is None and (type(value) is not Tensor or value._node is None)
    if untracked and not _modes.unusual and _set_unrecorded(x, key, value):
        return
    if isinstance(value, (list, tuple)) or not (isinstance(value, (Tensor, *NUMBERS)) or is_array(value)):
        value = asarray(value, dtype=x.dtype, device=x.device)
    value = _number_for("setitem", value, x.dtype)

    def assign(target: Any, raw_value: Any, raw_key: Any) -> None:
        target[raw_key] = namespace(target).astype(raw_value, target.dtype, copy=False) if is_array(raw_value) else _number_in(target, raw_value)

    write(x, _setitem.primitive, (value, Key(key, x._data, x.shape)), assign)


def _add_raw(tensor: Tensor, raw: Any) -> None:
    """Accumulation into `.grad`: no graph, but old values that one saved are kept."""
    if tensor._alias is None and tensor._cell is None and namespace(raw).writes_in_place:
        data = tensor._data
        data += raw
        return
    with _modes.no_grad():
        add_(tensor, wrap(raw))


_upper.add_in_place = _add_raw
