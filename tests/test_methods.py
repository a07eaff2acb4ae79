"""The methods of Tensor: each is its function, with NumPy's or PyTorch's arguments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import anygrad as ag
from anygrad._function_methods import FunctionMethods

X = np.array([[0.5, -1.25, 2.0], [3.0, 0.25, -0.75]])
SQUARE = np.array([[1.0, 2.0], [3.0, 5.0]])
CUBE = np.arange(12.0).reshape(2, 3, 2)

# (arguments of the method, the same in NumPy), of X if no other array is given
METHODS: list[tuple[str, tuple[Any, ...], Any]] = [
    ("sum", (0,), lambda x: x.sum(0)),
    ("sum", (), lambda x: x.sum()),
    ("mean", (-1, True), lambda x: x.mean(-1, keepdims=True)),
    ("prod", (1,), lambda x: x.prod(1)),
    ("max", (1,), lambda x: x.max(1)),
    ("min", (), lambda x: x.min()),
    ("var", (0,), lambda x: x.var(0)),
    ("std", (1, 1), lambda x: x.std(1, ddof=1)),
    ("all", (0,), lambda x: x.all(0)),
    ("any", (), lambda x: x.any()),
    ("argmax", (1,), lambda x: x.argmax(1)),
    ("argmin", (), lambda x: x.argmin()),
    ("logsumexp", (1,), lambda x: np.log(np.exp(x).sum(1))),
    ("trace", (1,), lambda x: x.trace(1)),
    ("cumsum", (1,), lambda x: x.cumsum(1)),
    ("cumprod", (0,), lambda x: x.cumprod(0)),
    ("argsort", (), lambda x: x.argsort()),
    ("argsort", (0, True), lambda x: (-x).argsort(0)),
    ("softmax", (1,), lambda x: np.exp(x) / np.exp(x).sum(1, keepdims=True)),
    ("log_softmax", (0,), lambda x: x - np.log(np.exp(x).sum(0))),
    ("take", ([2, 0], 1), lambda x: x.take([2, 0], 1)),
    ("nonzero", (), lambda x: x.nonzero()),
    ("diagonal", (1,), lambda x: x.diagonal(1)),
    ("masked_fill", (X > 0, -np.inf), lambda x: np.where(x > 0, -np.inf, x)),
    ("reshape", (3, 2), lambda x: x.reshape(3, 2)),
    ("reshape", ((3, -1),), lambda x: x.reshape(3, 2)),
    ("view", (-1,), lambda x: x.ravel()),
    ("view", ((1, 6),), lambda x: x.reshape(1, 6)),
    ("ravel", (), lambda x: x.ravel()),
    ("flatten", (), lambda x: x.flatten()),
    ("squeeze", (), lambda x: x),
    ("unsqueeze", (-1,), lambda x: x[..., None]),
    ("expand", (4, 2, 3), lambda x: np.broadcast_to(x, (4, 2, 3))),
    ("expand", ((2, -1, -1),), lambda x: np.broadcast_to(x, (2, 2, 3))),
    ("transpose", (), lambda x: x.T),
    ("transpose", (1, 0), lambda x: x.T),
    ("permute", (1, 0), lambda x: x.T),
    ("permute", ((-1, 0),), lambda x: x.T),
    ("swapaxes", (0, -1), lambda x: x.T),
    ("chunk", (2, 1), lambda x: (x[:, :2], x[:, 2:])),
    ("t", (), lambda x: x.T),
    ("dot", (X.T,), lambda x: x @ X.T),
    ("matmul", (X.T,), lambda x: x @ X.T),
    ("mm", (X.T,), lambda x: x @ X.T),
    ("abs", (), np.abs),
    ("exp", (), np.exp),
    ("log", (), np.log),
    ("sqrt", (), np.sqrt),
    ("square", (), np.square),
    ("pow", (2,), lambda x: x**2),
    ("sin", (), np.sin),
    ("cos", (), np.cos),
    ("tanh", (), np.tanh),
    ("sigmoid", (), lambda x: 1 / (1 + np.exp(-x))),
    ("relu", (), lambda x: np.maximum(x, 0)),
    ("clip", (-1, 1), lambda x: x.clip(-1, 1)),
    ("clamp", (0,), lambda x: x.clip(0)),
    ("round", (), np.round),
    ("round", (1,), lambda x: x.round(1)),
    ("conj", (), np.conj),
    ("type_as", (np.float32(1),), lambda x: x.astype(np.float32)),
    ("float", (), lambda x: x.astype(np.float32)),
    ("double", (), lambda x: x),
    ("int", (), lambda x: x.astype(np.int32)),
    ("long", (), lambda x: x.astype(np.int64)),
    ("bool", (), lambda x: x.astype(bool)),
    ("dim", (), np.ndim),
    ("numel", (), np.size),
]


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize(("name", "arguments", "reference"), METHODS, ids=[f"{name}-{i}" for i, (name, _, _) in enumerate(METHODS)])
def test_method(name: str, arguments: Any, reference: Any) -> None:
    if name in ("masked_fill", "type_as"):
        arguments = tuple(ag.asarray(a) if isinstance(a, (np.ndarray, np.generic)) else a for a in arguments)
    found, wanted = getattr(ag.asarray(X), name)(*arguments), reference(X)
    if not isinstance(found, tuple):
        found, wanted = (found,), (wanted,)
    for y, y0 in zip(found, wanted, strict=True):
        np.testing.assert_allclose(np.asarray(y), y0, rtol=1e-14)
        assert not isinstance(y, ag.Tensor) or y.dtype == y0.dtype


def test_every_method_has_a_row() -> None:
    methods = {name for name, value in vars(FunctionMethods).items() if callable(value) and not name.startswith("_")}
    assert methods - {name for name, _, _ in METHODS} == set()


RECORDED = "sum mean prod max min var std logsumexp trace cumsum cumprod softmax log_softmax take diagonal reshape view ravel flatten squeeze unsqueeze expand transpose permute swapaxes t dot matmul mm abs exp square pow sin cos tanh sigmoid relu clip clamp round conj float double masked_fill"  # fmt: skip


@pytest.mark.parametrize("name", RECORDED.split())
def test_recorded(name: str) -> None:
    arguments = next(arguments for method, arguments, _ in METHODS if method == name)
    x = ag.tensor(X, requires_grad=True)
    y = getattr(x, name)(*arguments)
    assert y.requires_grad
    ag.sum(y).backward()
    assert x.grad.shape == x.shape


def test_round_to_decimals() -> None:
    x = np.array([1234.5678, -0.055, 2.5])
    for decimals in (2, 1, 0, -1, -2):
        np.testing.assert_allclose(ag.asarray(x).round(decimals).numpy(), x.round(decimals), rtol=1e-15)
    whole = np.array([1234, -55, 7])
    for decimals in (1, 0, -1, -2):
        np.testing.assert_array_equal(ag.asarray(whole).round(decimals).numpy(), whole.round(decimals), strict=True)


def test_flatten_some_axes() -> None:
    x = ag.asarray(np.zeros((2, 3, 4)))
    assert x.flatten(1).shape == (2, 12)
    assert x.flatten(0, 1).shape == (6, 4)
    assert ag.asarray(1.0).flatten().shape == (1,)
    with pytest.raises(ag.ShapeError, match="start_axis 2 comes after end_axis 0"):
        x.flatten(2, 0)


def test_view_shares_memory_or_raises() -> None:
    x = ag.zeros(2, 3)
    x.view(6)[0] = 1.0
    assert x[0, 0].item() == 1.0
    with pytest.raises(ValueError, match="needs a copy"):
        x.T.view(6)
    assert x.view(ag.float32)._base is x
    with pytest.raises(ag.DTypeError, match="astype"):
        x.view(ag.int32)


def test_transpose_of_two_axes_of_several_names_swapaxes() -> None:
    """PyTorch's `transpose(1, 2)` swaps two axes, NumPy's names all of them."""
    with pytest.raises(ag.ShapeError) as caught:
        ag.asarray(CUBE).transpose(1, 2)
    assert ".swapaxes(1, 2)" in str(caught.value)


def test_dtype_methods_return_the_tensor_itself_where_nothing_changes() -> None:
    x = ag.asarray(X)
    assert x.double() is x
    assert x.type_as(ag.asarray(SQUARE)) is x


def test_no_methods_whose_meanings_differ() -> None:
    """`sort` (in place; values and indices), `repeat` (elements; the whole), `split` (how many; how large)."""
    assert not [name for name in ("sort", "repeat", "split") if hasattr(ag.Tensor, name)]
