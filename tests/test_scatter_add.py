"""The NumPy backend's `scatter_add`: what `np.add.at` gives, bit for bit, for keys of every form, small and large."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import anygrad_numpy
from anygrad_numpy import _scatter

rng = np.random.default_rng(0)


def indices(n: int, *shape: int, dtype: Any = np.int64) -> np.ndarray:
    """Indices of an axis of size n, with repeats; of signed dtypes also negative ones."""
    return rng.integers(-n if np.dtype(dtype).kind == "i" else 0, n, shape).astype(dtype)


WHOLE = slice(None)
KEYS: dict[str, tuple[tuple[int, ...], Any]] = {
    "rows": ((7, 5), indices(7, 300)),
    "rows in a tuple": ((7, 5), (indices(7, 300),)),
    "rows and an ellipsis": ((7, 5, 2), (indices(7, 300), ...)),
    "rows of several axes": ((7, 3, 2), indices(7, 20, 10)),
    "rows wider than a block": ((3, _scatter._BLOCK + 1), indices(3, 2)),
    "rows of many blocks": ((7, 5), indices(7, _scatter._BLOCK)),
    "rows of an even size": ((7, 4), indices(7, 300)),
    "small integers": ((7, 5), indices(7, 300, dtype=np.int8)),
    "unsigned integers": ((7, 5), indices(7, 300, dtype=np.uint8)),
    "vector": ((7,), indices(7, 2000)),
    "one place": ((7, 5), np.zeros(300, int)),
    "too few": ((7, 5), indices(7, 4)),
    "columns": ((4, 7), (WHOLE, indices(7, 300))),
    "last axis": ((2, 4, 7), (..., indices(7, 300))),
    "middle axis": ((2, 7, 3), (WHOLE, indices(7, 300))),
    "elements": ((7, 5), (indices(7, 900), indices(5, 900))),
    "elements, broadcast": ((7, 5), (indices(7, 90, 1), indices(5, 20))),
    "two axes behind whole ones": ((2, 3, 7, 5), (WHOLE, WHOLE, indices(7, 30, 1), indices(5, 20))),
    "two axes, rows": ((7, 5, 3), (indices(7, 300), indices(5, 300))),
    "integer beside": ((7, 5, 3), (-2, indices(5, 300))),
    "a column": ((7, 5), (indices(7, 900), 1)),
    "apart": ((7, 5, 3), (indices(7, 300), WHOLE, indices(3, 300))),
    "part of an axis": ((7, 5), (indices(7, 300), slice(1, 4))),
    "new axis": ((7, 5), (indices(7, 300), None)),
    "mask beside": ((7, 5), (indices(7, 2), np.array([True, False, True, False, False]))),
    "masks alone": ((40, 50), (np.arange(40) % 2 == 0, WHOLE)),
    "no rows": ((7, 5), indices(7, 0)),
    "rows of no elements": ((7, 0), indices(7, 300)),
}


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "longdouble", "complex64", "complex128", "int8", "uint64"])
@pytest.mark.parametrize("name", KEYS)
def test_same_bits(name: str, dtype: str) -> None:
    shape, key = KEYS[name]
    read = np.zeros(shape)[key].shape
    g = rng.standard_normal(read) * 10 + (1j * rng.standard_normal(read) if dtype.startswith("c") else 0)
    g = (np.abs(g) if dtype.startswith("u") else g).astype(dtype)
    expected = np.zeros(shape, dtype)
    np.add.at(expected, key, g)
    found = anygrad_numpy.scatter_add(shape, key, g)
    np.testing.assert_array_equal(found, expected, strict=True)
    assert found.flags.c_contiguous
    assert found.base is None


@pytest.mark.parametrize("make", [lambda g: g[:, ::-1], lambda g: np.asfortranarray(g), lambda g: np.broadcast_to(g[:1], g.shape)])
def test_layouts_of_the_gradient(make: Any) -> None:
    for width in (4, 5):
        g, places = make(rng.standard_normal((300, width))), indices(7, 300)
        expected = np.zeros((7, width))
        np.add.at(expected, places, g)
        np.testing.assert_array_equal(anygrad_numpy.scatter_add((7, width), places, g), expected)


def test_infinities_nan_and_signed_zeros() -> None:
    g = np.array([np.inf, -np.inf, np.nan, -0.0, 0.0, 1e308] * 200).reshape(-1, 4)
    places = indices(7, len(g))
    expected = np.zeros((7, 4))
    with np.errstate(all="ignore"):
        np.add.at(expected, places, g)
        found = anygrad_numpy.scatter_add((7, 4), places, g)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(np.signbit(found), np.signbit(expected))


@pytest.mark.parametrize("places", [np.full(300, 7), np.full(300, -8), (WHOLE, np.full(300, 5)), (np.zeros(300, int), 5), (np.zeros(300, int), 0, 0)])
def test_out_of_range(places: Any) -> None:
    with pytest.raises(IndexError):
        anygrad_numpy.scatter_add((7, 5), places, np.ones(900))


@pytest.mark.parametrize(("name", "quick"), [("rows", True), ("columns", True), ("integer beside", True), ("apart", False), ("new axis", False)])
def test_which_keys_become_rows(name: str, quick: bool) -> None:
    assert (_scatter._rows_read(*KEYS[name]) is not None) == quick
