"""What the tables of consumers consist of, and how a row is checked.

A pattern is a function that a user of the library would write. It is run on NumPy arrays, which gives
the values to expect, and on Tensors that require grad: values, and gradients against differences.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numeric
import numpy as np
import pytest

import anygrad as ag

NAN = "nan"
ENDS = "would lose its graph|ends its graph"  # what anygrad says when code that is not differentiable asks for a tracked tensor's values


@dataclass(frozen=True)
class Fixed:
    """An input that is not differentiated."""

    array: np.ndarray


@dataclass(frozen=True, eq=False)
class Pattern:
    """One call pattern.

    Attributes
    ----------
    arrays : tuple of arrays
        The inputs; floating and complex ones are differentiated, but those at `fixed`.
    rtol, atol : float
        Of the gradients, beside differences of an error of about 1e-9.
    refused : str
        Why the pattern cannot work; empty if it does.
    says : str
        What the error of a refused pattern says. NAN: there is none, but the gradient is NaN.
    """

    id: str
    function: Callable[..., Any]
    arrays: tuple[np.ndarray, ...]
    fixed: frozenset[int]
    rtol: float
    atol: float
    refused: str
    says: str

    def __repr__(self) -> str:
        return self.id

    def wrt(self) -> list[int]:
        return [i for i, a in enumerate(self.arrays) if a.dtype.kind in "fc" and i not in self.fixed]


class Table(list[Pattern]):
    """The patterns of one library."""

    def add(
        self,
        id: str,
        function: Callable[..., Any],
        *inputs: Any,
        domain: tuple[float, float] = (0.2, 1.8),
        rtol: float = 1e-6,
        atol: float = 1e-8,
        refused: str = "",
        says: str = ENDS,
    ) -> None:
        """A row. An input is a shape (random values of `domain`), a list or array, or Fixed of either."""
        rng = np.random.default_rng(zlib.crc32(id.encode()))
        arrays = []
        for given in inputs:
            x = given.array if isinstance(given, Fixed) else given
            arrays.append(rng.uniform(*domain, x) if isinstance(x, tuple) else np.asarray(x))
        fixed = frozenset(i for i, given in enumerate(inputs) if isinstance(given, Fixed))
        assert id not in [p.id for p in self], id
        self.append(Pattern(id, function, tuple(arrays), fixed, rtol, atol, refused, says))


def leaves(value: Any) -> Iterator[Any]:
    """The arrays in what a function returns: an array, a number, or a nested sequence of these."""
    if isinstance(value, (tuple, list)):
        for v in value:
            yield from leaves(v)
    else:
        yield value


def inexact(value: Any) -> bool:
    return isinstance(value, (float, complex)) or getattr(value, "dtype", np.dtype(bool)).kind in "fc"


def check(pattern: Pattern, device: Any = None) -> None:
    """Value and gradient of a pattern; or that it raises, if it has to."""
    tensors = [ag.tensor(a, device=device, requires_grad=i in pattern.wrt()) for i, a in enumerate(pattern.arrays)]
    if pattern.refused and pattern.says == NAN:
        (y,) = leaves(pattern.function(*tensors))
        grads = ag.autograd.grad(y.sum(), [x for x in tensors if x.requires_grad])
        assert any(np.isnan(g.numpy()).any() for g in grads)
        return
    if pattern.refused:
        with pytest.raises(Exception, match=pattern.says):
            pattern.function(*tensors)
        return

    def values(*arrays: np.ndarray) -> list[np.ndarray]:
        return [np.asarray(y) for y in leaves(pattern.function(*arrays)) if inexact(y)]

    wanted = values(*[a.copy() for a in pattern.arrays])
    found = [y for y in leaves(pattern.function(*tensors)) if inexact(y)]
    assert len(found) == len(wanted)
    for y, w in zip(found, wanted, strict=True):
        assert isinstance(y, ag.Tensor), f"not a Tensor but {type(y).__name__}"
        assert y.device == tensors[0].device
        np.testing.assert_allclose(y.numpy(force=True), w, rtol=1e-7, atol=1e-9)
    for x, a in zip(tensors, pattern.arrays, strict=True):
        np.testing.assert_array_equal(x.numpy(force=True), a, err_msg="the input was changed")
    seeds = numeric.weights_like(wanted, seed=1)
    tracked = [(y, s) for y, s in zip(found, seeds, strict=True) if y.requires_grad]
    assert tracked, "no output requires grad"
    wrt = pattern.wrt()
    grads = ag.autograd.grad(
        [y for y, _ in tracked],
        [tensors[i] for i in wrt],
        [ag.asarray(s, dtype=y.dtype, device=y.device) for y, s in tracked],
        allow_unused=True,
        materialize_grads=True,
    )
    slopes = numeric.gradient(values, [a.copy() for a in pattern.arrays], wrt, seeds)
    assert any(np.any(s != 0) for s in slopes), "the pattern tests nothing: its derivative is zero"
    for g, s in zip(grads, slopes, strict=True):
        np.testing.assert_allclose(g.numpy(force=True), s, rtol=pattern.rtol, atol=pattern.atol)
