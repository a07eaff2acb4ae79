"""Derivatives by central differences, in NumPy: what the tests compare with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Function = Callable[..., Sequence[np.ndarray]]
STEP = 3e-4
WEIGHTS = ((1, 8 / 12), (-1, -8 / 12), (2, -1 / 12), (-2, 1 / 12))  # error of order STEP**4


def weights_like(arrays: Sequence[np.ndarray], seed: int) -> list[np.ndarray]:
    """Random arrays of the same shapes and dtypes."""
    rng = np.random.default_rng(seed)
    return [np.asarray(rng.uniform(0.5, 1.5, a.shape) + (1j * rng.uniform(0.5, 1.5, a.shape) if a.dtype.kind == "c" else 0)).astype(a.dtype) for a in arrays]


def inner(xs: Sequence[np.ndarray], ys: Sequence[np.ndarray]) -> float:
    """The real inner product."""
    return float(sum(np.sum(np.real(np.conj(x) * y)) for x, y in zip(xs, ys, strict=True)))


def gradient(function: Function, arrays: Sequence[np.ndarray], wrt: Sequence[int], seeds: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The gradients of `inner(seeds, function(*arrays))`, of each array in `wrt`.

    For complex arrays it is d/dRe + i d/dIm, which is PyTorch's.
    """
    found = []
    for i in wrt:
        out = np.zeros_like(arrays[i])
        for place in np.ndindex(arrays[i].shape):
            for direction in (1, 1j) if out.dtype.kind == "c" else (1,):
                out[place] += direction * _slope(function, arrays, i, place, direction, seeds)
        found.append(out)
    return found


def _slope(function: Function, arrays: Sequence[np.ndarray], i: int, place: Any, direction: complex, seeds: Sequence[np.ndarray]) -> float:
    total = 0.0
    for steps, weight in WEIGHTS:
        moved = arrays[i].copy()
        moved[place] += direction * steps * STEP
        total += weight * inner(seeds, function(*arrays[:i], moved, *arrays[i + 1 :]))
    return total / STEP


def push(function: Function, arrays: Sequence[np.ndarray], wrt: Sequence[int], tangents: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The derivative of the function along `tangents`."""
    total: list[Any] | None = None
    for steps, weight in WEIGHTS:
        moved = list(arrays)
        for i, tangent in zip(wrt, tangents, strict=True):
            moved[i] = np.asarray(moved[i] + steps * STEP * tangent)
        values = [weight / STEP * y for y in function(*moved)]
        total = values if total is None else [a + b for a, b in zip(total, values, strict=True)]
    return [np.asarray(t) for t in total or []]
