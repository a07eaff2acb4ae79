"""Points where a derivative does not exist, or where 0 / 0 lies in wait: numerics.md, line by line, exactly.

Each is checked by both interpreters, and without a warning (these are errors here).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import anygrad as ag
from anygrad import Tensor, linalg

Make = Callable[..., Tensor]
INF, NAN = np.inf, np.nan


def derivatives(function: Callable[..., Tensor], *arrays: Any, make: Make, exact: bool = True) -> list[list[Any]]:
    """The gradients of the sum of the results, in lists; raw and recorded must be the same (to rounding if not `exact`)."""
    xs = [make(np.asarray(a), requires_grad=True) for a in arrays]
    found = []
    for create_graph in (False, True):
        gs = ag.autograd.grad(ag.sum(function(*xs)), xs, create_graph=create_graph)
        found.append([g.numpy(force=True) for g in gs])
    for raw, recorded in zip(*found, strict=True):
        np.testing.assert_allclose(raw, recorded, rtol=0 if exact else 1e-13, atol=0 if exact else 1e-14, strict=True)
    return found[0]


def check(function: Callable[..., Tensor], arrays: list[Any], wanted: list[Any], make: Make) -> None:
    for g, w in zip(derivatives(function, *arrays, make=make), wanted, strict=True):
        np.testing.assert_array_equal(g, np.asarray(w, dtype=g.dtype), strict=True)


KINKS = {
    "abs": (ag.abs, [[-2.0, 0.0, -0.0, 3.0]], [[-1, 0, 0, 1]]),
    "abs complex": (ag.abs, [[0j, 2j]], [[0, 1j]]),
    "abs(z)**2": (lambda z: ag.abs(z) ** 2, [[2j, 0j]], [[4j, 0]]),
    "sign": (ag.sign, [[-2.0, 0.0, 3.0]], [[0, 0, 0]]),
    "sign complex": (lambda z: ag.real(ag.sign(z)), [[0j, 2j, 2 + 0j]], [[0, 0.5, 0]]),
    "floor": (ag.floor, [[-1.0, 0.5, 2.0]], [[0, 0, 0]]),
    "ceil": (ag.ceil, [[-1.0, 0.5, 2.0]], [[0, 0, 0]]),
    "trunc": (ag.trunc, [[-1.0, 0.5, 2.0]], [[0, 0, 0]]),
    "random.bernoulli": (ag.bernoulli, [[0.0, 0.5, 1.0]], [[0, 0, 0]]),
    "round": (ag.round, [[-1.5, 0.5, 2.0]], [[0, 0, 0]]),
    "maximum ties": (ag.maximum, [[1.0, 2.0, 3.0], [1.0, 3.0, 2.0]], [[0.5, 0, 1], [0.5, 1, 0]]),
    "minimum ties": (ag.minimum, [[1.0, 2.0, 3.0], [1.0, 3.0, 2.0]], [[0.5, 1, 0], [0.5, 0, 1]]),
    "maximum NaN": (ag.maximum, [[NAN, 1.0, NAN], [1.0, NAN, NAN]], [[1, 1, 1], [1, 1, 1]]),
    "minimum NaN": (ag.minimum, [[NAN, 1.0, NAN], [1.0, NAN, NAN]], [[1, 1, 1], [1, 1, 1]]),
    "maximum infinite": (ag.maximum, [[INF, -INF], [INF, 0.0]], [[0.5, 0], [0.5, 1]]),
    "relu": (lambda x: ag.maximum(x, 0.0), [[-1.0, 0.0, 1.0]], [[0, 0.5, 1]]),
    "relu at 0": (ag.relu, [[-1.0, 0.0, -0.0, 1.0, NAN, INF]], [[0, 0, 0, 1, 1, 1]]),
    "nan_to_num": (ag.nan_to_num, [[NAN, INF, -INF, 2.0]], [[0, 0, 0, 1]]),
    "max ties": (ag.max, [[3.0, 1.0, 3.0]], [[0.5, 0, 0.5]]),
    "min ties": (ag.min, [[1.0, 1.0, 3.0, 1.0, 1.0]], [[0.25, 0.25, 0, 0.25, 0.25]]),
    "max ties in rows": (lambda x: ag.max(x, axis=1), [[[2.0, 2.0], [1.0, 4.0]]], [[[0.5, 0.5], [0, 1]]]),
    "max ties in all": (lambda x: ag.max(x, axis=(0, 1)), [[[2.0, 2.0], [1.0, 2.0], [2.0, 0.0]]], [[[0.25, 0.25], [0, 0.25], [0.25, 0]]]),
    "max of equals": (ag.max, [[0.0, 0.0]], [[0.5, 0.5]]),
    "max NaN": (ag.max, [[1.0, NAN, 2.0]], [[0, 1, 0]]),
    "clip at a bound": (lambda x: ag.clip(x, -1.0, 1.0), [[-2.0, -1.0, 0.0, 1.0, 2.0]], [[0, 1, 1, 1, 0]]),
    "clip at one bound": (lambda x: ag.clip(x, min=0.0), [[-2.0, 0.0, 2.0]], [[0, 1, 1]]),
    "clip bounds": (ag.clip, [[0.0, 1.0, 2.0, 3.0], [1.0, 1.0, 1.0, 1.0], [2.0, 2.0, 2.0, 2.0]], [[0, 1, 1, 0], [1, 0, 0, 0], [0, 0, 0, 1]]),
    "hypot": (ag.hypot, [[0.0, 3.0, 0.0], [0.0, 4.0, 2.0]], [[0, 0.6, 0], [0, 0.8, 1]]),
    "atan2": (ag.atan2, [[0.0, 0.0, 2.0], [0.0, 2.0, 0.0]], [[0, 0.5, 0], [0, 0, -0.5]]),
    "pow": (ag.pow, [[0.0, 0.0, 0.0], [0.0, 2.0, 1.0]], [[0, 0, 1], [0, 0, 0]]),
    "x**0": (lambda x: x**0, [[0.0, 2.0]], [[0, 0]]),
    "x**1": (lambda x: x**1, [[0.0, 2.0]], [[1, 1]]),
    "x**2": (lambda x: x**2, [[0.0, 2.0]], [[0, 4]]),
    "0**y": (lambda y: 0.0**y, [[0.0, 2.0]], [[0, 0]]),
    "prod one zero": (ag.prod, [[2.0, 0.0, 3.0]], [[0, 6, 0]]),
    "prod two zeros": (ag.prod, [[2.0, 0.0, 0.0]], [[0, 0, 0]]),
    "prod axes": (lambda x: ag.prod(x, axis=(0, 2)), [[[[2.0, 0.0]], [[3.0, 1.0]]]], [[[[0, 6]], [[0, 0]]]]),
    "cumulative_prod zeros": (ag.cumulative_prod, [[2.0, 0.0, 3.0, 0.0]], [[1, 8, 0, 0]]),
    "std of equals": (ag.std, [[2.0, 2.0, 2.0]], [[0, 0, 0]]),
    "std of equals in a row": (lambda x: ag.std(x, axis=1), [[[2.0, 2.0], [1.0, 3.0]]], [[[0, 0], [-0.5, 0.5]]]),
    "var of equals": (ag.var, [[2.0, 2.0]], [[0, 0]]),
    "std of one": (ag.std, [[2.0]], [[0]]),
    "remainder": (ag.remainder, [[5.0, -5.0], [3.0, 3.0]], [[1, 1], [-1, 2]]),
    "remainder beside a jump": (ag.remainder, [[1.0], [0.1]], [[1], [-9]]),  # 1 / 0.1 is 10, but 0.1 goes into 1 nine times
    "floor_divide": (ag.floor_divide, [[5.0, -5.0], [3.0, 3.0]], [[0, 0], [0, 0]]),
    "copysign": (ag.copysign, [[0.0, 2.0, -2.0], [-1.0, -1.0, -1.0]], [[0, -1, 1], [0, 0, 0]]),
    "logaddexp": (ag.logaddexp, [[1.0, -INF, INF, 0.0], [1.0, 0.0, INF, -INF]], [[0.5, 0, 0.5, 1], [0.5, 1, 0.5, 0]]),
    "sort ties": (lambda x: ag.sort(x) * ag.asarray([1.0, 2.0, 4.0], dtype=ag.float64, device=x.device), [[3.0, 1.0, 1.0]], [[4, 1, 2]]),
    "sort descending ties": (
        lambda x: ag.sort(x, descending=True) * ag.asarray([1.0, 2.0, 4.0], dtype=ag.float64, device=x.device),
        [[1.0, 3.0, 1.0]],
        [[2, 1, 4]],
    ),
    "take repeated": (lambda x: ag.take(x, ag.asarray([0, 0, 1, 0], device=x.device)), [[5.0, 6.0]], [[3, 1]]),
    "take_along_axis repeated": (lambda x: ag.take_along_axis(x, ag.asarray([0, 0, 1, 0], device=x.device)), [[5.0, 6.0]], [[3, 1]]),
    "where": (lambda x, y: ag.where(x > 0, x * 2, y * 3), [[-1.0, 1.0], [1.0, 1.0]], [[0, 2], [3, 0]]),
    "repeated index": (lambda x: x[ag.asarray([0, 0, 1, 0], device=x.device)], [[5.0, 6.0]], [[3, 1]]),
}


@pytest.mark.parametrize("name", KINKS)
def test_kink(name: str, make: Make) -> None:
    function, arrays, wanted = KINKS[name]
    check(function, arrays, wanted, make)


A, B = np.diag([2.0, 2.0, 5.0]), np.diag([0.0, 2.0, 5.0])
EYE = np.eye(3)
SINGULAR = np.array([[1.0, 2.0], [2.0, 4.0]])
MATRICES = {
    "linalg.det rank n-1": (linalg.det, SINGULAR, [[4, -2], [-2, 1]]),
    "linalg.det rank n-2": (linalg.det, np.diag([0.0, 0.0, 5.0]), np.zeros((3, 3))),
    "linalg.slogdet": (lambda x: linalg.slogdet(x).logabsdet, np.zeros((2, 2)), np.full((2, 2), NAN)),
    "linalg.slogdet in a batch": (lambda x: linalg.slogdet(x).logabsdet, np.stack([SINGULAR, 2 * EYE[:2, :2]]), [np.full((2, 2), NAN), EYE[:2, :2] / 2]),
    "linalg.eigvalsh": (linalg.eigvalsh, A, EYE),
    "linalg.eigh values": (lambda x: linalg.eigh(x).eigenvalues, A, EYE),
    "linalg.eigh vectors": (lambda x: linalg.eigh(x).eigenvectors[2, 2], EYE, np.full((3, 3), NAN)),
    "linalg.eigvals": (lambda x: ag.real(linalg.eigvals(x)), A, EYE),
    "linalg.eig values": (lambda x: ag.real(linalg.eig(x).eigenvalues), A, EYE),
    "linalg.svdvals": (linalg.svdvals, A, EYE),
    "linalg.svdvals at 0": (lambda x: linalg.svdvals(x)[:2], B, np.diag([0, 1, 1])),
    "linalg.svd values": (lambda x: linalg.svd(x).S, A, EYE),
    "linalg.pinv": (linalg.pinv, B, [[0, 1 / 4, 1 / 25], [1 / 4, -1 / 4, -1 / 10], [1 / 25, -1 / 10, -1 / 25]]),
    "linalg.matrix_norm at 0": (linalg.matrix_norm, 0 * A, 0 * A),
    "linalg.matrix_norm 1 ties": (lambda x: linalg.matrix_norm(x, ord=1), np.diag([5.0, 2.0, -5.0]), np.diag([0.5, 0, -0.5])),
    "linalg.matrix_norm -1 ties": (lambda x: linalg.matrix_norm(x, ord=-1), A, np.diag([0.5, 0.5, 0])),
    "linalg.matrix_norm 2 ties": (lambda x: linalg.matrix_norm(x, ord=2), np.diag([5.0, 2.0, -5.0]), np.diag([0.5, 0, -0.5])),
    "linalg.matrix_norm inf ties": (lambda x: linalg.matrix_norm(x, ord=INF), np.diag([5.0, 2.0, -5.0]), np.diag([0.5, 0, -0.5])),
    "linalg.matrix_norm -inf ties": (lambda x: linalg.matrix_norm(x, ord=-INF), A, np.diag([0.5, 0.5, 0])),
    **{f"linalg.vector_norm {ord} at 0": (lambda x, ord=ord: linalg.vector_norm(x, ord=ord), 0 * A, 0 * A) for ord in (0, 0.5, 1, 2, 3, INF, -1, -INF)},
    "linalg.vector_norm inf ties": (lambda x: linalg.vector_norm(x, ord=INF), np.array([3.0, -3.0, 1.0]), [0.5, -0.5, 0]),
    "linalg.vector_norm -inf ties": (lambda x: linalg.vector_norm(x, ord=-INF), np.array([3.0, -1.0, 1.0]), [0, -0.5, 0.5]),
}


@pytest.mark.parametrize("name", MATRICES)
def test_matrices(name: str, make: Make) -> None:
    """To rounding; the array library may warn where it divides by zero in the forward."""
    function, x, wanted = MATRICES[name]
    with np.errstate(all="ignore"):
        (found,) = derivatives(function, x, make=make, exact=False)
    np.testing.assert_allclose(found, wanted, rtol=1e-13, atol=1e-14)


INFINITE = {
    "sqrt": (ag.sqrt, [[0.0, 4.0]], [[INF, 0.25]]),
    "log": (ag.log, [[0.0, 2.0]], [[INF, 0.5]]),
    "x**0.5": (lambda x: x**0.5, [[0.0, 4.0]], [[INF, 0.25]]),
    "d/dy of a negative x**y": (lambda y: ag.pow(ag.asarray(np.array([-2.0, 2.0]), device=y.device), y), [[2.0, 1.0]], [[NAN, 2 * np.log(2.0)]]),
    "where does not hide NaN": (lambda x: ag.where(x > 0, ag.sqrt(x), x), [[-1.0, 4.0]], [[NAN, 0.25]]),
    "var of one, correction 1": (lambda x: ag.var(x, correction=1), [[2.0]], [[NAN]]),
}


@pytest.mark.parametrize("name", INFINITE)
def test_infinite_and_undefined_derivatives(name: str, make: Make) -> None:
    """Where the derivative is infinite or undefined the array library may warn, as it does in the forward."""
    function, arrays, wanted = INFINITE[name]
    with np.errstate(all="ignore"):
        check(function, arrays, wanted, make)


def test_where_gives_exact_zeros_beside_infinity(make: Make) -> None:
    x1, x2 = make(np.array([1.0, INF]), requires_grad=True), make(np.array([NAN, 2.0]), requires_grad=True)
    y = ag.where(make(np.array([True, False])), x1, x2)
    g1, g2 = ag.autograd.grad(y, (x1, x2), make(np.array([INF, INF])))
    assert g1.tolist() == [INF, 0.0]
    assert g2.tolist() == [0.0, INF]


def test_double_where_is_the_cure(make: Make) -> None:
    check(lambda x: ag.where(x > 0, ag.sqrt(ag.where(x > 0, x, 1.0)), x), [[-1.0, 4.0]], [[1, 0.25]], make)


SECOND = {
    "abs": (ag.abs, [-2.0, 0.0, 3.0], [0, 0, 0]),
    "x**2": (lambda x: x**2, [0.0, 1.0], [2, 2]),
    "x**3": (lambda x: x**3, [0.0, 1.0], [0, 6]),
    "square": (ag.square, [0.0, 1.0], [2, 2]),
    "std of equals": (ag.std, [2.0, 2.0], [0, 0]),
    "max ties": (ag.max, [2.0, 2.0, 1.0], [0, 0, 0]),
    "hypot": (lambda x: ag.hypot(x, x), [0.0], [0]),
    "atan2": (lambda x: ag.atan2(x, x), [0.0], [0]),
    "clip": (lambda x: ag.clip(x, -1.0, 1.0) ** 2, [-1.0, 0.5, 3.0], [2, 2, 0]),
}


@pytest.mark.parametrize("name", SECOND)
def test_second_derivative_at_a_kink(name: str, make: Make) -> None:
    function, point, wanted = SECOND[name]
    x = make(np.asarray(point), requires_grad=True)
    (g,) = ag.autograd.grad(ag.sum(function(x)), x, create_graph=True)
    h = ag.autograd.grad(ag.sum(g), x)[0].tolist() if g.requires_grad else [0.0] * len(point)
    assert h == wanted


def test_second_derivative_of_prod_with_two_zeros(make: Make) -> None:
    x = make(np.array([0.0, 5.0, 0.0]), requires_grad=True)
    (g,) = ag.autograd.grad(ag.prod(x), x, create_graph=True)
    rows = [ag.autograd.grad(g[i, ...], x, retain_graph=True)[0].tolist() for i in range(3)]
    assert rows == [[0, 0, 5], [0, 0, 0], [5, 0, 0]]


def test_complex_gradients_are_descent_directions(make: Make) -> None:
    (g,) = derivatives(lambda z: ag.abs(z) ** 2, [3 + 4j], make=make)
    np.testing.assert_allclose(g, [6 + 8j], rtol=1e-15)


def test_real_leaf_of_a_complex_result_has_a_real_gradient(make: Make) -> None:
    x = make(np.array([1.0, 2.0]), requires_grad=True)
    z = x * (1 + 2j)
    assert z.dtype == ag.complex128
    z.backward(make(np.array([1 + 0j, 1j])))
    assert x.grad.dtype == ag.float64
    assert x.grad.tolist() == [1.0, 2.0]


def test_a_complex_number_is_no_loss(make: Make) -> None:
    z = make(np.array(1 + 2j), requires_grad=True)
    with pytest.raises(RuntimeError, match="complex"):
        (z * z).backward()
    (z * z).backward(make(np.array(1 + 0j)))
    assert z.grad.item() == 2 - 4j


def test_dtypes_beside_zero_dimensional_tensors_and_numbers(make: Make) -> None:
    """The standard's promotion: 0-d tensors count as others do, Python's numbers are weak; a gradient has its leaf's dtype."""
    x = make(np.array([1.0, 2.0], np.float32), requires_grad=True)
    assert (x * 2.0).dtype == ag.float32
    y = x * make(np.array(3.0))
    assert y.dtype == ag.float64
    ag.sum(y).backward()
    assert x.grad.dtype == ag.float32
    assert (type(ag.sum(x)), ag.sum(x).shape) == (Tensor, ())


def test_integers_have_no_gradient(make: Make) -> None:
    x = make(np.array([1.5, 2.5]), requires_grad=True)
    assert not ag.astype(x, ag.int64).requires_grad  # the graph ends silently
    for array in (np.array([1, 2]), np.array([True])):
        with pytest.raises(RuntimeError, match="floating"):
            make(array, requires_grad=True)


def test_complex_dtypes_that_are_equal_but_not_identical() -> None:
    """Unpickled arrays and arrays of the other byte order have dtype objects of their own."""
    import pickle

    z = np.array([1 + 2j])
    for array in (z, pickle.loads(pickle.dumps(z)), z.astype(">c16")):
        x = ag.asarray(array, requires_grad=True)
        (x * x).backward(ag.asarray(np.array([1 + 0j])))
        assert x.grad.tolist() == [2 - 4j]
