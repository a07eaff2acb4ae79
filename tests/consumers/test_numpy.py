"""NumPy's own functions, handed Tensors: see numpy_cases.py; and what they do with Tensors that do not require grad."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy_cases import TABLE
from patterns import Pattern, check

import anygrad as ag


@pytest.mark.parametrize("pattern", TABLE, ids=repr)
def test_pattern(pattern: Pattern) -> None:
    check(pattern)


def test_where_no_gradient_can_get_lost_numpy_computes_itself():
    x = ag.tensor([3.0, 1.0, 2.0])
    assert np.lexsort((x,)).tolist() == [1, 2, 0]
    assert np.frexp(x)[1].tolist() == [2, 1, 2]
    x.requires_grad = True
    with pytest.raises(TypeError, match="np.lexsort is not supported for a Tensor that requires grad"):
        np.lexsort((x,))
    with ag.no_grad():
        assert np.lexsort((x,)).tolist() == [1, 2, 0]


def test_out_may_be_an_array_where_nothing_is_tracked():
    x, out = ag.tensor([3.0, 1.0]), np.zeros(2, np.float32)
    assert np.add(x, 1, out=out) is out
    assert np.sum(x, out=out[:1].reshape(())).tolist() == 4.0
    out *= x
    assert out.tolist() == [12.0, 2.0]


def test_out_of_a_function_is_written_on_the_record():
    x, out = ag.tensor([[3.0, 1.0]], requires_grad=True), ag.zeros(2)
    assert np.sum(x * x, axis=0, out=out) is out
    out.sum().backward()
    assert x.grad.tolist() == [[6.0, 2.0]]


def test_a_leaf_is_not_written_to():
    x = ag.tensor([3.0, 1.0], requires_grad=True)
    with pytest.raises(RuntimeError, match="leaf that requires grad"):
        np.multiply(x, 2, out=x)


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        (lambda x: np.shape(x), (2, 3)),
        (lambda x: np.ndim(x), 2),
        (lambda x: np.size(x), 6),
        (lambda x: np.size(x, 1), 3),
        (lambda x: np.allclose(x, x + 1e-12), True),
        (lambda x: np.array_equal(x, x * 2), False),
        (lambda x: np.array_equal(x, x[:1]), False),
        (lambda x: np.isclose(x, np.nan).any().item(), False),
        (lambda x: np.isclose(np.nan * x, np.nan * x, equal_nan=True).all().item(), True),
        (lambda x: np.iscomplexobj(x), False),
        (lambda x: np.isrealobj(x), True),
        (lambda x: np.result_type(x, np.complex64), np.dtype(np.complex128)),
        (lambda x: np.may_share_memory(x, x[0]), True),
        (lambda x: np.shares_memory(x, x + 1), False),
        (lambda x: np.array_repr(x), lambda x: repr(x)),
        (lambda x: np.array_str(x), lambda x: str(x)),
        (lambda x: np.argmax(x, axis=1).tolist(), [2, 2]),
        (lambda x: np.argsort(-x, axis=1).tolist(), [[2, 1, 0], [2, 1, 0]]),
        (lambda x: np.unique(x - x).tolist(), [0.0]),
        (lambda x: np.count_nonzero(x), 5),
        (lambda x: [i.tolist() for i in np.nonzero(x > 3)], [[1, 1], [1, 2]]),
        (lambda x: [i.tolist() for i in np.where(x > 3)], [[1, 1], [1, 2]]),
        (lambda x: np.any(x > 4), True),
        (lambda x: np.all(x > 1, axis=0).tolist(), [False, False, True]),
        (lambda x: np.logical_and.reduce(x > 0, axis=1).tolist(), [False, True]),
        (lambda x: np.isin(x, [2.0, 4.0]).sum(), 2),
        (lambda x: np.searchsorted(x[0], [0.5, 2.0]).tolist(), [1, 2]),
        (lambda x: np.mean(np.asarray(x > 2)), 0.5),
        (lambda x: np.mean(x > 2), 0.5),
    ],
)
def test_what_is_asked_about_tracked_tensors(found: Any, wanted: Any) -> None:
    x = ag.tensor(np.arange(6.0).reshape(2, 3), requires_grad=True)
    assert found(x) == (wanted(x) if callable(wanted) else wanted)


def test_numbers_stay_weak_and_scalars_of_numpy_do_not():
    x = ag.tensor([1.0, 2.0], dtype=ag.float32)
    assert np.add(x, 1.5).dtype == ag.float32
    assert np.where(x > 1, x, 0.0).dtype == ag.float32
    assert (np.float64(1.5) * x).dtype == ag.float64


def test_nan_of_nothing():
    x = ag.tensor([[np.nan, np.nan], [1.0, np.nan]], requires_grad=True)
    y = np.nanmax(x, axis=1)
    assert np.isnan(y[0].item())
    assert y[1] == 1.0
    y[1].backward()
    assert x.grad.tolist() == [[0.0, 0.0], [1.0, 0.0]]
    assert ag.isnan(np.nanmedian(x, axis=1)).tolist() == [True, False]
    assert ag.isnan(np.nanvar(x, axis=1)).tolist() == [True, False]
    (g,) = ag.autograd.grad(np.nanstd(ag.where(ag.asarray([True, True, False]), 2.0 * ag.ones(3) * x[1, 0], np.nan)), x)
    assert g.tolist() == [[0.0, 0.0], [0.0, 0.0]]


class Foreign:
    """An array of another library, which knows what to do with ours."""

    __array_ufunc__ = lambda self, *args, **kwargs: "theirs"  # noqa: E731
    __array_function__ = lambda self, *args, **kwargs: "theirs"  # noqa: E731


def test_what_we_do_not_know_is_left_to_it():
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    assert np.add(x, Foreign()) == "theirs"
    assert np.concatenate([x, Foreign()]) == "theirs"


def test_on_every_library(make: Any) -> None:
    x = make(np.asarray([0.5, 1.5]), requires_grad=True)
    y = np.sum(np.add(np.sin(x), [0.0, 0.0]) * np.mean(x))
    y.backward()
    assert y.device == x.device
    np.testing.assert_allclose(x.grad.numpy(force=True), np.cos([0.5, 1.5]) + (np.sin([0.5, 1.5]).sum()) / 2)
