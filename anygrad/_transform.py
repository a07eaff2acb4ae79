"""Tensors that stand for more than their array while a function is transformed: dual numbers, batches.

Their class is not Tensor itself, so the written paths (which ask `type(x) is Tensor`) pass them
on to `apply` in _recording.py, and that gives the call to the input of the innermost level. A
computation without such tensors pays nothing for them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from . import _modes
from ._graph import Cell
from ._tensor import Tensor

if TYPE_CHECKING:
    from ._primitive import Primitive

# Each transform takes the next number when it starts, so that the ones inside it have higher levels.
levels = itertools.count(1)


class Transformed(Tensor):
    """A tensor at one level of nested transforms; the innermost has the highest level."""

    __slots__ = ()
    level: int

    def interpret(self, made: Primitive, inputs: Sequence[Any], params: dict[str, Any]) -> Any:
        """What the primitive gives for inputs of which this one is the innermost."""
        raise NotImplementedError

    def write(self, x: Tensor, made: Primitive, others: tuple[Any, ...], raw_write: Callable[..., Any]) -> Tensor:
        """Write to x in place, where this is the innermost of x and the others (see `write` in ops/inplace.py)."""
        raise NotImplementedError

    def pull(self, rest: Callable[..., Any], outputs: Sequence[Any], inputs: Sequence[Any], seeds: Sequence[Any]) -> list[Tensor | None]:
        """The gradients of inputs, where this is the innermost of the outputs; `rest(outputs, inputs, seeds)` does it without this level."""
        raise NotImplementedError

    def call_function(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What an `autograd.Function` gives for these arguments."""
        raise NotImplementedError

    @property
    def scope(self) -> AbstractContextManager[Any]:
        """The context in which its level is active."""
        raise NotImplementedError

    def parts(self) -> tuple[Tensor, ...]:
        """The tensors of which this one is made; the first is the one that it stands in for."""
        raise NotImplementedError

    def of_parts(self, parts: Sequence[Tensor]) -> Tensor:
        """One like this, made of others."""
        raise NotImplementedError

    def plain(self, use: str) -> Tensor:
        """The Tensor whose values leave the library, by `use`; raises where there is no single one."""
        first = self.parts()[0]
        return first.plain(use) if isinstance(first, Transformed) else first

    def like(self, made: Tensor) -> Tensor:
        """What `zeros_like(self)` and the like return, given a plain Tensor of this shape."""
        first = self.parts()[0]
        return first.like(made) if isinstance(first, Transformed) else made


def is_tracked(x: Any) -> bool:
    """Whether something is a tensor that must stay on the record: one that requires grad, or stands for more than its values."""
    return isinstance(x, Transformed) or isinstance(x, Tensor) and x.requires_grad and _modes.local.grad_enabled


def innermost(inputs: Sequence[Any]) -> Transformed | None:
    """The input of the highest level; None if they are all plain."""
    found = None
    for x in inputs:
        kind = type(x)
        if kind is Tensor or kind is Cell or kind is float or kind is int:
            continue
        if not isinstance(x, Transformed):
            x = getattr(x, "transformed", None)  # of a Key, which may have index arrays of any kind
            if x is None:
                continue
        if found is None or x.level > found.level:
            found = x
    return found


def at_bottom(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """x with the plain tensor at its bottom replaced by what the function makes of it."""
    if not isinstance(x, Transformed):
        return function(x)
    first, *others = x.parts()
    return x.of_parts([at_bottom(function, first), *others])


def fresh_leaf(x: Tensor) -> Tensor:
    """A leaf over the memory of x that requires grad, at the same levels."""
    return at_bottom(lambda plain: plain.detach().requires_grad_(), x)


def everywhere(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """x with every plain tensor that it is made of replaced."""
    return x.of_parts([everywhere(function, part) for part in x.parts()]) if isinstance(x, Transformed) else function(x)


def plain_parts(x: Tensor) -> list[Tensor]:
    """All plain tensors of which x is made: itself, if it is plain."""
    return [plain for part in x.parts() for plain in plain_parts(part)] if isinstance(x, Transformed) else [x]
