"""Looking at the graph and taking part in it: nodes, gradient edges, hooks on saved values."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from .. import _modes
from .._graph import Hook, Node, Output, RemovableHandle
from .._tensor import Tensor
from ._drawing import Drawing, draw

__all__ = [
    "Drawing", "GradientEdge", "Node", "allow_mutation_on_saved_tensors", "disable_saved_tensors_hooks", "draw", "get_gradient_edge", "increment_version",
    "register_multi_grad_hook", "save_on_cpu", "saved_tensors_hooks",
]  # fmt: skip


class GradientEdge(NamedTuple):
    """Where the gradient of a tensor arrives: a node and which of its outputs."""

    node: Node
    output_nr: int
    ownership_token: Node | None = None


def get_gradient_edge(tensor: Tensor) -> GradientEdge:
    """The edge of a tensor, for `autograd.grad` after the tensor itself is gone."""
    node = tensor._node
    if node is None:
        raise RuntimeError("it is not possible to get the gradient edge of a tensor that does not require grad. Call `.requires_grad_()` first.")
    return GradientEdge(node.node, node.index, node) if isinstance(node, Output) else GradientEdge(node, 0, node)


def increment_version(tensor: Tensor | Sequence[Tensor]) -> None:
    """Count a write that was made behind the library's back."""
    from .._alias import count_write

    for t in (tensor,) if isinstance(tensor, Tensor) else tensor:
        count_write(t)


class _MultiHandle:
    """Removes the hooks on all tensors of a multi-grad hook."""

    def __init__(self, handles: Sequence[RemovableHandle]) -> None:
        self.handles = tuple(handles)

    def remove(self) -> None:
        for handle in self.handles:
            handle.remove()

    def __enter__(self) -> _MultiHandle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


def register_multi_grad_hook(tensors: Sequence[Tensor], fn: Hook, *, mode: str = "all") -> _MultiHandle:
    """Call `fn` once per backward, when the gradients of several tensors are there.

    Parameters
    ----------
    tensors : sequence of Tensor
    fn : function
        Takes the list of gradients (None for a tensor that got none), or the first gradient
        to arrive with `mode="any"`.
    mode : {"all", "any"}
    """
    if mode not in ("all", "any"):
        raise ValueError(f"mode is 'all' or 'any', not {mode!r}")
    lock, count = threading.Lock(), len(tensors)
    nodes = [weakref.ref(t._node) for t in tensors if t._node is not None]  # weakly: the nodes hold the hooks
    seen: weakref.WeakKeyDictionary[Any, list[Any]] = weakref.WeakKeyDictionary()

    def hook_of(position: int) -> Hook:
        def hook(grad: Tensor) -> None:
            reached = _modes.local.backward_nodes
            expected = sum(node() in reached for node in nodes)
            with lock:
                grads = seen.setdefault(reached, [0, *[None] * count])
                grads[0] += 1
                grads[1 + position] = grad
                first, complete = grads[0] == 1, grads[0] == expected
                if complete:
                    del seen[reached]
            if mode == "any" and first:
                fn(grad)
            elif mode == "all" and complete:
                fn(grads[1:])

        return hook

    return _MultiHandle([t.register_hook(hook_of(i)) for i, t in enumerate(tensors)])


class saved_tensors_hooks:
    """What is saved inside goes through `pack_hook`, and through `unpack_hook` when backward needs it."""

    def __init__(self, pack_hook: Callable[[Tensor], Any], unpack_hook: Callable[[Any], Tensor]) -> None:
        self.pair = (pack_hook, unpack_hook)

    def __enter__(self) -> None:
        if _modes.local.hooks_disabled is not None:
            raise RuntimeError(_modes.local.hooks_disabled)
        _modes.local.saved_tensors_hooks = (*_modes.local.saved_tensors_hooks, self.pair)
        _modes.count_unusual(1)

    def __exit__(self, *exc: object) -> None:
        _modes.local.saved_tensors_hooks = _modes.local.saved_tensors_hooks[:-1]
        _modes.count_unusual(-1)


class save_on_cpu(saved_tensors_hooks):
    """Keep what is saved inside in host memory, and bring it back when backward needs it."""

    def __init__(self, pin_memory: bool = False) -> None:
        super().__init__(lambda t: (t.device, t.to("cpu", copy=True)), lambda packed: packed[1].to(packed[0]))


@contextmanager
def disable_saved_tensors_hooks(error_message: str) -> Iterator[None]:
    """Refuse `saved_tensors_hooks` inside, with this message."""
    before, _modes.local.hooks_disabled = _modes.local.hooks_disabled, error_message
    try:
        yield
    finally:
        _modes.local.hooks_disabled = before


@contextmanager
def allow_mutation_on_saved_tensors() -> Iterator[None]:
    """For programs that come from PyTorch: writes never break a saved value here, so nothing changes inside."""
    yield
