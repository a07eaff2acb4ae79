"""Hooks in backward: on the gradient of a tensor, before a node and after it."""

from __future__ import annotations

from typing import Any

from . import _modes, _upper
from ._backends import namespace
from ._errors import ShapeError
from ._graph import Node


def before_node(node: Node, g: Any, on_tensors: bool) -> Any:
    """Tensor hooks, retained gradients, hooks before the node: on the summed gradient."""
    extra = node.extra
    several = isinstance(g, list)
    with _modes.set_grad_enabled(on_tensors and _modes.is_grad_enabled()):
        if not several:
            tensor = g if on_tensors else _upper.wrap(g)
            for hook in list(extra.tensor_hooks.values()):
                tensor = _replaced(hook(tensor), tensor, node)
            retaining = None if extra.retain is None else extra.retain()
            if retaining is not None:
                if retaining._grad is None:
                    retaining._grad = tensor.clone() if on_tensors else _upper.wrap(namespace(tensor._data).copy(tensor._data))
                else:
                    retaining._grad = retaining._grad + tensor
            tensors = (tensor,)
        else:
            tensors = tuple(t if t is None or on_tensors else _upper.wrap(t) for t in g)
        for hook in list(extra.pre_hooks.values()):
            result = hook(tensors)
            if result is not None:
                tensors = result if isinstance(result, tuple) else (result,)
    grads = [t if t is None or on_tensors else t._data for t in tensors]
    return grads if several else grads[0]


def _replaced(result: Any, tensor: Any, node: Node) -> Any:
    """What a tensor hook returned, checked; None keeps the gradient as it was."""
    if result is None:
        return tensor
    if not isinstance(result, _upper.tensor_type):
        raise TypeError(f"a hook returned {type(result).__name__}; it must return None or a Tensor of the gradient's shape {tensor.shape}")
    if result.shape != tensor.shape:
        raise ShapeError(f"a hook on the output of `{node.name()}` changed the gradient's size from {tensor.shape} to {result.shape}")
    if result.dtype != tensor.dtype:
        result = _upper.recorded_namespace.astype(result, tensor.dtype)
    return result


def after_node(node: Node, grads: Any, g: Any, on_tensors: bool) -> Any:
    """Hooks after a node has run."""

    def as_tensors(values: Any) -> tuple[Any, ...]:
        return tuple(v if v is None or on_tensors else _upper.wrap(v) for v in values)

    inputs, outputs = as_tensors(grads), as_tensors(g if isinstance(g, list) else (g,))
    with _modes.set_grad_enabled(on_tensors and _modes.is_grad_enabled()):
        for hook in list(node.extra.post_hooks.values()):
            result = hook(inputs, outputs)
            if result is not None:
                result = result if isinstance(result, tuple) else (result,)
                if len(result) != len(inputs):
                    raise RuntimeError(f"a hook of `{node.name()}` returned an incorrect number of gradients: {len(result)} instead of {len(inputs)}")
                inputs = result
    return inputs if on_tensors else tuple(None if t is None else t._data for t in inputs)
