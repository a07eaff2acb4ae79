"""Backward: the only place where gradients flow.

`run` visits every node that the roots lead to once, after all of its users, in the
reverse of the order of creation; leaves as soon as their gradient is complete. Rules run
on raw arrays, or under `create_graph` on Tensors, and then they are recorded themselves.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Collection, Sequence
from heapq import heappop, heappush, heappushpop
from typing import Any

import numpy as np

from . import _modes
from ._backends import namespace, several_devices
from ._errors import LinAlgError, ShapeError
from ._graph import AccumulateGrad, Node, Output

# Set by _tensor.py and by the package: the engine itself stands below them.
wrap: Callable[..., Any]
recorded_namespace: Any
add_in_place: Callable[[Any, Any], None]

# Set by anomaly mode: looks at the gradients that each node made.
inspect_gradients: Callable[[Node, Sequence[Any]], None] | None = None

# What holds on to a gradient that a rule has just made, at the place where _may_keep asks:
# the tuple of gradients, three variables, the entry of its edge, and the question itself.
_REFERENCES_OF_A_FRESH_ARRAY = 6

# Of a node: users that have not run yet, gradient so far, and whether the engine made that
# array: True, False (the rule of the node that runs may have made it) or None (others may hold it).
Entry = list[Any]


class Visited:
    """The nodes that one backward visits: hooks over several tensors ask for them."""

    __slots__ = ("__weakref__", "_nodes")

    def __init__(self, nodes: Collection[Node]) -> None:
        self._nodes = nodes

    def __contains__(self, node: object) -> bool:
        return node in self._nodes


def run(
    roots: Sequence[Node],
    seeds: Sequence[Any],
    targets: Collection[Node] | None = None,
    retain_graph: bool = False,
    create_graph: bool = False,
) -> dict[Node, Any]:
    """Send `seeds` from `roots` down the graph.

    Parameters
    ----------
    roots, seeds : sequences of equal length
        Where to start, and the gradients there: raw arrays, Tensors under `create_graph`.
    targets : nodes, optional
        Only paths to these are followed; the gradients that arrive there are returned, and
        nothing is accumulated. Without it every leaf accumulates.
    retain_graph : bool
        Keep what the nodes saved.
    create_graph : bool
        Record the derivatives.

    Returns
    -------
    dict of Node to gradient
        For each target that was reached.
    """
    state, order = _count_users(roots, seeds, create_graph)
    outer, _modes.local.backward_nodes = _modes.local.backward_nodes, Visited(state)
    recording = _modes.switch_grad(True) if create_graph else _modes.local.grad_enabled
    try:
        # Infinities and NaN are for anomaly mode to find.
        with np.errstate(all="ignore"), contextlib.ExitStack() as guard:
            return _visit(roots, state, order, targets, retain_graph, create_graph, guard)
    except np.linalg.LinAlgError as error:
        if isinstance(error, LinAlgError):
            raise
        raise LinAlgError(
            f"a derivative cannot be computed at this matrix: {error}. Add a small multiple of the identity, or avoid the singular case."
        ) from error
    finally:
        _modes.local.backward_nodes = outer
        if create_graph:
            _modes.switch_grad(recording)


def _visit(
    roots: Sequence[Node],
    state: dict[Node, Entry],
    order: list[Node],
    targets: Collection[Node] | None,
    retain_graph: bool,
    create_graph: bool,
    guard: contextlib.ExitStack,
) -> dict[Node, Any]:
    needed = None if targets is None else _needed(order, targets)
    captured: dict[Node, Any] = {}
    release = not retain_graph
    plain = not create_graph and needed is None and inspect_gradients is None

    def finish_leaf(leaf: Node, entry: Entry) -> None:
        if entry[1] is None:
            return
        if leaf._extra is not None:
            entry[1:] = _before(leaf, entry[1], create_graph), None
        if targets is None:
            _accumulate(leaf, entry, create_graph)  # type: ignore[arg-type]
        elif leaf in targets:
            captured[leaf] = entry[1]

    waiting: list[tuple[float, Node]] = []
    for root in dict.fromkeys(roots):
        if state[root][0] == 0:
            if root.is_leaf:
                finish_leaf(root, state[root])
            else:
                heappush(waiting, (-root.seq, root))
    node = heappop(waiting)[1] if waiting else None

    while node is not None:
        entry = state[node]
        g, entry[1] = entry[1], None
        if several_devices and g is not None:
            raw = next(v for v in g if v is not None) if type(g) is list else g
            raw = raw._data if create_graph else raw
            guard.close()
            guard.enter_context(namespace(raw).device_guard(raw))
        if node._extra is not None and g is not None:
            g = _before(node, g, create_graph)
        edges = node.edges
        if needed is not None:
            if node in targets and g is not None:  # type: ignore[operator]
                captured[node] = g
            edges = tuple([edge if edge in needed else None for edge in edges])
        following: Node | None = None
        if type(node) is Output:
            following = _gather(node, g, edges, state)
        else:
            if plain and g is not None and node._extra is None and node.saved is not None:
                grads = node.vjp(g, edges)
            else:
                grads = _derive(node, g, edges, create_graph)
            if release and node.saved and node.saves_arrays:
                node.saved = None
            shape, dtype = node.shape, node.dtype
            i = 0
            for edge in edges:
                if edge is not None:
                    entry = state[edge]
                    grad = grads[i]
                    if grad is not None:
                        # A rule's result has the shape and dtype of the input, or those of the
                        # output: only where these differ is there something to sum or to cast.
                        if edge.dtype is not dtype or edge.shape != shape or create_graph:
                            grad = fit(grad, edge, create_graph)
                        total = entry[1]
                        if total is None:
                            entry[1] = grad
                        elif entry[2]:
                            total += grad
                            entry[1] = total
                        else:
                            entry[1] = total + grad
                            entry[2] = not create_graph
                    users = entry[0] - 1
                    if users:
                        entry[0] = users
                    elif type(edge) is AccumulateGrad:
                        total = None
                        if grad is None and entry[2] is False:
                            entry[2] = None
                        finish_leaf(edge, entry)
                    elif following is None:
                        following = edge
                    else:
                        heappush(waiting, (-edge.seq, edge))
                i += 1  # noqa: SIM113  (enumerate costs more here)
            g = grads = grad = total = None
        if waiting:
            node = heappop(waiting)[1] if following is None else heappushpop(waiting, (-following.seq, following))[1]
        else:
            node = following
    return captured


def _count_users(roots: Sequence[Node], seeds: Sequence[Any], create_graph: bool) -> tuple[dict[Node, Entry], list[Node]]:
    """How many edges lead to each node, and the nodes in the order in which they were found."""
    state: dict[Node, Entry] = {}
    order: list[Node] = []
    for root, seed in zip(roots, seeds, strict=True):
        if root in state:
            state[root] = [0, state[root][1] + seed, not create_graph]
        else:
            state[root] = [0, seed, None]
            order.append(root)
    get = state.get
    for node in order:  # grows as it goes
        for edge in node.edges:
            if edge is not None:
                entry = get(edge)
                if entry is None:
                    state[edge] = [1, None, False]
                    order.append(edge)
                else:
                    entry[0] += 1
    return state, order


def _needed(order: list[Node], targets: Collection[Node]) -> set[Node]:
    """The nodes from which a target can be reached, the targets included."""
    needed = set(targets)
    for node in sorted(order, key=lambda n: n.seq):
        if any(edge in needed for edge in node.edges):
            needed.add(node)
    return needed


def _derive(node: Node, g: Any, edges: tuple[Node | None, ...], create_graph: bool) -> Any:
    """Gradients of a node's inputs from that of its output."""
    if g is None and not node.runs_without_gradient or not any(edges):
        return (None,) * len(edges)
    if node.saved is None:
        raise RuntimeError(freed_message(node))
    grads = node.vjp_recorded(g, edges) if create_graph else node.vjp(g, edges)
    if inspect_gradients is not None:
        inspect_gradients(node, grads)
    if node._extra is not None and node._extra.post_hooks:
        grads = _after(node, grads, g, create_graph)
    return grads


def _gather(output: Any, g: Any, edges: tuple[Node | None, ...], state: dict[Node, Entry]) -> Node | None:
    """Put the gradient of one output into its node's list; the node, once the list is complete."""
    if edges[0] is None:
        return None
    entry = state[output.node]
    if entry[1] is None:
        entry[1] = [None] * output.node.outputs
    entry[1][output.index] = g
    entry[0] -= 1
    return None if entry[0] else output.node


def fit(grad: Any, edge: Node, recorded: bool) -> Any:
    """Sum a gradient to the shape of the value that it belongs to, and cast it to its dtype."""
    raw = grad._data if recorded else grad
    xp = recorded_namespace if recorded else None
    if raw.shape != edge.shape:
        xp = xp or namespace(raw)
        shape = edge.shape or ()
        short = shape[max(len(shape) - raw.ndim, 0) :]  # NumPy drops leading axes of size 1 in x[key] = v
        lead = raw.ndim - len(short)
        axes = tuple(range(lead)) + tuple(i + lead for i, n in enumerate(short) if n == 1 and raw.shape[i + lead] != 1)
        if any(n not in (1, m) for n, m in zip(short, raw.shape[lead:], strict=True)) or any(n != 1 for n in shape[: len(shape) - len(short)]):
            raise ShapeError(f"a gradient of shape {tuple(raw.shape)} was made for a value of shape {tuple(shape)} ({edge.name()})")
        grad = xp.reshape(xp.sum(grad, axis=axes, keepdims=True) if axes else grad, shape)
    if raw.dtype is not edge.dtype and raw.dtype != edge.dtype:
        xp = xp or namespace(raw)
        grad = xp.astype(grad, edge.dtype)
    return grad


# ---------------------------------------------------------------------------
# leaves
# ---------------------------------------------------------------------------


def _accumulate(leaf: AccumulateGrad, entry: Entry, create_graph: bool) -> None:
    """Add a complete gradient to `.grad` of a leaf."""
    tensor = leaf.variable
    if tensor._node is not leaf:
        return  # requires_grad was switched off since the forward
    grad = entry[1]
    with leaf.lock:
        held = tensor._grad
        if create_graph:
            tensor._grad = grad.clone() if held is None else held + grad
        elif held is not None:
            add_in_place(held, grad)
        elif entry[2] or entry[2] is False and _may_keep(grad):
            tensor._grad = wrap(grad)
        else:
            # The array may be a saved value, the caller's own or another leaf's gradient.
            tensor._grad = wrap(namespace(grad).copy(grad))
    if leaf.post_accumulate_hooks:
        with _modes.set_grad_enabled(create_graph):
            for hook in list(leaf.post_accumulate_hooks.values()):
                hook(tensor)


def _may_keep(grad: Any) -> bool:
    """Whether nobody else has an array that a rule has returned (a copy too many is slow, never wrong)."""
    return sys.getrefcount(grad) <= _REFERENCES_OF_A_FRESH_ARRAY and namespace(grad).owns_memory(grad)


# ---------------------------------------------------------------------------
# hooks
# ---------------------------------------------------------------------------


def _before(node: Node, g: Any, create_graph: bool) -> Any:
    """Tensor hooks, retained gradients, hooks before the node: on the summed gradient."""
    extra = node.extra
    several = isinstance(g, list)
    with _modes.set_grad_enabled(create_graph):
        if not several:
            tensor = g if create_graph else wrap(g)
            for hook in list(extra.tensor_hooks.values()):
                tensor = _replaced(hook(tensor), tensor, node)
            retaining = None if extra.retain is None else extra.retain()
            if retaining is not None:
                if retaining._grad is None:
                    retaining._grad = tensor.clone() if create_graph else wrap(namespace(tensor._data).copy(tensor._data))
                else:
                    retaining._grad = retaining._grad + tensor
            tensors = (tensor,)
        else:
            tensors = tuple(t if t is None or create_graph else wrap(t) for t in g)
        for hook in list(extra.pre_hooks.values()):
            result = hook(tensors)
            if result is not None:
                tensors = result if isinstance(result, tuple) else (result,)
    grads = [t if t is None or create_graph else t._data for t in tensors]
    return grads if several else grads[0]


def _replaced(result: Any, tensor: Any, node: Node) -> Any:
    """What a tensor hook returned, checked; None keeps the gradient as it was."""
    if result is None:
        return tensor
    if not isinstance(result, type(tensor)):
        raise TypeError(f"a hook returned {type(result).__name__}; it must return None or a Tensor of the gradient's shape {tensor.shape}")
    if result.shape != tensor.shape:
        raise ShapeError(f"a hook on the output of `{node.name()}` changed the gradient's size from {tensor.shape} to {result.shape}")
    if result.dtype != tensor.dtype:
        result = recorded_namespace.astype(result, tensor.dtype)
    return result


def _after(node: Node, grads: Any, g: Any, create_graph: bool) -> Any:
    """Hooks after a node has run."""

    def as_tensors(values: Any) -> tuple[Any, ...]:
        return tuple(v if v is None or create_graph else wrap(v) for v in values)

    inputs, outputs = as_tensors(grads), as_tensors(g if isinstance(g, list) else (g,))
    with _modes.set_grad_enabled(create_graph):
        for hook in list(node.extra.post_hooks.values()):
            result = hook(inputs, outputs)
            if result is not None:
                result = result if isinstance(result, tuple) else (result,)
                if len(result) != len(inputs):
                    raise RuntimeError(f"a hook of `{node.name()}` returned an incorrect number of gradients: {len(result)} instead of {len(inputs)}")
                inputs = result
    return inputs if create_graph else tuple(None if t is None else t._data for t in inputs)


def accumulate_into(tensor: Any, node: Node, grad: Any, create_graph: bool) -> None:
    """Add a captured gradient to `.grad` of a tensor that need not be a leaf."""
    with _modes.set_grad_enabled(create_graph):
        if node.is_leaf:
            _accumulate(node, [0, grad, None], create_graph)  # type: ignore[arg-type]
        elif not tensor.retains_grad:  # else backward has done it
            grad = grad.clone() if create_graph else wrap(namespace(grad).copy(grad))
            tensor._grad = grad if tensor._grad is None else tensor._grad + grad


def run_node(node: Node, grad_outputs: Sequence[Any]) -> Any:
    """One node alone, on Tensors: what calling a `grad_fn` does."""
    if len(grad_outputs) != node.outputs:
        raise TypeError(f"{node.name()} takes {node.outputs} gradient(s), one per output, got {len(grad_outputs)}")
    if node.is_leaf:
        _accumulate(node, [0, grad_outputs[0]._data, None], create_graph=False)  # type: ignore[arg-type]
        return None
    if node.saved is None:
        raise RuntimeError(freed_message(node))
    raws = [None if t is None else t._data for t in grad_outputs]
    grads = node.vjp(raws[0] if node.outputs == 1 else raws, node.edges)
    wrapped = tuple(None if g is None else wrap(g) for g in grads)
    return wrapped[0] if len(wrapped) == 1 else wrapped


def freed_message(node: Node) -> str:
    return (
        f"The graph through `{node.name()}` (shape {tuple(node.shape or ())}) was already used and freed: this is backward a second "
        "time. Several losses over one graph: add them, then call backward once. A tensor kept from an earlier step: "
        "`.detach()` it. Only to differentiate the same graph again: `backward(retain_graph=True)`."
    )
