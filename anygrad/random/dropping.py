"""Dropout."""

from __future__ import annotations

from typing import Any

from .._errors import DTypeError
from .._generator import Generator, draw
from .._tensor import Tensor
from ..ops._axes import as_tensor
from ..ops.draws import random_dropout
from ._common import batches_of, source


def dropout(x: Any, p: float = 0.5, training: bool = True, *, generator: Generator | None = None) -> Tensor:
    """x with each element set to 0 with probability p, and the others divided by 1 - p, so that the mean stays.

    The graph keeps a seed and a position, not which elements these are: backward computes it again.

    Parameters
    ----------
    x : Tensor
        Floating or complex.
    p : float
        In [0, 1], used in multiples of 2**-32.
    training : bool
        False returns x itself.
    generator : Generator, optional

    Raises
    ------
    ValueError
        If p is not in [0, 1].
    """
    x = as_tensor(x)
    if x.dtype.kind in "biu":
        raise DTypeError(f"dropout: x must be of a floating point or complex dtype, not {x.dtype}. Use `.astype(anygrad.float32)`.")
    if isinstance(p, bool) or not isinstance(p, (int, float)):
        raise TypeError(f"dropout: p must be a number, not {type(p).__name__}")
    if not 0 <= p <= 1:
        raise ValueError(f"dropout: p must be in [0, 1], got {p}")
    stream, batches = source("dropout", generator), batches_of("dropout")
    if not training or p == 0:
        return x
    for batch in reversed(batches):
        x = batch.exposed(x)
    seed, position = draw(stream, x.size, 1)
    out = random_dropout(x, shared=(), threshold=round(p * 2**32), scale=1 / (1 - p) if p < 1 else 1.0, seed=seed, position=position)
    for batch in batches:
        out = batch.covered(out)
    return out
