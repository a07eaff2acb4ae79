"""Backward: the only place where gradients flow.

`run` visits every node that the roots lead to once, after all of its users, in the
reverse of the order of creation; leaves as soon as their gradient is complete. Rules run
on raw arrays, or under `create_graph` on Tensors, and then they are recorded themselves.
"""

from __future__ import annotations

import contextlib
import operator
import sys
from collections.abc import Collection, Sequence
from heapq import heappop, heappush
from typing import Any, Protocol

import numpy as np

from . import _modes, _upper
from ._backends import namespace, several_devices
from ._errors import LinAlgError, ShapeError
from ._graph import AccumulateGrad, Node, Output, counts_references
from ._hooks import after_node, before_node, on_gradient
from ._leaves import accumulate
from ._out_of_memory import is_out_of_memory, told_of_backward


class Watcher(Protocol):
    """What anomaly mode looks at."""

    def note_forward(self, node: Node) -> None:
        """A node was made."""

    def inspect_gradients(self, node: Node, grads: Sequence[Any]) -> None:
        """A node has run."""

    def explain_error(self, node: Node) -> None:
        """Something raised while a node was running."""


watcher: Watcher | None = None  # set by anomaly mode


def _references_of_a_fresh_array() -> int:
    """The reference count of a gradient that only the node that has just run knows, as seen from its variable `grad`.

    It is measured, since interpreters differ in what they count.
    """
    grads = (object(),)
    grad = grads[0]
    return sys.getrefcount(grad)


_FRESH = _references_of_a_fresh_array() if counts_references() else 0

# What is known of a node that several edges, or a root's gradient, lead to: [how many are still to come, the sum of
# those that have come, whether the engine made that array].
Pending = list[Any]


class Visited:
    """The nodes that one backward visits: hooks over several tensors ask for them.

    Attributes
    ----------
    running : Node or None
        In anomaly mode, where the backward is.
    accumulated : list of Tensor or None
        The leaves that have got their gradient; None in place of one that had a gradient before.
    """

    __slots__ = ("__weakref__", "_nodes", "accumulated", "running")

    def __init__(self, nodes: Collection[Node]) -> None:
        self._nodes = nodes
        self.running: Node | None = None
        self.accumulated: list[Any] = []

    def __contains__(self, node: object) -> bool:
        return node in self._nodes


def run(
    roots: Sequence[Node],
    seeds: Sequence[Any],
    targets: Collection[Node] | None = None,
    retain_graph: bool = False,
    create_graph: bool = False,
    on_tensors: bool = False,
) -> dict[Node, Any]:
    """Send `seeds` from `roots` down the graph.

    Parameters
    ----------
    roots, seeds : sequences of equal length
        Where to start, and the gradients there: raw arrays, or Tensors with `on_tensors`.
    targets : nodes, optional
        Only paths to these are followed; the gradients that arrive there are returned, and
        nothing is accumulated. Without it every leaf accumulates.
    retain_graph : bool
        Keep what the nodes saved.
    create_graph : bool
        Record the derivatives; implies `on_tensors`.
    on_tensors : bool
        Compute with Tensors, since gradients are of a class of their own (see _transform.py). It needs targets.

    Returns
    -------
    dict of Node to gradient
        For each target that was reached.
    """
    on_tensors = on_tensors or create_graph
    users: dict[Node, Pending | None] = {}
    visited = Visited(users)
    outer, _modes.local.backward_nodes = _modes.local.backward_nodes, visited
    recording = _modes.switch_grad(create_graph) if on_tensors else _modes.local.grad_enabled
    guard = contextlib.ExitStack() if several_devices else None
    try:
        # Infinities and NaN are for anomaly mode to find.
        with np.errstate(all="ignore"):
            for root, seed in zip(roots, seeds, strict=True):
                _add_seed(users, root, seed, on_tensors, guard)
            roots = list(users)
            order = _count_users(users)
            needed = None if targets is None else _needed(order, targets)
            return _visit(roots, users, visited, targets, needed, retain_graph, on_tensors, guard)
    except Exception as error:
        if watcher is not None and visited.running is not None:
            watcher.explain_error(visited.running)
        if is_out_of_memory(error):
            users.clear()
            raise told_of_backward(error, visited.accumulated, _visit.__code__) from error
        if isinstance(error, LinAlgError) or not isinstance(error, np.linalg.LinAlgError):
            raise
        raise LinAlgError(
            f"a derivative cannot be computed at this matrix: {error}. Add a small multiple of the identity, or avoid the singular case."
        ) from error
    finally:
        _modes.local.backward_nodes = outer
        if on_tensors:
            _modes.switch_grad(recording)
        if guard is not None:
            guard.close()


def _visit(
    roots: Sequence[Node],
    users: dict[Node, Pending | None],
    visited: Visited,
    targets: Collection[Node] | None,
    needed: set[Node] | None,
    retain_graph: bool,
    on_tensors: bool,
    guard: contextlib.ExitStack | None,
) -> dict[Node, Any]:
    captured: dict[Node, Any] = {}
    release = not retain_graph
    plain = not (on_tensors or guard is not None or _modes.profiler) and needed is None and watcher is None

    def finish_leaf(leaf: Node, grad: Any, ours: bool | None) -> None:
        if watcher is not None:
            visited.running = leaf
        if leaf._extra is not None:
            grad, ours = on_gradient(leaf, grad, on_tensors), False
        if targets is None:
            accumulate(leaf, grad, ours, on_tensors, visited.accumulated)  # type: ignore[arg-type]
        elif leaf in targets:
            captured[leaf] = grad

    waiting: list[tuple[float, Node, Any]] = []  # nodes that are ready, youngest first, and their gradients
    for root in roots:
        pending = users[root]
        if pending is not None and not pending[0]:
            seed, pending[1] = pending[1], None
            if root.is_leaf:
                finish_leaf(root, seed, False)
            else:
                heappush(waiting, (-root.seq, root, seed))
    seed = None
    _, node, g = heappop(waiting) if waiting else (0, None, None)

    while node is not None:
        edges, extra = node.edges, node._extra
        following: Node | None = None
        next_g = None
        if plain and extra is None and node.saved is not None and g is not None:
            grads = node.vjp(g, edges)
        else:
            if watcher is not None:
                visited.running = node
            if g is not None:
                if guard is not None:
                    _switch_device(guard, g)
                if extra is not None:
                    g = on_gradient(node, g, on_tensors)
                if needed is not None and node in targets:  # type: ignore[operator]
                    captured[node] = g
            if needed is not None:
                edges = tuple([edge if edge in needed else None for edge in edges])
            if type(node) is Output:
                following, next_g = _gather(node, g, edges, users)
                edges = grads = ()
            else:
                grads = _derive(node, g, edges, on_tensors)
        if release and node.saved and node.saves_arrays and (needed is None or any(edges)):  # a target that nothing leads on from has not run
            node.saved = None
        shape, dtype = node.shape, node.dtype
        for i, edge in enumerate(edges):
            if edge is None:
                continue
            grad = grads[i]
            if guard is not None and grad is not None:  # it need not be on the device that g is on
                _switch_device(guard, grad)
            # A rule's result has the shape and dtype of the input, or those of the output:
            # only where these differ is there something to sum or to cast.
            unlike = grad is not None and (on_tensors or edge.dtype is not dtype or edge.shape != shape)
            if unlike and (on_tensors or grad.shape != edge.shape or grad.dtype is not edge.dtype):
                grad = fit(grad, edge, on_tensors)
            ours: bool | None = None  # whether the engine made the array; None: the rule may have made it
            held = users[edge]
            if held is not None:
                left = held[0] = held[0] - 1
                if grad is None:
                    grad, ours = held[1], held[2]
                elif held[2]:
                    total = held[1]
                    total += grad
                    held[1] = grad = total
                    ours = True
                elif left and held[1] is None:
                    held[1] = grad
                elif held[1] is not None:
                    held[1] = grad = held[1] + grad
                    held[2] = ours = not on_tensors
                if left:
                    continue
                held[1] = total = None
            if type(edge) is AccumulateGrad:
                if grad is not None:
                    if ours is None and sys.getrefcount(grad) > _FRESH:
                        ours = False  # somebody else has the array, too
                    if plain and edge._extra is None:
                        accumulate(edge, grad, ours, False, visited.accumulated)
                    else:
                        finish_leaf(edge, grad, ours)
            elif following is None:
                following, next_g = edge, grad
            else:
                heappush(waiting, (-edge.seq, edge, grad))
        grads = grad = None
        if waiting:
            if following is not None:
                heappush(waiting, (-following.seq, following, next_g))
            _, following, next_g = heappop(waiting)
        node, g = following, next_g
    return captured


def _switch_device(guard: contextlib.ExitStack, g: Any) -> None:
    """Compute on the device of a gradient (an array, a Tensor, or a list of these or None)."""
    first = next(v for v in g if v is not None) if type(g) is list else g
    raw = getattr(first, "_data", first)
    guard.close()
    guard.enter_context(namespace(raw).device_guard(raw))


def _add_seed(users: dict[Node, Pending | None], root: Node, seed: Any, on_tensors: bool, guard: contextlib.ExitStack | None) -> None:
    if guard is not None:
        _switch_device(guard, seed)
    held = users.get(root)
    users[root] = [0, seed, False] if held is None else [0, held[1] + seed, not on_tensors]


def _count_users(users: dict[Node, Pending | None]) -> list[Node]:
    """Find all nodes that the roots lead to, and count the edges that lead to each; the nodes in the order in which they were found.

    A node that one edge alone leads to has nothing pending: None.
    """
    order = list(users)
    for node in order:  # grows as it goes
        for edge in node.edges:
            if edge is not None:
                if edge in users:
                    held = users[edge]
                    if held is None:
                        users[edge] = [2, None, False]
                    else:
                        held[0] += 1
                else:
                    users[edge] = None
                    order.append(edge)
    return order


_age = operator.attrgetter("seq")


def _needed(order: list[Node], targets: Collection[Node]) -> set[Node]:
    """The nodes from which a target can be reached, the targets included."""
    needed = set(targets)
    for node in sorted(order, key=_age):
        for edge in node.edges:
            if edge in needed:
                needed.add(node)
                break
    return needed


def _derive(node: Node, g: Any, edges: tuple[Node | None, ...], on_tensors: bool) -> Any:
    """Gradients of a node's inputs from that of its output."""
    if g is None and not node.runs_without_gradient or not any(edges):
        return (None,) * len(edges)
    if node.saved is None:
        raise RuntimeError(freed_message(node))
    extra = node._extra
    if extra is not None and extra.pre_hooks and g is not None:
        g = before_node(node, g, on_tensors)
        if g is None:
            return (None,) * len(edges)
    derive = node.vjp_recorded if on_tensors else node.vjp
    grads = derive(g, edges) if _modes.profiler is None else _modes.profiler.measure(node.function_name, "backward", derive, g, edges)
    if extra is not None and extra.post_hooks:
        grads = [v if v is None or edge is None else fit(v, edge, on_tensors) for v, edge in zip(grads, edges, strict=True)]
        grads = after_node(node, grads, g, on_tensors)
    if watcher is not None:
        watcher.inspect_gradients(node, grads)
    return grads


def _gather(output: Output, g: Any, edges: tuple[Node | None, ...], users: dict[Node, Pending | None]) -> tuple[Node | None, Any]:
    """Put the gradient of one output into its node's list; the node and the list, once that is complete."""
    if edges[0] is None:
        return None, None
    node = output.node
    held = users[node] or [1, None, False]
    grads = held[1] or [None] * node.outputs
    grads[output.index] = g
    held[:2] = held[0] - 1, grads
    if held[0]:
        return None, None
    held[1] = None
    return node, None if all(v is None for v in grads) else grads


def fit(grad: Any, edge: Node, recorded: bool) -> Any:
    """Sum a gradient to the shape of the value that it belongs to, and cast it to its dtype."""
    raw = grad._data if recorded else grad
    xp = _upper.recorded_namespace if recorded else None
    if grad.shape != edge.shape:
        xp = xp or namespace(raw)
        shape = edge.shape or ()
        lead = grad.ndim - len(shape)
        if shape and grad.shape[lead:] == shape and not recorded:
            grad = xp.sum_leading(grad, lead)
        else:
            grad = _summed(grad, shape, edge, recorded, xp)
    if raw.dtype is not edge.dtype and raw.dtype != edge.dtype:
        xp = xp or namespace(raw)
        grad = xp.astype(grad, edge.dtype)
    return grad


def _summed(grad: Any, shape: tuple[int, ...], edge: Node, recorded: bool, xp: Any) -> Any:
    """The sum over the axes along which a value of that shape was broadcast."""
    short = shape[max(len(shape) - grad.ndim, 0) :]  # NumPy drops leading axes of size 1 in x[key] = v
    lead = grad.ndim - len(short)
    axes = tuple(range(lead)) + tuple(i + lead for i, n in enumerate(short) if n == 1 and grad.shape[i + lead] != 1)
    if any(n not in (1, m) for n, m in zip(short, grad.shape[lead:], strict=True)) or any(n != 1 for n in shape[: len(shape) - len(short)]):
        raise ShapeError(f"a gradient of shape {tuple(grad.shape)} was made for a value of shape {tuple(shape)} ({edge.name()})")
    if axes and not recorded and axes[-1] == len(axes) - 1:
        grad = xp.sum_leading(grad, len(axes))
    elif axes:
        grad = xp.sum(grad, axis=axes, keepdims=True)
    return xp.reshape(grad, shape)


def run_node(node: Node, grad_outputs: Sequence[Any]) -> Any:
    """One node alone, on Tensors: what calling a `grad_fn` does."""
    if len(grad_outputs) != node.outputs:
        raise TypeError(f"{node.name()} takes {node.outputs} gradient(s), one per output, got {len(grad_outputs)}")
    if not node.is_leaf and node.saved is None:
        raise RuntimeError(freed_message(node))
    raws = [None if t is None else t._data for t in grad_outputs]
    with contextlib.ExitStack() as guard:
        if several_devices and any(raw is not None for raw in raws):
            _switch_device(guard, raws)
        if node.is_leaf:
            accumulate(node, raws[0], False, False, [])  # type: ignore[arg-type]
            return None
        grads = node.vjp(raws[0] if node.outputs == 1 else raws, node.edges)
    wrapped = tuple(None if g is None else _upper.wrap(g) for g in grads)
    return wrapped[0] if len(wrapped) == 1 else wrapped


def freed_message(node: Node) -> str:
    return (
        f"The graph through `{node.name()}` (shape {tuple(node.shape or ())}) was already used and freed: this is backward a second "
        "time. Several losses over one graph: add them, then call backward once. A tensor kept from an earlier step: "
        "`.detach()` it. Only to differentiate the same graph again: `backward(retain_graph=True)`."
    )
