"""Tensors that stand for more than their array while a function is transformed: dual numbers, batches.

Their class is not Tensor itself, so the written paths (which ask `type(x) is Tensor`) pass them
on to `apply` in _recording.py, and that gives the call to the input of the innermost level. A
computation without such tensors pays nothing for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ._tensor import Tensor

if TYPE_CHECKING:
    from ._primitive import Primitive


class Transformed(Tensor):
    """A tensor at one level of nested transforms; the innermost has the highest level."""

    __slots__ = ("level",)
    level: int

    def interpret(self, made: Primitive, inputs: Sequence[Any], params: dict[str, Any]) -> Any:
        """What the primitive gives for inputs of which this one is the innermost."""
        raise NotImplementedError


def innermost(inputs: Sequence[Any]) -> Transformed | None:
    """The input of the highest level; None if they are all plain."""
    found = None
    for x in inputs:
        if isinstance(x, Transformed) and (found is None or x.level > found.level):
            found = x
    return found
