"""What the standard leaves open and NumPy answers: the same answer on every library, and differentiable where it can be."""

from __future__ import annotations

import enum
import operator
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import anygrad as ag
from anygrad import Tensor

B, N, F = np.array([True, False, True]), np.array([1, -2, 3]), np.array([0.5, 1.5, -2.5], np.float32)
U, C, D = np.array([1, 2, 3], np.uint64), np.array([1 + 1j, 2, -1j], np.complex64), np.array([[1.0, 2, 3], [4, 5, 6]])
DIVIDENDS = np.array([1.0, 7.0, -1.0, 5.0, -5.0, 0.0, -0.0, 2.5, np.inf, 3.0, -3.0])
DIVISORS = np.array([0.1, 0.1, 0.1, -3.0, -3.0, 2.0, 2.0, -0.0, 2.0, -np.inf, np.inf])

# name: (function of Tensors, the same of NumPy's arrays, inputs)
ANSWERS: dict[str, tuple[Callable[..., Any], Callable[..., Any], tuple[np.ndarray, ...]]] = {
    # booleans as numbers
    "bool + bool": (lambda x, y: x + y, np.add, (B, B)),
    "bool * bool": (lambda x, y: x * y, np.multiply, (B, B)),
    "bool < bool": (lambda x, y: x < y, np.less, (B, ~B)),
    "bool * int": (lambda x, y: x * y, np.multiply, (B, N)),
    "bool * float": (lambda x, y: x * y, np.multiply, (B, F)),
    "bool & int": (lambda x, y: x & y, np.bitwise_and, (B, N)),
    "bool + 1": (lambda x: x + 1, lambda x: x + 1, (B,)),
    "True + int": (lambda x: True + x, lambda x: True + x, (N,)),
    "float * True": (lambda x: x * True, lambda x: x * True, (F,)),
    "max of booleans": (ag.max, np.max, (B,)),
    "min of booleans": (ag.min, np.min, (B,)),
    "argmax of booleans": (ag.argmax, np.argmax, (B,)),
    "sort of booleans": (ag.sort, np.sort, (B,)),
    "sum of booleans": (ag.sum, np.sum, (B,)),
    "prod of booleans": (ag.prod, np.prod, (B,)),
    "cumulative_sum of booleans": (ag.cumulative_sum, np.cumsum, (B,)),
    "logical_not of complex": (ag.logical_not, np.logical_not, (C * [1, 0, 1],)),
    "logical_and of complex": (ag.logical_and, np.logical_and, (C * [1, 0, 1], C)),
    "abs of booleans": (ag.abs, np.abs, (B,)),
    "round of booleans": (ag.round, lambda x: x, (B,)),
    "maximum of booleans": (ag.maximum, np.maximum, (B, ~B)),
    # kinds that meet
    "int * float": (lambda x, y: x * y, np.multiply, (N, F)),
    "int64 + uint64": (lambda x, y: x + y, np.add, (N, U)),
    "int == float": (lambda x, y: x == y, np.equal, (N, F)),
    "int ** float": (lambda x, y: x**y, np.power, (abs(N), F)),
    "maximum(int, float)": (ag.maximum, np.maximum, (N, F)),
    "atan2(int, float)": (ag.atan2, np.arctan2, (N, F)),
    "matmul(int, float)": (ag.matmul, np.matmul, (N, F)),
    # at 1 and 0.1 the quotient is rounded up to 10
    "remainder": (ag.remainder, np.remainder, (DIVIDENDS, DIVISORS)),
    "floor_divide": (ag.floor_divide, np.floor_divide, (DIVIDENDS, DIVISORS)),
    "remainder in place": (operator.imod, np.remainder, (DIVIDENDS, DIVISORS)),
    "floor_divide in place": (operator.ifloordiv, np.floor_divide, (DIVIDENDS, DIVISORS)),
    "int % 0.1": (lambda x: x % 0.1, lambda x: x.astype(np.float32) % np.float32(0.1), (N,)),
    "where(bool, int, float)": (ag.where, np.where, (B, N, F)),
    "concat(bool, int, float)": (lambda *arrays: ag.concat(arrays), lambda *arrays: np.concat(arrays), (B, N, F)),
    "stack(int, complex)": (lambda *arrays: ag.stack(arrays), lambda *arrays: np.stack(arrays), (N, C)),
    "clip(int, float)": (lambda x, y: ag.clip(x, y), np.maximum, (N, F)),
    "isin(int, float)": (ag.isin, np.isin, (N, F)),
    "searchsorted(int, float)": (ag.searchsorted, np.searchsorted, (np.sort(N), F)),
    # numbers beyond the dtype, in comparisons
    "int8 == 300": (lambda x: x == 300, lambda x: x == 300, (N.astype(np.int8),)),
    "uint64 > -1": (lambda x: x > -1, lambda x: x > -1, (U,)),
    # NumPy's numbers are not weak
    "float32 * np.float64": (lambda x: x * np.float64(1.5), lambda x: x * np.float64(1.5), (F,)),
    "np.float64 * float32": (lambda x: ag.multiply(np.float64(1.5), x), lambda x: np.float64(1.5) * x, (F,)),
    "maximum(float32, np.float64)": (lambda x: ag.maximum(x, np.float64(0.1)), lambda x: np.maximum(x, np.float64(0.1)), (F,)),
    "bool * np.int64": (lambda x: x * np.int64(3), lambda x: x * np.int64(3), (B,)),
    # Python numbers take the width of the array that they stand beside
    "isin(float64, 0.1)": (lambda x: ag.isin(x, 0.1), lambda x: np.isin(x, 0.1), (np.array([0.1, 0.2]),)),
    "isin(float64, [0.1])": (lambda x: ag.isin(x, [0.1]), lambda x: np.isin(x, [0.1]), (np.array([0.1, 0.2]),)),
    "searchsorted(float64, 0.1)": (lambda x: ag.searchsorted(x, 0.1), lambda x: np.searchsorted(x, 0.1), (np.array([0.1, 0.2]),)),
    "diff(prepend=0)": (lambda x: ag.diff(x, prepend=0), lambda x: np.diff(x, prepend=0), (N,)),
    "take(1)": (lambda x: ag.take(x, 1), lambda x: np.take(x, 1), (N,)),
    "take at a matrix of indices": (lambda x, i: ag.take(x, i, axis=1), lambda x, i: np.take(x, i, axis=1), (D, np.array([[0, 2], [1, 1]]))),
    # keys
    "x[:100]": (lambda x: x[:100], lambda x: x[:100], (D,)),
    "x[-100::-1]": (lambda x: x[-100::-1], lambda x: x[-100::-1], (D,)),
    "x[100::-1]": (lambda x: x[100::-1], lambda x: x[100::-1], (D,)),
    "x[..., 1:100]": (lambda x: x[..., 1:100], lambda x: x[..., 1:100], (D,)),
    "x[None, :, 5:]": (lambda x: x[None, :, 5:], lambda x: x[None, :, 5:], (D,)),
    "x[i, :5]": (lambda x, i: x[i, :5], lambda x, i: x[i, :5], (D, np.array([1, 0, 1]))),
    "x[i, None]": (lambda x, i: x[i, None], lambda x, i: x[i, None], (D, np.array([1, 0]))),
    "x[mask, 1:9]": (lambda x, m: x[m, 1:9], lambda x, m: x[m, 1:9], (D, np.array([False, True]))),
    # linear algebra
    "cross along axis 0": (lambda x: ag.linalg.cross(x, x + 1, axis=0), lambda x: np.cross(x, x + 1, axis=0), (np.arange(6.0).reshape(3, 2) ** 2,)),
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of NumPy, about what is infinite or NaN
@pytest.mark.parametrize("name", ANSWERS)
def test_answer(name: str, library: str, make: Any) -> None:
    function, reference, arrays = ANSWERS[name]
    out, wanted = function(*[make(a) for a in arrays]), np.asarray(reference(*arrays))
    assert isinstance(out, Tensor)
    assert out.dtype == wanted.dtype
    np.testing.assert_allclose(out.numpy(force=True), wanted, rtol=1e-15 if library == "cupy" else 0)  # CUDA's pow is not NumPy's to the last bit


MEETINGS: dict[str, Callable[[Tensor, Any, Any], Tensor]] = {
    "x * i": lambda x, i, b: x * i,
    "i * x": lambda x, i, b: i * x,
    "i / x": lambda x, i, b: i / x,
    "x ** i": lambda x, i, b: (x * x) ** i,
    "b * x": lambda x, i, b: b * x,
    "x - np.float64": lambda x, i, b: x * np.float64(2),
    "atan2": lambda x, i, b: ag.atan2(i, x),
    "maximum": lambda x, i, b: ag.maximum(x, i),
    "where": lambda x, i, b: ag.where(b, x, i),
    "clip": lambda x, i, b: ag.clip(x, i, i + 1),
    "concat": lambda x, i, b: ag.concat([i, x, b]) ** 2,
    "matmul": lambda x, i, b: x @ i * x,
    "x *= i": lambda x, i, b: (x * 1).mul_(i),
    "x /= i": lambda x, i, b: (x * 1).div_(i),
    "x -= b": lambda x, i, b: (x * 1).sub_(b),
    "x[j] = i": lambda x, i, b: _written(x * 2, i),
    "x[:99]": lambda x, i, b: x[:99] * i,
    "x[i, None]": lambda x, i, b: x[abs(i) - 1, None] * x,
}


def _written(x: Tensor, i: Any) -> Tensor:
    x[abs(i[:2]) - 1] = i[:2]
    return x


@pytest.mark.parametrize("name", MEETINGS)
def test_gradient_where_kinds_meet(name: str, make: Any) -> None:
    """First and second derivative of a float32 leaf among integers and booleans: NumPy's on every library, in float32."""
    results = []
    for maker in (make, lambda a, requires_grad=False: ag.tensor(a, requires_grad=requires_grad)):
        x = maker(F, requires_grad=True)
        y = MEETINGS[name](x, maker(N), maker(B))
        (g,) = ag.autograd.grad(y, x, ag.ones_like(y), create_graph=True)
        again = ag.autograd.grad((g * g).sum(), x, allow_unused=True)[0] if g.requires_grad else None
        assert g.dtype == ag.float32
        results.append((y.dtype, *[np.zeros(3) if t is None else t.numpy(force=True) for t in (y, g, again)]))
    ours, numpys = results
    assert ours[0] == numpys[0]
    for a, b in zip(ours[1:], numpys[1:], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_writes_beyond_the_standard(make: Any) -> None:
    """Numbers at index arrays, new axes in the key, booleans in place: what NumPy does."""
    for write in (
        lambda x, i: x.__setitem__(i, 1.5),
        lambda x, i: x.__setitem__((i, 0), 2),
        lambda x, i: x.__setitem__((None, i), 2.5),
        lambda x, i: x.__setitem__((slice(0, 9), 1), 7.0),
        lambda x, i: x.__setitem__(..., True),
        lambda x, i: x.__iadd__(True),
        lambda x, i: x.__imul__(x > 2),
    ):
        expected, x = D.copy(), make(D)
        write(expected, np.array([1, 0]))
        write(x, make(np.array([1, 0])))
        assert x.tolist() == expected.tolist()
    mask = make(B)
    mask += True
    assert mask.tolist() == [True, True, True]
    whole = make(N)
    whole[0] = 2.9
    whole[1:9] = make(F[:2])
    assert whole.tolist() == [2, 0, 1]


class Count(enum.IntEnum):
    """A number that is not of Python's own class."""

    FOUR = 4


class Ratio(float):
    """Another."""


@pytest.mark.parametrize("number", [Count.FOUR, Ratio(0.5)], ids=repr)
@pytest.mark.usefixtures("everywhere")
def test_numbers_of_other_classes(number: Any) -> None:
    x, plain = ag.asarray([1.0, 2.0]), int(number) if number == 4 else float(number)
    for function in (
        lambda n: x * n,
        lambda n: n - x,
        lambda n: x**n,
        lambda n: ag.where(x > 1, n, x),
        lambda n: ag.maximum(x, n),
        lambda n: ag.clip(x, n, None),
        lambda n: ag.logaddexp(x, n),
        lambda n: ag.full((2,), n, dtype="float32"),
        lambda n: ag.full_like(x, n),
        lambda n: x.clone().mul_(n),
        lambda n: x.clone().fill_(n),
        lambda n: ag.asarray([n, n]),
    ):
        found, wanted = function(number), function(plain)
        assert found.dtype == wanted.dtype
        assert found.tolist() == wanted.tolist()


@pytest.mark.usefixtures("everywhere")
def test_negative_zero() -> None:
    x = ag.ones(6)
    x[0] = -0.0
    x[1:3] = -0.0
    x[ag.asarray([3])] = -0.0
    x[ag.asarray([False] * 4 + [True, False])] = -0.0
    for zero in (x[:5], ag.asarray(-0.0), ag.full((2,), -0.0), ag.asarray(np.array(-0.0)), ag.ones(2).fill_(-0.0), -ag.zeros(2), ag.full_like(x, -0.0)):
        assert ag.all(ag.signbit(zero)), zero
    assert not ag.any(ag.signbit(ag.ones(2).fill_(0.0)))


@pytest.mark.not_on("array_api_strict", reason="it has no bfloat16")
@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16])
def test_remainders_in_half_precision(dtype: Any, make: Any) -> None:
    x1, x2 = np.array([1, 7, -1, 5, 3], dtype), np.array([0.1, 0.1, 0.1, -3, np.inf], dtype)
    assert ag.remainder(make(x1), make(x2)).tolist() == np.remainder(x1, x2).tolist()
    assert ag.floor_divide(make(x1), make(x2)).tolist() == np.floor_divide(x1, x2).tolist()


@pytest.mark.not_on("array_api_strict", reason="it has no bfloat16")
def test_sets_in_bfloat16(make: Any) -> None:
    x = make(np.array([3.0, 1.0, 2.0, 1.0], ml_dtypes.bfloat16))
    assert ag.isin(x, x[:2]).tolist() == [True, True, False, True]
    assert ag.searchsorted(ag.sort(x), x).tolist() == [3, 0, 2, 0]
    values, counts = ag.unique_counts(x)
    assert values.dtype == x.dtype
    assert (values.tolist(), counts.tolist()) == ([1, 2, 3], [2, 1, 1])


def test_a_slice_past_the_end_is_a_view(make: Any) -> None:
    x = make(D)
    part = x[1:100, ...]
    part += 10
    assert x.tolist() == [[1, 2, 3], [14, 15, 16]]
