"""Functions beyond the standard, beyond their rows in op_cases.py: what they refuse, views, dtypes, patterns of `pad`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import anygrad as ag

X = np.arange(12.0).reshape(3, 4)
EMPTY = np.zeros((0, 2))

BAD: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: ag.pad(X, 1, "median"), ValueError, "mode must be one of 'constant', 'edge', 'reflect', 'symmetric', 'wrap', not 'median'"),
    (lambda: ag.pad(X, ((1, 1), (1, 1), (1, 1))), ag.ShapeError, "such a pair for each of 2 axes"),
    (lambda: ag.pad(X, (1, 2, 3)), ag.ShapeError, "one pair (before, after)"),
    (lambda: ag.pad(X, -1), ag.ShapeError, "use a slice"),
    (lambda: ag.pad(X, 1.5), TypeError, "pad_width must be of integers, not 1.5"),
    (lambda: ag.pad(X, 1, constant_values=(1, 2, 3)), ag.ShapeError, "constant_values"),
    (lambda: ag.pad(EMPTY, 1, "wrap"), ag.ShapeError, "axis 0 of shape (0, 2), which is empty. Use mode 'constant'"),
    (lambda: ag.split(X, 2), ag.ShapeError, "axis 0 of shape (3, 4) cannot be divided into 2 equal pieces. Use array_split"),
    (lambda: ag.split(X, 0), ValueError, "at least 1, not 0"),
    (lambda: ag.split(X, 2, axis=2), ag.AxisError, "axis 2 is out of range"),
    (lambda: ag.split(X, 1.5), TypeError, "number of pieces or a sequence of places, not 1.5"),
    (lambda: ag.chunk(X, 0), ValueError, "at least 1, not 0"),
    (lambda: ag.diag(np.zeros((2, 2, 2))), ag.ShapeError, "needs one or two dimensions, got shape (2, 2, 2). Use diagonal."),
    (lambda: ag.diagonal(X, 0, 0, 0), ag.ShapeError, "names an axis twice"),
    (lambda: ag.diagonal(X[0]), ag.AxisError, "axis 1 is out of range"),
    (lambda: ag.swapaxes(X, 0, 2), ag.AxisError, "axis 2 is out of range"),
    (lambda: ag.hstack([]), ValueError, "at least one array"),
    (lambda: ag.column_stack([X, X[0]]), ag.ShapeError, "concat"),
    (lambda: ag.repeat(X, [1, -1, 2], axis=0), ValueError, "not negative; got int64 numbers, the smallest -1"),
    (lambda: ag.repeat(X, [1.0, 2.0, 0.0], axis=0), ValueError, "repeats must be integers"),
    (lambda: ag.repeat(X, [1, 2], axis=0), ag.ShapeError, "repeats of shape (2,) for an axis of size 3"),
    (lambda: ag.dot(X, X), ag.ShapeError, "(3, 4) and (3, 4) do not match"),
]


@pytest.mark.parametrize(("call", "kind", "words"), BAD, ids=[words for _, _, words in BAD])
def test_errors(call: Callable[[], Any], kind: type[Exception], words: str) -> None:
    with pytest.raises(kind) as caught:
        call()
    assert words.lower() in str(caught.value).lower()


@pytest.mark.parametrize("mode", ["edge", "reflect", "symmetric", "wrap"])
def test_pad_continues_the_pattern_for_any_width(mode: str) -> None:
    for n in range(1, 5):
        for before in range(10):
            for after in (0, 1, n - 1, n, 2 * n, 9):
                x = np.arange(float(n))
                np.testing.assert_array_equal(ag.pad(x, (before, after), mode).numpy(), np.pad(x, (before, after), mode), strict=True)


@pytest.mark.parametrize("width", [2, (1, 2), [(1, 2)], ((1,), (2,)), np.array([[0, 1], [2, 0]])])
def test_pad_width_in_numpys_forms(width: Any) -> None:
    np.testing.assert_array_equal(ag.pad(X, width).numpy(), np.pad(X, width), strict=True)


@pytest.mark.parametrize("dtype", ["bool", "int16", "float32", "complex64"])
def test_pad_keeps_the_dtype(dtype: str) -> None:
    x = X.astype(dtype)
    for mode in ("constant", "reflect"):
        np.testing.assert_array_equal(ag.pad(x, 1, mode).numpy(), np.pad(x, 1, mode), strict=True)


@pytest.mark.parametrize("function", [lambda x: ag.pad(x, 0), lambda x: ag.nan_to_num(x)])
def test_a_copy_where_nothing_changes(function: Any) -> None:
    x = ag.zeros(2, dtype=ag.int64)
    function(x)[0] = 1
    assert x.tolist() == [0, 0]


@pytest.mark.parametrize("function", [lambda x: ag.split(x, 2, 1), lambda x: ag.array_split(x, [2, 1]), lambda x: ag.chunk(x, 2)])
def test_pieces_are_views(function: Any) -> None:
    """Writes are seen in x, on the record too."""
    x = ag.asarray(X.copy())
    function(x)[0].fill_(7.0)
    assert x[0, 0].item() == 7.0
    x = ag.tensor(X, requires_grad=True)
    y = x * 1.0
    pieces = function(y)
    assert all(piece._is_view() for piece in pieces)
    pieces[0].mul_(2.0)
    (g,) = ag.autograd.grad(y.sum(), x)
    assert g[0, 0].item() == 2.0
    assert g.sum().item() == g.size + pieces[0].size


@pytest.mark.parametrize("function", [ag.diagonal, ag.diag, ag.ravel, lambda x: ag.swapaxes(x, 0, 1)])  # fmt: skip
def test_views(function: Any) -> None:
    """A write to the view is a write to x, on the record."""
    x = ag.tensor(X, requires_grad=True)
    base = x * 1.0
    view = function(base)
    view *= 3.0
    ag.sum(base).backward()
    written = X.copy()
    written.fill(1.0)
    moved = ag.asarray(written)
    part = function(moved)
    part *= 3.0
    np.testing.assert_array_equal(x.grad.numpy(), moved.numpy())


def test_pieces_of_an_empty_axis() -> None:
    assert [y.shape for y in ag.chunk(EMPTY, 3)] == [(0, 2)] * 3  # as in PyTorch
    assert [y.shape for y in ag.array_split(EMPTY, 2)] == [(0, 2)] * 2


def test_nan_to_num_takes_the_largest_of_the_dtype() -> None:
    for dtype in ("float32", "float64", "complex64"):
        x = np.array([np.nan, np.inf, -np.inf, 1.5]).astype(dtype)
        np.testing.assert_array_equal(ag.nan_to_num(x).numpy(), np.nan_to_num(x), strict=True)
    np.testing.assert_array_equal(ag.nan_to_num(np.arange(3)).numpy(), np.arange(3), strict=True)


def test_relu_of_integers() -> None:
    np.testing.assert_array_equal(ag.relu(np.array([-1, 0, 2])).numpy(), np.array([0, 0, 2]), strict=True)


def test_allclose() -> None:
    x = np.array([1.0, np.inf, np.nan])
    assert ag.allclose(x[:2], x[:2] * (1 + 1e-6)) is True
    assert ag.allclose(x, x) is False
    assert ag.allclose(x, x, equal_nan=True) is True
    assert ag.allclose(ag.tensor([1.0, 2.0], requires_grad=True), 1.5, rtol=0, atol=0.5) is True


def test_other_names() -> None:
    assert ag.concatenate is ag.cat is ag.concat
    assert (ag.mm, ag.permute, ag.unsqueeze) == (ag.matmul, ag.permute_dims, ag.expand_dims)
    assert ag.cumsum is ag.cumulative_sum
    assert ag.cumprod is ag.cumulative_prod
    assert ag.clamp is ag.clip
    assert ag.sigmoid is ag.special.expit
    assert ag.softmax is ag.special.softmax
