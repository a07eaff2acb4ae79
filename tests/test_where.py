"""The NumPy backend's `where`: what `np.where` gives, bit for bit, for arrays of every form, small and large."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import anygrad_numpy
from anygrad_numpy import _where

rng = np.random.default_rng(0)
MANY = 2 * _where._BLOCK + 3


def numbers(dtype: str, *shape: int) -> np.ndarray:
    """Random bytes, among which there are NaN, infinities, zeros of both signs and subnormal numbers."""
    size = int(np.prod(shape, dtype=int)) * np.dtype(dtype).itemsize
    out = np.frombuffer(rng.bytes(size), dtype) if dtype != "bool" else rng.random(size) > 0.5
    out = out.reshape(shape).copy()
    if out.size and out.dtype.kind in "fc":
        out.reshape(-1)[::7], out.reshape(-1)[1::7], out.reshape(-1)[2::7], out.reshape(-1)[3::7] = np.nan, -0.0, 0.0, np.inf
    return out


def same_bits(found: Any, expected: np.ndarray) -> None:
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    assert found.tobytes() == expected.tobytes()


@pytest.mark.parametrize("size", [0, 1, _where._MANY - 1, _where._MANY, _where._BLOCK, MANY])
@pytest.mark.parametrize("dtype", ["bool", "int8", "uint16", "int32", "float16", "float32", "float64", "complex64", "complex128", ">f4"])
def test_same_bits(dtype: str, size: int) -> None:
    condition, x1, x2 = rng.random(size) > 0.5, numbers(dtype, size), numbers(dtype, size)
    before = condition.copy(), x1.copy(), x2.copy()
    found = anygrad_numpy.where(condition, x1, x2)
    same_bits(found, np.where(condition, x1, x2))
    assert found.base is None
    for x, held in zip((condition, x1, x2), before, strict=True):
        same_bits(x, held)


@pytest.mark.parametrize(
    ("form1", "form2"),
    [
        (lambda x: x, lambda x: x[:1, :1].reshape(())),
        (lambda x: x[:1, :1].reshape(()), lambda x: x),
        (lambda x: x, lambda x: x[:1]),
        (lambda x: x[:, :1], lambda x: x),
        (lambda x: x, lambda x: x[::-1]),
        (np.asfortranarray, lambda x: x),
        (lambda x: x, lambda x: x.astype("float64")),
        (lambda x: x, lambda x: 2.0),
        (lambda x: x[:, :1], lambda x: x[:1]),
        (lambda x: x[:1, :1].reshape(()), lambda x: x[1:2, 1:2].reshape(())),
    ],
)
def test_forms(form1: Any, form2: Any) -> None:
    condition = rng.random((200, 300)) > 0.5
    with np.errstate(invalid="ignore"):  # of casts of NaN
        x1, x2 = form1(numbers("float32", 200, 300)), form2(numbers("float32", 200, 300))
        same_bits(anygrad_numpy.where(condition, x1, x2), np.where(condition, x1, x2))
        same_bits(anygrad_numpy.where(condition.T, x1.T, x2.T if hasattr(x2, "T") else x2), np.where(condition.T, x1.T, x2.T if hasattr(x2, "T") else x2))
        same_bits(anygrad_numpy.where(condition[:1], x1, x2), np.where(condition[:1], x1, x2))
        same_bits(anygrad_numpy.where(condition.astype("float32"), x1, x2), np.where(condition, x1, x2))
