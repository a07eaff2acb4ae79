"""Batches: one tensor that stands for many of one shape, all of which a function is applied to at once.

A `Batched` hides the first axis of the Tensor that it holds: it has the shape of one entry of the
batch. What is computed from it is computed for all entries (by the rules in _batching.py) on the
Tensors that are held, and recorded there, so gradients flow through a batch like through anything else.
"""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NoReturn, Self

from ._batching import rule_of, write_rule
from ._tensor import Tensor
from ._transform import Transformed, levels
from .ops import as_tensor, broadcast_to, moveaxis, reshape

if TYPE_CHECKING:
    from ._primitive import Primitive


class _Running(threading.local):
    batches: tuple[Batch, ...] = ()  # the outermost first


_running = _Running()


class Batch:
    """One level of batching: a context, in which tensors may be batched with it. It may be entered again.

    Parameters
    ----------
    size : int
        How many entries there are.
    randomness : {"error", "different", "same"}
        What random numbers drawn in it are to the entries (see `func.vmap`).

    Attributes
    ----------
    level : int
        Higher than those of the transforms around it.
    open : int
        How often it has been entered and not left.
    """

    __slots__ = ("level", "open", "randomness", "size")

    def __init__(self, size: int, randomness: str = "same") -> None:
        self.size, self.level, self.open, self.randomness = size, next(levels), 0, randomness

    def __enter__(self) -> Self:
        self.open += 1
        _running.batches = tuple(sorted({*_running.batches, self}, key=lambda batch: batch.level))
        return self

    def __exit__(self, *exc: object) -> None:
        self.open -= 1
        if not self.open:
            _running.batches = tuple(b for b in _running.batches if b is not self)

    def holds(self, x: Any) -> bool:
        """Whether x is batched with it (and with nothing further inside)."""
        return isinstance(x, Batched) and x.batch is self

    def exposed(self, x: Any) -> Tensor:
        """A tensor with the axis of the batch in front: for one that is not batched, the same for all entries."""
        if isinstance(x, Batched) and x.batch is self:
            return x.value
        if isinstance(x, Transformed) and x.level > self.level:
            parts = [self.exposed(part) for part in x.parts()]
            return x.of_parts([moveaxis(part, 0, 1) for part in parts] if isinstance(x, Batched) else parts)
        x = as_tensor(x)
        return broadcast_to(x, (self.size, *x.shape))

    def covered(self, x: Tensor) -> Tensor:
        """A tensor without its first axis, which becomes that of the batch: `exposed`, undone."""
        if isinstance(x, Transformed) and x.level > self.level:
            return x.of_parts([self.covered(moveaxis(part, 1, 0) if isinstance(x, Batched) else part) for part in x.parts()])
        return Batched(self, x)

    def front(self, x: Any, ndim: int) -> Any:
        """An input with as many axes as others of `ndim` dimensions, the batch in front of them; what is not batched, as it is."""
        if not self.holds(x):
            return x
        value = x.value
        missing = ndim - value.ndim + 1
        return reshape(value, (self.size, *(1,) * missing, *value.shape[1:])) if missing else value


def running() -> tuple[Batch, ...]:
    """The batches that functions are being applied to, the outermost first."""
    return _running.batches


@contextlib.contextmanager
def entered(batches: Sequence[Batch]) -> Iterator[None]:
    """A context in which tensors of these batches can be computed with, as when they were made."""
    with contextlib.ExitStack() as stack:
        for batch in batches:
            stack.enter_context(batch)
        yield


def batches_of(*values: Any) -> tuple[Batch, ...]:
    """The batches that any of the values is batched with, the outermost first."""
    found: set[Batch] = set()
    for x in values:
        if type(x) is not Tensor and isinstance(x, Transformed):
            found.update(batches_of(*x.parts()), [x.batch] if isinstance(x, Batched) else [])
    return tuple(sorted(found, key=lambda batch: batch.level)) if found else ()


def expanded(x: Tensor) -> Tensor:
    """A tensor of its own for each entry of every batch that a function is being applied to.

    What is differentiated with respect to such a tensor has a gradient for each entry.
    """
    for batch in _running.batches:
        x = batch.covered(batch.exposed(x))
    return x


class Batched(Transformed):
    """A tensor for each entry of a batch.

    Attributes
    ----------
    batch : Batch
    value : Tensor
        All of them: the batch is its first axis. It may itself be of an outer level.
    """

    __slots__ = ("batch", "level", "value")
    batch: Batch
    value: Tensor

    def __init__(self, batch: Batch, value: Tensor) -> None:
        self.batch, self.value, self.level = batch, value, batch.level

    # -- the slots of a Tensor are those of the one that it holds

    @property
    def _data(self) -> Any:
        return self.value._data

    @property
    def _node(self) -> Any:
        return self.value._node

    @_node.setter
    def _node(self, node: Any) -> None:
        self.value._node = node

    @property
    def _cell(self) -> Any:
        return self.value._cell

    @_cell.setter
    def _cell(self, cell: Any) -> None:
        self.value._cell = cell

    @property
    def _alias(self) -> Any:
        return self.value._alias

    @_alias.setter
    def _alias(self, alias: Any) -> None:
        self.value._alias = alias

    @property
    def _grad(self) -> Any:  # type: ignore[override]
        grad = self.value._grad
        return None if grad is None else Batched(self.batch, grad)

    # -- what a Tensor tells of itself

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape[1:]

    @property
    def ndim(self) -> int:
        return self.value.ndim - 1

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def requires_grad(self) -> bool:
        return self.value.requires_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self.value.requires_grad = value

    def detach(self) -> Tensor:
        return Batched(self.batch, self.value.detach())

    def backward(self, *args: Any, **kwargs: Any) -> None:
        raise RuntimeError(
            "vmap: backward() inside of a function that vmap applies would add to .grad once for the whole batch. "
            "Use func.grad, vjp or jacrev inside, or call backward() on what vmap returns."
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}(one of {self.batch.size}, of shape {self.shape}; all: {self.value!r})"

    def parts(self) -> tuple[Tensor, ...]:
        return (self.value,)

    def of_parts(self, parts: Sequence[Tensor]) -> Tensor:
        return Batched(self.batch, parts[0])

    # -- values that would leave the library

    def plain(self, use: str) -> NoReturn:
        raise RuntimeError(
            f"vmap: {use} needs the values of one tensor, but inside of vmap this one (shape {self.shape}) stands for all {self.batch.size} entries of the batch. "
            "Compute with tensors throughout (a choice: anygrad.where(condition, a, b)), or take this step out of the function."
        )

    def item(self) -> Any:
        return self.plain("item()")

    def tolist(self) -> Any:
        return self.plain("tolist()")

    def __format__(self, spec: str) -> str:
        return format(self.plain("a format"), spec) if spec else repr(self)

    def numpy(self, force: bool = False) -> Any:
        return self.plain("numpy()")

    def __dlpack__(self, **kwargs: Any) -> Any:
        return self.plain("__dlpack__()")

    def __bool__(self) -> bool:
        self.plain("bool(), which `if`, `while`, `and`, `or` and `not` call,")

    # -- computing

    def interpret(self, made: Primitive, inputs: Sequence[Any], params: dict[str, Any]) -> Any:
        batch = self._opened(made.name)
        result = rule_of(made)(made, batch, inputs, params)
        return tuple([Batched(batch, r) for r in result]) if isinstance(result, tuple) else Batched(batch, result)

    def write(self, x: Tensor, made: Primitive, others: tuple[Any, ...], raw_write: Callable[..., Any]) -> Tensor:
        batch = self._opened(made.name)
        if not (isinstance(x, Batched) and x.batch is batch):
            raise RuntimeError(
                f"vmap: {made.name} in place: the tensor that is written to (shape {x.shape}) is the same for all {batch.size} entries of the batch, and what is written "
                "differs. Write to one made from a batched tensor (anygrad.zeros_like(x)), or compute a new one: `x = x + ...`."
            )
        write_rule(made)(made, batch, x, others, raw_write)
        return x

    def _opened(self, name: str) -> Batch:
        if not self.batch.open:
            raise RuntimeError(
                f"{name}: this tensor of a batch has escaped from the function that vmap applied: it was kept in an outer variable. Return it from the function instead."
            )
        return self.batch

    def pull(self, rest: Callable[..., Any], outputs: Sequence[Any], inputs: Sequence[Any], seeds: Sequence[Any]) -> list[Tensor | None]:
        batch = self.batch
        found: list[Tensor | None] = [None] * len(inputs)
        inside = [i for i, y in enumerate(outputs) if batch.holds(y)]
        values = [x.value if batch.holds(x) else x for x in inputs]
        others = [i for i in range(len(outputs)) if i not in inside]
        common = [i for i, x in enumerate(inputs) if not batch.holds(x)]
        again = {"retain_graph": True} if others and common else {}
        grads = rest([outputs[i].value for i in inside], values, [batch.exposed(seeds[i]) for i in inside], **again)
        for i, g in enumerate(grads):
            if g is None:
                continue
            if not batch.holds(inputs[i]):
                raise RuntimeError(
                    f"vmap: the gradient of input {i} (shape {inputs[i].shape}) would be the sum over the {batch.size} entries of the batch, as that tensor is the same for all. "
                    "Use func.grad, which differentiates an argument for each entry, or differentiate outside of vmap."
                )
            found[i] = batch.covered(g)
        if again:
            more = rest([outputs[i] for i in others], [inputs[i] for i in common], [seeds[i] for i in others])
            for i, g in zip(common, more, strict=True):
                found[i] = g
        return found

    def call_function(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return function.vmapped(self.batch, args) if function.has_vmap() else function.run(args, kwargs)[0]

    @property
    def scope(self) -> Batch:
        return self.batch

    def like(self, made: Tensor) -> Tensor:
        return Batched(self.batch, self.value.like(self._all(made)) if isinstance(self.value, Transformed) else self._all(made))

    def _all(self, made: Tensor) -> Tensor:
        return broadcast_to(made, (self.batch.size, *made.shape)).clone()
