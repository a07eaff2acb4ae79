"""Where backward ends: gradients that are complete become a tensor's `.grad`, or are added to it."""

from __future__ import annotations

from typing import Any

from . import _modes, _upper
from ._backends import namespace
from ._graph import AccumulateGrad, Node
from ._hooks import after_node, before_node
from ._out_of_memory import is_out_of_memory, told_of_backward


def accumulate(leaf: AccumulateGrad, grad: Any, ours: bool | None, create_graph: bool, accumulated: list[Any]) -> None:
    """Add a complete gradient to `.grad` of a leaf; the array becomes the leaf's own if it is `ours`
    (None: nobody else has it, but it may be a view). The leaf goes into the list `accumulated`."""
    tensor = leaf.leaf()
    if tensor is None:
        tensor = leaf.variable
    if tensor._node is not leaf:
        return  # requires_grad was switched off since the forward
    extra = leaf._extra
    if extra is not None and extra.pre_hooks:
        grad, ours = before_node(leaf, grad, create_graph), False
        if grad is None:
            return
    with leaf.lock:
        held = tensor._grad
        if create_graph:
            tensor._grad = grad.clone() if held is None else held + grad
        elif held is not None:
            _upper.add_in_place(held, grad)
        elif ours or (ours is None and namespace(grad).owns_memory(grad)):
            tensor._grad = _upper.wrap(grad)
        else:
            # The array may be a saved value, the caller's own or another leaf's gradient.
            tensor._grad = _upper.wrap(namespace(grad).copy(grad))
    accumulated.append(tensor if held is None else None)
    if leaf.post_accumulate_hooks:
        with _modes.set_grad_enabled(create_graph):
            for hook in list(leaf.post_accumulate_hooks.values()):
                if hook(tensor) is not None:
                    raise RuntimeError("a post accumulate grad hook must return None: it may change `.grad` of the tensor that it gets")
    if extra is not None and extra.post_hooks:
        after_node(leaf, (), grad, create_graph)


def accumulate_into(targets: dict[Any, Node], captured: dict[Node, Any], create_graph: bool) -> None:
    """Add captured gradients to `.grad` of tensors that need not be leaves."""
    accumulated: list[Any] = []
    try:
        with _modes.set_grad_enabled(create_graph):
            for tensor, node in targets.items():
                if node in captured:
                    _accumulate_captured(tensor, node, captured[node], create_graph, accumulated)
    except Exception as error:
        if is_out_of_memory(error):
            raise told_of_backward(error, accumulated) from error
        raise


def _accumulate_captured(tensor: Any, node: Node, grad: Any, create_graph: bool, accumulated: list[Any]) -> None:
    if node.is_leaf:
        with namespace(tensor._data).device_guard(tensor._data):
            accumulate(node, grad, False, create_graph, accumulated)  # type: ignore[arg-type]
    elif not tensor.retains_grad:  # else backward has done it
        held = tensor._grad
        grad = grad.clone() if create_graph else _upper.wrap(namespace(grad).copy(grad))
        tensor._grad = grad if held is None else held + grad
        accumulated.append(tensor if held is None else None)
