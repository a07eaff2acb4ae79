"""Mistakes: one clear error each, of the right class, that names the function and the argument,
and leaves every `.grad` and every graph as it was."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from cupy_stand_in import installed

import anygrad as ag
from anygrad import AxisError, DeviceError, DTypeError, LinAlgError, ShapeError, Tensor

Make = Callable[..., Tensor]

# name: (call of x, y = x * x and of a maker of tensors; error class; patterns, separated by |, all of which the message has)
MISTAKES: dict[str, tuple[Callable[[Tensor, Tensor, Make], Any], type[Exception], str]] = {}


def mistake(name: str, error: type[Exception], words: str, call: Callable[[Tensor, Tensor, Make], Any]) -> None:
    assert name not in MISTAKES
    MISTAKES[name] = (call, error, words)


# requires_grad
mistake("tensor of integers", DTypeError, "requires? grad|floating|int64", lambda x, y, make: ag.tensor([1, 2], requires_grad=True))
mistake("requires_grad_ of integers", DTypeError, "floating|int64", lambda x, y, make: make([1, 2]).requires_grad_())
mistake("requires_grad_ of booleans", DTypeError, "floating|bool", lambda x, y, make: make([True]).requires_grad_())
mistake("ones of integers", DTypeError, "floating|int32", lambda x, y, make: ag.ones(2, dtype="int32", requires_grad=True))
mistake("requires_grad is no bool", TypeError, "requires_grad|str", lambda x, y, make: ag.ones(2, requires_grad="yes"))
mistake("asarray of integers", DTypeError, "floating|int64", lambda x, y, make: ag.asarray(np.arange(3), requires_grad=True))

# the gradient argument
mistake("gradient of another shape", ShapeError, r"backward|\(3, 2\)|\(2, 3\)", lambda x, y, make: y.backward(make(np.ones((3, 2)))))
mistake("gradient that would broadcast", ShapeError, r"backward|\(3,\)|\(2, 3\)", lambda x, y, make: y.backward(make(np.ones(3))))
mistake("complex gradient", DTypeError, "backward|complex128|float64", lambda x, y, make: y.backward(make(np.ones((2, 3), complex))))
mistake("no gradient", RuntimeError, r"backward|\(2, 3\)|sum", lambda x, y, make: y.backward())
mistake("gradient is a list", TypeError, "backward|gradient|list", lambda x, y, make: y.backward([1.0]))
mistake("gradient is a number", TypeError, "backward|gradient|float", lambda x, y, make: y.backward(1.0))
mistake("too many gradients", RuntimeError, "grad|1|2", lambda x, y, make: ag.autograd.grad([y], [x], [y.detach(), y.detach()]))
mistake("grad of another shape", ShapeError, r"grad|\(3,\)|\(2, 3\)", lambda x, y, make: ag.autograd.grad(y, x, make(np.ones(3))))
mistake(
    "one of two gradients is wrong",
    ShapeError,
    r"backward|\(3,\)|\(2, 3\)",
    lambda x, y, make: ag.autograd.backward([y, y * 2], [make(np.ones((2, 3))), make(np.ones(3))]),
)
mistake(
    "grad of what is not used",
    RuntimeError,
    "grad|input 0|allow_unused",
    lambda x, y, make: ag.autograd.grad(y, make(np.ones(2), requires_grad=True), make(np.ones((2, 3))), retain_graph=True),
)
mistake("grad of a constant", RuntimeError, "grad|requires_grad", lambda x, y, make: ag.autograd.grad(y, make(np.ones(2)), make(np.ones((2, 3)))))
mistake("grad of an array", TypeError, "grad|ndarray", lambda x, y, make: ag.autograd.grad([y], [np.ones(2)], [y.detach()]))
mistake("backward of a constant", RuntimeError, "backward|grad_fn", lambda x, y, make: make(np.ones(())).backward())
mistake("backward of nothing", RuntimeError, "backward", lambda x, y, make: ag.autograd.backward([]))
mistake("grad of another shape assigned", ShapeError, r"gradient|\(2,\)|\(2, 3\)", lambda x, y, make: setattr(x, "grad", make(np.ones(2))))
mistake("grad of another dtype assigned", DTypeError, "gradient|float32|float64", lambda x, y, make: setattr(x, "grad", make(np.ones((2, 3), np.float32))))
mistake("grad that is an array assigned", TypeError, "grad|ndarray", lambda x, y, make: setattr(x, "grad", np.ones((2, 3))))

# shapes
for _name in "add subtract multiply divide pow maximum minimum hypot atan2 logaddexp remainder floor_divide copysign equal less".split():
    mistake(f"{_name} of (2, 3) and (4,)", ShapeError, rf"{_name}|\(2, 3\)|\(4,\)|x1|x2", lambda x, y, make, name=_name: getattr(ag, name)(x, make(np.ones(4))))
mistake("+ of (2, 3) and (4,)", ShapeError, r"add|\(2, 3\)|\(4,\)|x1|x2", lambda x, y, make: x + make(np.ones(4)))
mistake("where", ShapeError, r"where|\(2, 3\)|\(4,\)|condition", lambda x, y, make: ag.where(make(np.ones(4, bool)), x, x))
mistake("broadcast_arrays", ShapeError, r"broadcast|\(2, 3\)|\(4,\)", lambda x, y, make: ag.broadcast_arrays(x, make(np.ones(4))))
mistake("matmul", ShapeError, r"matmul|\(2, 3\)", lambda x, y, make: ag.matmul(x, x))
mistake("matmul of batches", ShapeError, r"matmul|\(2, 2, 3\)|\(3, 3, 2\)", lambda x, y, make: ag.matmul(make(np.ones((2, 2, 3))), make(np.ones((3, 3, 2)))))
mistake("matmul of a number", ShapeError, r"matmul|\(\)", lambda x, y, make: x @ make(np.ones(())))
mistake("tensordot", ShapeError, r"tensordot|\(2, 3\)", lambda x, y, make: ag.tensordot(x, x, axes=1))
mistake("tensordot of too many axes", ShapeError, "tensordot|axes=3", lambda x, y, make: ag.tensordot(x, x, axes=3))
mistake("vecdot", ShapeError, "vecdot|3|4", lambda x, y, make: ag.vecdot(x, make(np.ones((2, 4)))))
mistake("reshape", ShapeError, r"reshape|6|\(4, 2\)", lambda x, y, make: ag.reshape(x, (4, 2)))
mistake("reshape with two unknowns", ShapeError, r"reshape|-1", lambda x, y, make: ag.reshape(x, (-1, -1)))
mistake("concat", ShapeError, r"concat|\(2, 3\)|\(2, 4\)", lambda x, y, make: ag.concat([x, make(np.ones((2, 4)))]))
mistake("concat of other ranks", ShapeError, r"concat|\(2, 3\)|\(3,\)", lambda x, y, make: ag.concat([x, make(np.ones(3))]))
mistake("concat of nothing", ShapeError, "concat", lambda x, y, make: ag.concat([]))
mistake("stack", ShapeError, r"stack|\(2, 3\)|\(3,\)", lambda x, y, make: ag.stack([x, make(np.ones(3))]))
mistake("squeeze of a large axis", ShapeError, r"squeeze|\(2, 3\)", lambda x, y, make: ag.squeeze(x, axis=0))
mistake("matrix_transpose of a vector", ShapeError, r"matrix_transpose|\(3,\)", lambda x, y, make: ag.matrix_transpose(make(np.ones(3))))
mistake("take_along_axis", ShapeError, r"take_along_axis|\(2,\)", lambda x, y, make: ag.take_along_axis(x, make([0, 1])))
mistake("repeat", ShapeError, "repeat|3", lambda x, y, make: ag.repeat(x, make([1, 2, 3]), axis=0))
mistake("roll", ShapeError, "roll", lambda x, y, make: ag.roll(x, (1, 2), axis=0))
mistake("zeros of a negative size", ShapeError, "zeros|negative|-1", lambda x, y, make: ag.zeros((2, -1)))
mistake("zeros of a float size", TypeError, "zeros|2.0", lambda x, y, make: ag.zeros(2.0))
mistake("max of nothing", ShapeError, r"max|\(0,\)", lambda x, y, make: ag.max(make(np.ones(0))))
mistake("argmax of nothing", ShapeError, r"argmax|\(0,\)", lambda x, y, make: ag.argmax(make(np.ones(0))))

# axes
for _name in "sum mean max min prod var std all any argmax argmin cumulative_sum cumulative_prod flip sort argsort unstack squeeze expand_dims count_nonzero diff".split():
    for _axis in (3, -4):
        mistake(
            f"{_name} axis={_axis}", AxisError, rf"{_name}|axis {_axis}|dimension", lambda x, y, make, name=_name, axis=_axis: getattr(ag, name)(x, axis=axis)
        )
    mistake(f"{_name} axis='0'", TypeError, rf"{_name}|axis|str", lambda x, y, make, name=_name: getattr(ag, name)(x, axis="0"))
    mistake(f"{_name} axis=0.0", TypeError, rf"{_name}|axis|float", lambda x, y, make, name=_name: getattr(ag, name)(x, axis=0.0))
for _name in "sum max prod flip var squeeze".split():
    mistake(f"{_name} axis twice", ShapeError, rf"{_name}|twice", lambda x, y, make, name=_name: getattr(ag, name)(x, axis=(0, -2)))
mistake("concat axis", AxisError, "concat|axis 2", lambda x, y, make: ag.concat([x, x], axis=2))
mistake("stack axis", AxisError, "stack|axis 3", lambda x, y, make: ag.stack([x, x], axis=3))
mistake("take axis", AxisError, "take|axis 2", lambda x, y, make: ag.take(x, make([0]), axis=2))
mistake("take_along_axis axis", AxisError, "take_along_axis|axis 2", lambda x, y, make: ag.take_along_axis(x, make([[0]]), axis=2))
mistake("repeat axis", AxisError, "repeat|axis 2", lambda x, y, make: ag.repeat(x, 2, axis=2))
mistake("roll axis", AxisError, "roll|axis 2", lambda x, y, make: ag.roll(x, 1, axis=2))
mistake("vecdot axis", AxisError, "vecdot|axis 2", lambda x, y, make: ag.vecdot(x, x, axis=2))
mistake("moveaxis", AxisError, "moveaxis|axis 2", lambda x, y, make: ag.moveaxis(x, 2, 0))
mistake("permute_dims with too few", ShapeError, "permute_dims|axes", lambda x, y, make: ag.permute_dims(x, (0,)))
mistake("permute_dims twice", ShapeError, "permute_dims|twice", lambda x, y, make: ag.permute_dims(x, (0, 0)))
mistake("cumulative_sum without axis", ValueError, "cumulative_sum|axis", lambda x, y, make: ag.cumulative_sum(x))
mistake("take without axis", ValueError, "take|axis", lambda x, y, make: ag.take(x, make([0])))

# devices
mistake("zeros on a device that is not there", DeviceError, "tpu", lambda x, y, make: ag.zeros(2, device="tpu"))
mistake("to a device that is not there", DeviceError, "tpu", lambda x, y, make: x.to("tpu:0"))
mistake("to a strict device that is not there", DeviceError, "array_api_strict|device7|device1", lambda x, y, make: x.to("array_api_strict:device7"))
mistake("tensor on a device that is not there", DeviceError, "nowhere", lambda x, y, make: ag.tensor([1.0], device="nowhere"))
mistake("a device that is not a name", DeviceError, "device|int", lambda x, y, make: ag.zeros(2, device=3))
mistake("a device that is no word", DeviceError, "what is this", lambda x, y, make: ag.device("what is this"))
mistake("set_default_device", DeviceError, "tpu", lambda x, y, make: ag.set_default_device("tpu"))

# data
for _name, _data in {"str": "abc", "None": None, "dict": {"a": 1}, "bytes": b"a"}.items():
    for _maker in ("tensor", "asarray"):
        mistake(
            f"{_maker} of {_name}",
            TypeError,
            f"{_maker}|data|{_name.replace('None', 'NoneType')}",
            lambda x, y, make, maker=_maker, data=_data: getattr(ag, maker)(data),
        )
for _maker in ("tensor", "asarray"):
    mistake(f"{_maker} of ragged lists", ShapeError, f"{_maker}|lists", lambda x, y, make, maker=_maker: getattr(ag, maker)([[1.0, 2.0], [3.0]]))
    mistake(f"{_maker} of strings", DTypeError, f"{_maker}|numbers", lambda x, y, make, maker=_maker: getattr(ag, maker)(["a", "b"]))
    mistake(f"{_maker} of None in a list", DTypeError, f"{_maker}|object", lambda x, y, make, maker=_maker: getattr(ag, maker)([1.0, None]))
    mistake(f"{_maker} of objects", DTypeError, f"{_maker}|object", lambda x, y, make, maker=_maker: getattr(ag, maker)(np.array([1.0, None])))
    mistake(f"{_maker} of an array of strings", DTypeError, f"{_maker}|<U1", lambda x, y, make, maker=_maker: getattr(ag, maker)(np.array(["a"])))
    mistake(
        f"{_maker} of dates",
        DTypeError,
        f"{_maker}|datetime64",
        lambda x, y, make, maker=_maker: getattr(ag, maker)(np.array(["2020-01-01"], dtype="datetime64[D]")),
    )
    mistake(f"{_maker} of complex as float", DTypeError, f"{_maker}|complex", lambda x, y, make, maker=_maker: getattr(ag, maker)([1j], dtype=ag.float64))
mistake("NaN in integers", ValueError, "tensor|NaN|int64", lambda x, y, make: ag.tensor([1.0, float("nan")], dtype=ag.int64))
mistake("infinity in integers", ValueError, "tensor|infinities|uint8", lambda x, y, make: ag.tensor(float("inf"), dtype=ag.uint8))
mistake("from_numpy of objects", DTypeError, "from_numpy|object", lambda x, y, make: ag.from_numpy(np.array([None])))
mistake("from_numpy of a list", TypeError, "from_numpy|list", lambda x, y, make: ag.from_numpy([1.0]))
mistake("full of a string", TypeError, "full|str", lambda x, y, make: ag.full((2,), "a"))

# dtypes
mistake("zeros of a dtype that is not one", DTypeError, "banana", lambda x, y, make: ag.zeros(2, dtype="banana"))
mistake("astype to what is no dtype", DTypeError, "banana", lambda x, y, make: ag.astype(x, "banana"))
mistake("astype to None", DTypeError, "None", lambda x, y, make: ag.astype(x, None))
mistake("default dtype of integers", DTypeError, "default dtype|int64", lambda x, y, make: ag.set_default_dtype(ag.int64))
mistake("mean of integers", DTypeError, "mean|int64", lambda x, y, make: ag.mean(make([1, 2])))
mistake("var of integers", DTypeError, "var|int64", lambda x, y, make: ag.var(make([1, 2])))
mistake("max of complex", DTypeError, "max|complex", lambda x, y, make: ag.max(make([1j])))
mistake("where of integers", DTypeError, "where|condition|int64", lambda x, y, make: ag.where(make([1, 0, 1]), x, x))
mistake("bitwise_and of floats", DTypeError, "bitwise_and|float64", lambda x, y, make: ag.bitwise_and(x, x))
mistake("bitwise_invert of floats", DTypeError, "bitwise_invert|float64", lambda x, y, make: ag.bitwise_invert(x))
mistake("floor of complex", DTypeError, "floor|complex128", lambda x, y, make: ag.floor(make([1j])))
mistake("atan2 of complex", DTypeError, "atan2|complex128", lambda x, y, make: ag.atan2(make([1j]), make([1j])))

# arguments that are not arrays
for _name in "sin exp abs negative sqrt floor isnan".split():
    for _value in ("a", None, [1.0]):
        mistake(
            f"{_name} of {_value!r}", DTypeError, rf"{_name}|x|{type(_value).__name__}", lambda x, y, make, name=_name, value=_value: getattr(ag, name)(value)
        )
for _name in "add multiply pow maximum equal".split():
    for _value in ("a", None):
        mistake(
            f"{_name} of {_value!r}",
            DTypeError,
            rf"{_name}|x2|{type(_value).__name__}",
            lambda x, y, make, name=_name, value=_value: getattr(ag, name)(x, value),
        )
for _name in "sum max sort flip cumulative_sum matrix_transpose unique_values".split():
    mistake(f"{_name} of None", TypeError, "data|NoneType", lambda x, y, make, name=_name: getattr(ag, name)(None))
for _sign in "+ - / ** // % @ & <".split():
    mistake(f"x {_sign} 'a'", TypeError, "support", lambda x, y, make, sign=_sign: eval(f"x {sign} 'a'", {"x": x}))

# indices
mistake("index of a float", IndexError, "float|index", lambda x, y, make: x[1.0])
mistake("index of a string", IndexError, "str|index", lambda x, y, make: x["a"])
mistake("index of a float tensor", IndexError, "float64|index", lambda x, y, make: x[make([0.0])])
mistake("index of a float array", IndexError, "float64|index", lambda x, y, make: x[np.array([0.0])])
mistake("slice of floats", TypeError, "slice|float|integer", lambda x, y, make: x[0.5:2])
mistake("index out of range", IndexError, "getitem|2", lambda x, y, make: x[2, 0])
mistake("too many indices", IndexError, "getitem|too many|2-dim", lambda x, y, make: x[0, 0, 0])
mistake("index array out of range", IndexError, "9", lambda x, y, make: y[make([0, 9]), make([0, 0])])
mistake("mask of another shape", IndexError, "(?i)bool", lambda x, y, make: x[make(np.ones((3, 2), bool))])
mistake("write out of range", IndexError, "2", lambda x, y, make: y.__setitem__((2, 0), 1.0))
mistake("write that does not broadcast", ShapeError, r"\(4,\)|broadcast", lambda x, y, make: y.__setitem__((0, ...), make(np.ones(4))))
mistake("take of floats", DTypeError, "take|indices|float64", lambda x, y, make: ag.take(x, make([0.0]), axis=0))
mistake("take out of range", IndexError, "take|9", lambda x, y, make: ag.take(x, make([9]), axis=0))
mistake("take_along_axis of floats", DTypeError, "take_along_axis|indices|float64", lambda x, y, make: ag.take_along_axis(x, make([[0.0]])))
mistake("a float tensor as an index", TypeError, "float64|index", lambda x, y, make: [1, 2][make(1.0)])

# other arguments
mistake("meshgrid", ValueError, "meshgrid|indexing|yx", lambda x, y, make: ag.meshgrid(make([1.0]), indexing="yx"))
mistake("searchsorted", ValueError, "searchsorted|side|middle", lambda x, y, make: ag.searchsorted(make([1.0]), make([1.0]), side="middle"))
mistake("arange", ValueError, "arange|step", lambda x, y, make: ag.arange(0, 3, 0))
mistake("diff", ValueError, "diff|-1", lambda x, y, make: ag.diff(x, n=-1))
mistake("truth of several", RuntimeError, "truth|any", lambda x, y, make: bool(x))
mistake("item of several", RuntimeError, "item|6", lambda x, y, make: x.item())
mistake("len of a number", TypeError, r"len\(\)", lambda x, y, make: len(make(1.0)))


# dtypes of a kind that a function is not for
WRONG_KINDS = {
    "complex64": "atan2 ceil copysign floor floor_divide hypot logaddexp nextafter remainder signbit trunc bitwise_and bitwise_xor",
    "float32": "bitwise_and bitwise_invert bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor",
    "bool": "negative positive sign subtract",
}
ONE_INPUT = "bitwise_invert ceil floor negative positive sign signbit trunc".split()
for _dtype, _names in WRONG_KINDS.items():
    for _name in _names.split():
        mistake(
            f"{_name} of {_dtype}",
            DTypeError,
            f"{_name}: not defined for {_dtype}",
            lambda x, y, make, name=_name, dtype=_dtype: getattr(ag, name)(*[make(np.ones(2, dtype))] * (1 if name in ONE_INPUT else 2)),
        )
for _name in "mean var std".split():
    for _dtype in ("bool", "int8", "uint64"):
        mistake(
            f"{_name} of {_dtype}", DTypeError, f"{_name}|{_dtype}", lambda x, y, make, name=_name, dtype=_dtype: getattr(ag, name)(make(np.ones(2, dtype)))
        )
for _name in "max min clip".split():
    mistake(f"{_name} of complex numbers", DTypeError, f"{_name}|no order", lambda x, y, make, name=_name: getattr(ag, name)(make(np.ones(2, complex))))
mistake("clip to a complex number", DTypeError, "clip|no order", lambda x, y, make: ag.clip(x, 1j))
for _name in "det inv cholesky eigh eigvals svd svdvals qr pinv slogdet matrix_rank matrix_norm vector_norm".split():
    mistake(
        f"{_name} of integers", DTypeError, f"{_name}|int64|float32", lambda x, y, make, name=_name: getattr(ag.linalg, name)(make(np.eye(2, dtype=np.int64)))
    )
mistake("objects beside a tensor", DTypeError, "multiply|object", lambda x, y, make: ag.multiply(x, np.array([1, None, 2])))
mistake("strings beside a tensor", DTypeError, "equal|<U1", lambda x, y, make: ag.equal(x, np.array(["a", "b", "c"])))
mistake("zeros of objects", DTypeError, "object", lambda x, y, make: ag.zeros(2, dtype=object))
mistake("zeros of dates", DTypeError, "datetime64", lambda x, y, make: ag.zeros(2, dtype=np.dtype("M8[s]")))
mistake("astype to strings", DTypeError, "U", lambda x, y, make: ag.astype(x, str))
mistake("arange of booleans", DTypeError, "arange|bool", lambda x, y, make: ag.arange(3, dtype=ag.bool))

# linear algebra
for _name in "det inv cholesky eigh eigvalsh eig eigvals slogdet".split():
    mistake(f"{_name} of a vector", LinAlgError, rf"{_name}|2 dimensions|\(3,\)", lambda x, y, make, name=_name: getattr(ag.linalg, name)(make(np.ones(3))))
    mistake(f"{_name} of 2 x 3", LinAlgError, rf"{_name}|square|\(2, 3\)", lambda x, y, make, name=_name: getattr(ag.linalg, name)(x))
mistake("inv of a singular matrix", LinAlgError, r"inv|(?i)singular|\(2, 2\)", lambda x, y, make: ag.linalg.inv(make(np.ones((2, 2)))))
mistake("solve with a singular matrix", LinAlgError, "solve|(?i)singular", lambda x, y, make: ag.linalg.solve(make(np.ones((2, 2))), make(np.ones((2, 1)))))
mistake("power -1 of a singular matrix", LinAlgError, "inv|(?i)singular", lambda x, y, make: ag.linalg.matrix_power(make(np.ones((2, 2))), -1))
mistake("cholesky of an indefinite matrix", LinAlgError, "cholesky|(?i)positive.definite", lambda x, y, make: ag.linalg.cholesky(make(np.diag([1.0, -1.0]))))
mistake("solve of other sizes", ShapeError, r"solve|\(2, 2\)|\(3, 1\)", lambda x, y, make: ag.linalg.solve(make(np.eye(2)), make(np.ones((3, 1)))))
mistake("matrix_power of a float", TypeError, "matrix_power|n|float", lambda x, y, make: ag.linalg.matrix_power(make(np.eye(2)), 1.5))
mistake("qr in another mode", ValueError, "qr|mode|'r'", lambda x, y, make: ag.linalg.qr(x, mode="r"))
for _ord in (3, 0, "a", 1j):
    mistake(f"matrix_norm of order {_ord!r}", ValueError, "matrix_norm|ord|nuc", lambda x, y, make, order=_ord: ag.linalg.matrix_norm(x, ord=order))
for _ord in ("fro", None, 1j):
    mistake(f"vector_norm of order {_ord!r}", TypeError, "vector_norm|ord", lambda x, y, make, order=_ord: ag.linalg.vector_norm(x, ord=order))
mistake("diagonal at a float", TypeError, "diagonal|offset|float", lambda x, y, make: ag.linalg.diagonal(x, offset=1.5))
mistake("diagonal of a vector", LinAlgError, r"diagonal|\(3,\)", lambda x, y, make: ag.linalg.diagonal(make(np.ones(3))))
mistake("outer of matrices", ShapeError, r"outer|1-D|\(2, 3\)", lambda x, y, make: ag.linalg.outer(x, x))
mistake("cross of two elements", ShapeError, r"cross|3 elements|\(2, 2\)", lambda x, y, make: ag.linalg.cross(make(np.ones((2, 2))), make(np.ones((2, 2)))))
mistake(
    "cross with an axis from the front", AxisError, "cross|from the end", lambda x, y, make: ag.linalg.cross(make(np.ones((3, 3))), make(np.ones(3)), axis=0)
)
mistake("tensordot over a float", TypeError, "tensordot|axes|1.5", lambda x, y, make: ag.tensordot(x, x, axes=1.5))
mistake("tensordot over three lists", TypeError, "tensordot|axes", lambda x, y, make: ag.tensordot(x, x, axes=((0,), (0,), (1,))))
mistake("tril of a vector", ShapeError, r"tril|two dimensions|\(3,\)", lambda x, y, make: ag.tril(make(np.ones(3))))
mistake("triu at a float", TypeError, "triu|k|float", lambda x, y, make: ag.triu(x, k=0.5))

# Fourier transforms
for _name in "fft ifft rfft irfft hfft ihfft fftn ifftn rfftn irfftn".split():
    for _norm in ("a", 1):
        mistake(
            f"{_name} norm={_norm!r}",
            ValueError,
            f"fft|norm|{_norm!r}",
            lambda x, y, make, name=_name, norm=_norm: getattr(ag.fft, name)(make(np.ones(4)), norm=norm),
        )
    _lengths = {"s": (1.5,)} if _name.endswith("n") else {"n": 1.5}
    mistake(f"{_name} of 1.5 elements", TypeError, "fft|integer|float", lambda x, y, make, name=_name, k=_lengths: getattr(ag.fft, name)(make(np.ones(4)), **k))
    _lengths = {"s": (-3,)} if _name.endswith("n") else {"n": -3}
    mistake(f"{_name} of -3 elements", ShapeError, "fft|-3", lambda x, y, make, name=_name, k=_lengths: getattr(ag.fft, name)(make(np.ones(4)), **k))
    if not _name.endswith("n"):
        mistake(f"{_name} of a number", AxisError, "fft|0-d", lambda x, y, make, name=_name: getattr(ag.fft, name)(make(1.0)))
for _name in ("rfftn", "irfftn"):
    mistake(f"{_name} over no axis", AxisError, f"{_name}|axis", lambda x, y, make, name=_name: getattr(ag.fft, name)(make(1.0)))
mistake("rfft of complex numbers", DTypeError, "rfft|real|complex128", lambda x, y, make: ag.fft.rfft(make([1j])))
mistake("fftn with two lengths for one axis", ShapeError, "fftn|2 lengths|1 axes", lambda x, y, make: ag.fft.fftn(x, s=(2, 2), axes=(0,)))
for _name in ("fftfreq", "rfftfreq"):
    mistake(f"{_name} of no samples", ShapeError, f"{_name}|positive", lambda x, y, make, name=_name: getattr(ag.fft, name)(0))
    mistake(f"{_name} of a string", TypeError, f"{_name}|n|str", lambda x, y, make, name=_name: getattr(ag.fft, name)("a"))
    mistake(f"{_name} at distance 0", ValueError, f"{_name}|distance", lambda x, y, make, name=_name: getattr(ag.fft, name)(3, d=0))

# shapes and counts that are not integers
for _value in ("a", None, 1.5, (1.5,), (None,), True):
    mistake(f"reshape to {_value!r}", TypeError, "reshape|shape|integer", lambda x, y, make, value=_value: ag.reshape(x, value))
    mistake(f"broadcast_to {_value!r}", TypeError, "broadcast_to|shape|integer", lambda x, y, make, value=_value: ag.broadcast_to(x, value))
    mistake(f"tile {_value!r}", TypeError, "tile|repetitions|integer", lambda x, y, make, value=_value: ag.tile(x, value))
    if _value not in ("a", None, (None,)):
        mistake(f"repeat {_value!r}", TypeError, "repeat|repeats|integer", lambda x, y, make, value=_value: ag.repeat(x, value))
    mistake(f"roll by {_value!r}", TypeError, "roll|shift|integer", lambda x, y, make, value=_value: ag.roll(x, value))
    mistake(f"permute_dims {_value!r}", TypeError, "permute_dims|axes|integer", lambda x, y, make, value=_value: ag.permute_dims(x, value))
    mistake(f"moveaxis {_value!r}", TypeError, "moveaxis|axis|integer", lambda x, y, make, value=_value: ag.moveaxis(x, value, 0))
    if _value is not None:
        mistake(f"sum over {_value!r}", TypeError, "sum|axis|integer", lambda x, y, make, value=_value: ag.sum(x, axis=value))
    mistake(f"diff {_value!r} times", TypeError, "diff|n|integer", lambda x, y, make, value=_value: ag.diff(x, n=value))
    mistake(f"eye {_value!r}", TypeError, "eye|integer", lambda x, y, make, value=_value: ag.eye(value))
    mistake(f"linspace of {_value!r} numbers", TypeError, "linspace|num|integer", lambda x, y, make, value=_value: ag.linspace(0, 1, value))
mistake("eye of a negative size", ShapeError, "eye|negative|-1", lambda x, y, make: ag.eye(-1))
mistake("linspace of a negative number of numbers", ShapeError, "linspace|negative|-1", lambda x, y, make: ag.linspace(0, 1, -1))
mistake("repeat -1 times", ShapeError, "repeat|negative|-1", lambda x, y, make: ag.repeat(x, -1))
mistake("tile -1 times", ShapeError, "tile|negative|-1", lambda x, y, make: ag.tile(x, (-1,)))
for _maker in ("zeros", "ones", "empty"):
    mistake(f"{_maker} on a shape of strings", TypeError, f"{_maker}|shape", lambda x, y, make, maker=_maker: getattr(ag, maker)(("a",)))

# numbers that are none
for _value in ("a", None, [1.0], 1j):
    if _value is not None:
        mistake(f"arange to {_value!r}", TypeError, "arange|stop|number", lambda x, y, make, value=_value: ag.arange(0, value))
    mistake(f"var with correction {_value!r}", TypeError, "var|correction|number", lambda x, y, make, value=_value: ag.var(x, correction=value))
    mistake(f"std with correction {_value!r}", TypeError, "std|correction|number", lambda x, y, make, value=_value: ag.std(x, correction=value))
    if _value != 1j:
        mistake(f"linspace to {_value!r}", TypeError, "linspace|stop|number", lambda x, y, make, value=_value: ag.linspace(0, value, 3))
        mistake(f"full_like {_value!r}", TypeError, "full_like|fill_value|number", lambda x, y, make, value=_value: ag.full_like(x, value))

# copies that copy=False forbids
mistake("asarray(copy=False) of a list", ValueError, "asarray|copy=False", lambda x, y, make: ag.asarray([1.0], copy=False))
mistake("asarray(copy=False) to another dtype", ValueError, "asarray|copy=False", lambda x, y, make: ag.asarray(x, dtype=ag.float32, copy=False))
mistake("reshape(copy=False) of a transpose", ValueError, "reshape|copy=False", lambda x, y, make: ag.reshape(x.T, (6,), copy=False))

# writes
mistake("complex into float", DTypeError, "setitem|complex|float64", lambda x, y, make: y.__setitem__(0, 1j))
mistake("NaN into integers", ValueError, "setitem|nan|int8", lambda x, y, make: make(np.ones(2, np.int8)).__setitem__(0, float("nan")))
mistake("float added to integers in place", DTypeError, "add|float32|int64", lambda x, y, make: make([1, 2]).add_(1.5))
mistake("float tensor added to integers in place", DTypeError, "add|float64|int64", lambda x, y, make: make([1, 2]).add_(make([1.0, 2.0])))
mistake("power in place of another dtype", DTypeError, "pow|float64|int64", lambda x, y, make: make([1, 2]).__ipow__(make([1.0, 2.0])))
mistake("matmul in place of another shape", ShapeError, r"matmul|\(2, 2\)|\(2, 3\)", lambda x, y, make: y.__imatmul__(make(np.ones((3, 2)))))

# sequences of arrays
for _name in ("concat", "stack"):
    for _value in ("a", None, 1, 1.5):
        mistake(f"{_name} of {_value!r}", TypeError, f"{_name}|sequence", lambda x, y, make, name=_name, value=_value: getattr(ag, name)(value))
mistake("stack of nothing", ShapeError, "stack", lambda x, y, make: ag.stack([]))
mistake("searchsorted in a matrix", ShapeError, r"searchsorted|one dimension|\(2, 3\)", lambda x, y, make: ag.searchsorted(x, x))
mistake("sorter out of range", IndexError, "5", lambda x, y, make: ag.searchsorted(make(np.ones(3)), make(np.ones(3)), sorter=make([5])))
mistake("nonzero of a number", ShapeError, "nonzero|0-d", lambda x, y, make: ag.nonzero(make(1.0)))


def check_mistake(name: str, make: Make) -> None:
    call, error, words = MISTAKES[name]
    x = make(np.arange(6.0).reshape(2, 3), requires_grad=True)
    y = x * x
    x.grad = make(np.ones((2, 3)))
    node = y.grad_fn
    with pytest.raises(error) as caught:
        call(x, y, make)
    missing = [w for w in words.split("|") if not re.search(w, str(caught.value))]
    assert not missing, f"{missing} not in: {caught.value}"
    assert x.grad.tolist() == np.ones((2, 3)).tolist()
    assert x.requires_grad
    assert y.grad_fn is node
    y.backward(make(np.ones((2, 3))))
    assert x.grad.tolist() == (1 + 2 * np.arange(6.0).reshape(2, 3)).tolist()


WRAPPED_AROUND = ["index array out of range", "take out of range", "sorter out of range"]


@pytest.mark.parametrize("name", MISTAKES)
def test_mistake(name: str, make: Make, library: str) -> None:
    """On CuPy those that it does not make itself are found with its debugging switch on."""
    if library != "cupy" or name not in WRAPPED_AROUND:
        check_mistake(name, make)
        return
    ag.cuda.check_indices(True)
    try:
        check_mistake(name, make)
    finally:
        ag.cuda.check_indices(False)


@pytest.mark.parametrize("name", MISTAKES)
def test_mistake_on_the_stand_in_for_cupy(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same errors where CuPy's rules hold: those that CuPy itself does not make with its debugging switch on."""
    with installed(monkeypatch):
        ag.cuda.check_indices(name in WRAPPED_AROUND)
        check_mistake(name, lambda array, requires_grad=False: ag.tensor(np.asarray(array), device="cuda", requires_grad=requires_grad))


MIXED = {
    "add": lambda a, b: a + b,
    "multiply": lambda a, b: ag.multiply(a, b),
    "equal": lambda a, b: a == b,
    "matmul": lambda a, b: a @ b,
    "where": lambda a, b: ag.where(a > 0, a, b),
    "clip": lambda a, b: ag.clip(a, a, b),
    "concat": lambda a, b: ag.concat([a, b]),
    "stack": lambda a, b: ag.stack([a, b]),
    "take": lambda a, b: ag.take(a, ag.astype(b[0, ...], ag.int64), axis=0),
    "add a raw array": lambda a, b: a + b.detach()._data,
    "add a NumPy array": lambda a, b: a + np.ones((2, 2)),
}


@pytest.mark.parametrize("name", MIXED)
def test_mixed_devices(name: str, strict_devices: list[Any]) -> None:
    """The message names each argument's shape and device, and the `.to(...)` that mends it."""
    here, there, _ = strict_devices
    a = ag.ones((2, 2), device=here, requires_grad=True)
    b = ag.ones((2, 2), device=there, requires_grad=True)
    with pytest.raises(DeviceError, match=r"\.to\('array_api_strict:") as caught:
        MIXED[name](a, b)
    for word in (name.split()[0], "(2, 2)", str(here), "cpu" if "NumPy" in name else str(there)):
        assert word in str(caught.value)
    assert a.grad is None
    assert b.grad is None


def test_gradient_on_another_device(strict_devices: list[Any]) -> None:
    here, there, _ = strict_devices
    x = ag.ones(2, device=here, requires_grad=True)
    y = x * 2
    with pytest.raises(DeviceError, match=r"backward.*array_api_strict:device1.*\.to\("):
        y.backward(ag.ones(2, device=there))
    with pytest.raises(DeviceError, match="device1"):
        x.grad = ag.ones(2, device=there)
    assert x.grad is None
    y.backward(ag.ones(2, device=here))
    assert x.grad.tolist() == [2, 2]


def test_cuda_that_is_not_there() -> None:
    """The message says which part is missing."""
    with pytest.raises(DeviceError, match=r"(?i)cupy|driver|device"):
        ag.ones(2).to("cuda:99")
