"""Hooks in backward: on the gradient of a tensor, before a node and after it."""

from __future__ import annotations

from typing import Any

from . import _modes, _upper
from ._backends import namespace
from ._errors import DTypeError, ShapeError
from ._graph import Node


def on_gradient(node: Node, g: Any, on_tensors: bool) -> Any:
    """Tensor hooks, then the retained gradient: on the summed gradient of a tensor, whether or not its node runs."""
    extra = node.extra
    if isinstance(g, list):  # of a node with several outputs: each output has its own
        return g
    with _modes.set_grad_enabled(on_tensors and _modes.is_grad_enabled()):
        tensor = g if on_tensors else _upper.wrap(g)
        for hook in list(extra.tensor_hooks.values()):
            result = hook(tensor)
            if result is not None:
                _check(result, tensor, f"a hook on the output of `{node.name()}`")
                tensor = result
        retaining = None if extra.retain is None else extra.retain()
        if retaining is not None:
            if retaining._grad is None:
                retaining._grad = tensor.clone() if on_tensors else _upper.wrap(namespace(tensor._data).copy(tensor._data))
            else:
                retaining._grad = retaining._grad + tensor
    return tensor if on_tensors else tensor._data


def before_node(node: Node, g: Any, on_tensors: bool) -> Any:
    """Hooks before a node that is about to run."""
    several = isinstance(g, list)
    tensors = _as_tensors(g if several else (g,), on_tensors)
    with _modes.set_grad_enabled(on_tensors and _modes.is_grad_enabled()):
        for hook in list(node.extra.pre_hooks.values()):
            tensors = _replaced(hook(tensors), tensors, node)
    grads = [t if t is None or on_tensors else t._data for t in tensors]
    return grads if several else grads[0]


def after_node(node: Node, grads: Any, g: Any, on_tensors: bool) -> Any:
    """Hooks after a node has run."""
    inputs, outputs = _as_tensors(grads, on_tensors), _as_tensors(g if isinstance(g, list) else (g,), on_tensors)
    with _modes.set_grad_enabled(on_tensors and _modes.is_grad_enabled()):
        for hook in list(node.extra.post_hooks.values()):
            inputs = _replaced(hook(inputs, outputs), inputs, node)
    return inputs if on_tensors else tuple(None if t is None else t._data for t in inputs)


def _as_tensors(values: Any, on_tensors: bool) -> tuple[Any, ...]:
    return tuple(v if v is None or on_tensors else _upper.wrap(v) for v in values)


def _replaced(result: Any, given: tuple[Any, ...], node: Node) -> tuple[Any, ...]:
    """The gradients that a hook of a node returned, checked; None keeps those that it was given."""
    if result is None:
        return given
    what = f"a hook of `{node.name()}`"
    if isinstance(result, _upper.tensor_type):
        result = (result,)
    if not isinstance(result, tuple):
        raise TypeError(f"{what} returned {type(result).__name__}; it must return None or a tuple with one gradient for each that it was given")
    if len(result) != len(given):
        raise RuntimeError(f"{what} returned an incorrect number of gradients: {len(result)} instead of {len(given)}")
    for new, old in zip(result, given, strict=True):
        if new is not None:
            _check(new, old, what)
    return result


def _check(new: Any, old: Any, what: str) -> None:
    """Raise for what cannot stand in for a gradient."""
    if not isinstance(new, _upper.tensor_type):
        raise TypeError(f"{what} returned {type(new).__name__}: a hook returned something else than None or a Tensor of the gradient's shape")
    if old is None:
        raise RuntimeError(f"{what} returned a gradient where there is none: nothing needs it")
    if new.shape != old.shape:
        raise ShapeError(f"{what} changed the gradient's size from {old.shape} to {new.shape}")
    if new.dtype != old.dtype:
        raise DTypeError(f"{what} changed the gradient's type from {old.dtype} to {new.dtype}. Return `.astype(...)` of it.")
