"""`gradcheck` of forward mode: tangents against differences along the same directions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._batched import Batch
from .._forward import change, push_through
from .._tensor import Tensor
from .._tree import leaves
from ..ops.creation import asarray

Array = np.ndarray


def mismatch(
    func: Callable[..., Any], inputs: Sequence[Any], position: int, directions: Sequence[Array], differences: dict[int, list[Array]], rtol: float, atol: float
) -> str | None:
    """What is wrong with the tangents along one input; None if they are as the differences are.

    Parameters
    ----------
    func, inputs
        What is checked; `position` is that of the input.
    directions : sequence of arrays
        Rows of the size of the input; those of the second array are imaginary directions.
    differences : dict
        For each output that can have a tangent its differences, as rows, for each of the directions.
    """
    x = inputs[position]
    for part, (unit, rows) in enumerate(zip((1, 1j), directions, strict=False)):
        if part and x.dtype.kind != "c":
            break
        for n, row in enumerate(rows):
            changes = _pushed(func, inputs, position, tensor_like(unit * row, x))
            for i, wanted in differences.items():
                found = changes[i].numpy(force=True).reshape(-1)
                if not np.allclose(found, wanted[part][n], rtol, atol):
                    return (
                        f"Jacobian computed with forward mode mismatch for output {i} with respect to input {position}, along the {'imaginary ' if part else ''}direction "
                        f"{row}:\nnumerical:\n{wanted[part][n]}\nanalytical:\n{found}"
                    )
    return None


def tensor_like(values: Array, x: Tensor) -> Tensor:
    """An array as a Tensor of the shape and dtype of x, on its device."""
    return asarray(values.reshape(x.shape).astype(x.dtype), device=x.device)


def batched_mismatch(func: Callable[..., Any], inputs: Sequence[Any], position: int) -> str | None:
    """What is wrong with a batch of tangents of one input; None if it gives what each of them does."""
    x, random = inputs[position], np.random.default_rng(0)
    rows = asarray(random.uniform(-1, 1, (2, *x.shape)).astype(x.dtype), device=x.device)
    expected = [_pushed(func, inputs, position, row) for row in rows]
    with Batch(2) as batch:
        found = [batch.exposed(t) for t in _pushed(func, inputs, position, batch.covered(rows))]
    for i, t in enumerate(found):
        wanted = np.stack([row[i].numpy(force=True) for row in expected])
        if not np.allclose(t.numpy(force=True), wanted):
            return f"batched tangents differ for output {i} and input {position}\nGot:\n{t.numpy(force=True)}\nExpected:\n{wanted}"
    return None


def _pushed(func: Callable[..., Any], inputs: Sequence[Any], position: int, tangent: Tensor) -> list[Tensor]:
    """The tangents of the outputs along one of one input."""
    places = [i for i, t in enumerate(inputs) if isinstance(t, Tensor)]

    def call(*tensors: Tensor) -> Any:
        own = list(inputs)
        for i, t in zip(places, tensors, strict=True):
            own[i] = t
        return func(*own)

    return list(leaves(change(push_through(call, [inputs[i] for i in places], [tangent if i == position else None for i in places]))))
