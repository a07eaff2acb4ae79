"""What random numbers do to tensors that are differentiated."""

from __future__ import annotations

from typing import Any

from .._primitive import linear, primitive


@linear("Dropout", x=lambda g, shared, threshold, scale, seed, position, xp: xp.random_dropout(
    g, shared=shared, threshold=threshold, scale=scale, seed=seed, position=position
))  # fmt: skip
def random_dropout(xp: Any, x: Any, *, shared: tuple[int, ...], threshold: int, scale: float, seed: int, position: int) -> Any:
    """x times `scale`, and 0 where an element's word of a stream is below the threshold; along `shared` axes all have the same word.

    What is kept follows from the seed and the position, so nothing else is saved: backward computes it again.
    """
    return xp.random_dropout(x, shared=shared, threshold=threshold, scale=scale, seed=seed, position=position)


@primitive(jvp="elementwise", p=lambda g, xp: xp.zeros_like(g))
def bernoulli(xp: Any, uniform: Any, p: Any) -> Any:
    """1 where a number from [0, 1) is below p, else 0."""
    return xp.astype(uniform < p, p.dtype)
