"""First and second derivatives of a function, checked against differences: for the tests of the extensions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numeric
import numpy as np

import anygrad as ag


def host(t: ag.Tensor) -> np.ndarray:
    return t.numpy(force=True)


def outputs(value: Any) -> tuple[ag.Tensor, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


def check(function: Callable[..., Any], *arrays: np.ndarray, make: Any = ag.tensor, second: bool = True, rtol: float = 1e-6, atol: float = 1e-8) -> None:
    """Compare gradients with differences of values, and second ones with differences of gradients.

    `function` gives a Tensor or several; the gradients are those with respect to all `arrays`,
    float64 or complex128, once from the rules on raw arrays and once from those on Tensors.
    """
    wrt = range(len(arrays))

    def values(*moved: np.ndarray) -> list[np.ndarray]:
        return [host(y) for y in outputs(function(*map(ag.asarray, moved)))]

    seeds = numeric.weights_like(values(*arrays), seed=1)

    def first(*moved: np.ndarray, make: Any = ag.tensor, recorded: bool = False) -> Any:
        xs = [make(a, requires_grad=True) for a in moved]
        grads = ag.autograd.grad(outputs(function(*xs)), xs, [make(a) for a in seeds], create_graph=recorded)
        return (xs, grads) if recorded else [host(g) for g in grads]

    raw = first(*arrays, make=make)
    for found, wanted in zip(raw, numeric.gradient(values, arrays, wrt, seeds), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=rtol, atol=atol, strict=True)
    xs, recorded = first(*arrays, make=make, recorded=True)
    for a, b in zip(raw, recorded, strict=True):
        np.testing.assert_allclose(host(b), a, rtol=1e-12, atol=1e-13, strict=True)
    if not second:
        return
    vs = numeric.weights_like(raw, seed=2)
    live = [(g, make(v)) for g, v in zip(recorded, vs, strict=True) if g.requires_grad]
    found2 = ag.autograd.grad([g for g, _ in live], xs, [v for _, v in live], materialize_grads=True) if live else [ag.zeros_like(x) for x in xs]
    for found, wanted in zip(found2, numeric.gradient(first, arrays, wrt, vs), strict=True):
        np.testing.assert_allclose(host(found), wanted, rtol=rtol, atol=atol, strict=True)
