"""`backward()` and `grad()`: the engine's public entry points, and the checks before it runs.

Whatever is wrong with the arguments is found before any gradient flows, so that an
error leaves every `.grad` and every graph as it was.
"""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Sequence
from typing import Any, Literal, overload

from . import _engine, _upper
from ._backends import device_of, is_array, namespace
from ._batched import Batch, Batched
from ._dtypes import as_dtype
from ._errors import DeviceError, DTypeError, ShapeError
from ._graph import Node
from ._leaves import accumulate_into
from ._out_of_memory import out_of_memory
from ._tensor import Tensor, wrap
from ._transform import Transformed, innermost
from .ops.creation import as_tensor, ones_like, zeros_like
from .ops.data_types import astype


def backward(
    tensors: Any,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """Compute the gradients of leaves and add them to their `.grad`.

    Parameters
    ----------
    tensors : Tensor or sequence of Tensors
        What to differentiate.
    grad_tensors : Tensor, None, or sequence of these, optional
        dL/dself for each of `tensors`, of its own shape. Not needed for one element: 1.
    retain_graph : bool, optional
        Keep the saved values, so that the same graph can be run again. Default: `create_graph`.
    create_graph : bool
        Record the derivatives, for derivatives of higher order.
    inputs : Tensor or sequence of Tensors, optional
        Accumulate into these alone (they need not be leaves).

    Raises
    ------
    RuntimeError
        If a tensor does not require grad, has more than one element and no gradient, or was
        differentiated before.
    ShapeError, DTypeError, DeviceError
        If a gradient does not fit its tensor.
    """
    starts = _as_tuple(tensors)
    roots, given = _starts(starts, grad_tensors, "backward()")
    _refuse_batches((*starts, *given))
    seeds = given if create_graph else [seed._data for seed in given]
    retain_graph = create_graph if retain_graph is None else retain_graph
    if create_graph:
        warnings.warn(
            "backward(create_graph=True) leaves gradients in .grad that hold their graph, which holds the leaves: a reference "
            "cycle. Use autograd.grad(..., create_graph=True), or set .grad = None when done.",
            UserWarning,
            stacklevel=3,
        )
    if inputs is None:
        _engine.run(roots, seeds, None, retain_graph, create_graph)
        return
    wanted = _as_tuple(inputs)
    if not wanted:
        raise RuntimeError("backward() got inputs=[], so nothing would be computed. Leave `inputs` out for all leaves.")
    nodes = [_node_of(t, i, "inputs of backward()") for i, t in enumerate(wanted)]
    captured = _engine.run(roots, seeds, set(nodes), retain_graph, create_graph)
    accumulate_into(dict(zip(wanted, nodes, strict=True)), captured, create_graph)


@overload
def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: Literal[False] | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Tensor, ...]: ...
@overload
def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Tensor | None, ...]: ...
def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Tensor | None, ...]:
    """The gradients of `outputs` with respect to `inputs`; no `.grad` is touched.

    Parameters
    ----------
    outputs, inputs : Tensor, GradientEdge, or sequence of these
        What to differentiate, and with respect to what.
    grad_outputs : Tensor, None, or sequence of these, optional
        dL/dself for each output, of its own shape. Not needed for one element: 1.
    retain_graph : bool, optional
        Keep the saved values. Default: `create_graph`.
    create_graph : bool
        Record the derivatives, for derivatives of higher order.
    only_inputs : bool
        Deprecated; gradients are never accumulated.
    allow_unused : bool, optional
        Give None for an input that the outputs do not depend on. Default: `materialize_grads`.
    is_grads_batched : bool
        `grad_outputs` have a leading batch axis; so will the result.
    materialize_grads : bool
        Give zeros for an input that the outputs do not depend on.

    Returns
    -------
    tuple of Tensor or None
        One for each input, of its shape and dtype.

    Raises
    ------
    RuntimeError
        If an input is not used and neither `allow_unused` nor `materialize_grads` is given.
    """
    if not only_inputs:
        warnings.warn("only_inputs is deprecated: gradients are never accumulated. Use autograd.backward for that.", FutureWarning, stacklevel=2)
    if allow_unused is False and materialize_grads:
        raise ValueError("materialize_grads=True gives zeros for unused inputs, so allow_unused cannot be False")
    allow_unused = materialize_grads if allow_unused is None else allow_unused
    outputs, wanted = _as_tuple(outputs), _as_tuple(inputs)
    nodes = [_node_of(t, i, "inputs of grad()") for i, t in enumerate(wanted)]
    retain_graph = create_graph if retain_graph is None else retain_graph
    if is_grads_batched:
        return _batched(outputs, wanted, grad_outputs, retain_graph, create_graph, allow_unused, materialize_grads)
    _, seeds = _starts(outputs, grad_outputs, "grad()")
    results = _pulled(outputs, wanted, seeds, retain_graph, create_graph)
    for i, (tensor, node) in enumerate(zip(wanted, nodes, strict=True)):
        if results[i] is None and materialize_grads:
            results[i] = zeros_like(tensor)
        elif results[i] is None and not allow_unused:
            raise RuntimeError(
                f"input {i} of grad() (shape {tuple(node.shape or ())}) appears to not have been used in the graph of the outputs. Pass "
                "allow_unused=True to get None for it, or materialize_grads=True to get zeros."
            )
    return tuple(results)


def _pulled(outputs: Sequence[Any], inputs: Sequence[Any], seeds: Sequence[Tensor], retain_graph: bool, create_graph: bool) -> list[Tensor | None]:
    """The gradients of the inputs, None for those that no output depends on: the innermost level of the outputs takes its part, then the next."""
    if (inner := innermost(outputs)) is not None:
        return inner.pull(functools.partial(_pulled, retain_graph=retain_graph, create_graph=create_graph), outputs, inputs, seeds)
    roots, nodes = [_node(t) for t in outputs], [_node(t) for t in inputs]
    on_tensors = create_graph or innermost(seeds) is not None
    starts = seeds if on_tensors else [seed._data for seed in seeds]
    captured = _engine.run(roots, starts, set(nodes), retain_graph, create_graph, on_tensors)
    results: list[Tensor | None] = []
    for g in [captured.get(node) for node in nodes]:
        # A result is never the caller's own array.
        own = any(g is start for start in starts)
        results.append(g if g is None or on_tensors else wrap(namespace(g).copy(g) if own else g))
    return results


def _batched(
    outputs: Any, wanted: Any, grad_outputs: Any, retain_graph: bool, create_graph: bool, allow_unused: bool, materialize_grads: bool
) -> tuple[Tensor | None, ...]:
    """One backward for many gradients of the outputs."""
    seeds = () if grad_outputs is None else _as_tuple(grad_outputs)
    if len(seeds) != len(outputs) or any(s is None for s in seeds):
        raise ShapeError("grad(): is_grads_batched=True takes grad_outputs with a leading batch axis, one for each output")
    sizes = {s.shape[:1] for s in seeds}
    if () in sizes or len(sizes) > 1:
        raise ShapeError(
            f"grad(): is_grads_batched=True takes grad_outputs with a leading batch axis of one size; they have shapes {', '.join(str(s.shape) for s in seeds)}"
        )
    with Batch(seeds[0].shape[0]) as batch:
        rows = [batch.covered(as_tensor(s)) for s in seeds]
        found = grad(outputs, wanted, rows, retain_graph, create_graph, True, allow_unused, False, materialize_grads)
        return tuple(None if g is None else batch.exposed(g) for g in found)


# ---------------------------------------------------------------------------
# checks
# ---------------------------------------------------------------------------


def _refuse_batches(tensors: Sequence[Any]) -> None:
    for x in tensors:
        if isinstance(x, Batched):
            x.backward()
        elif isinstance(x, Transformed):
            _refuse_batches(x.parts()[:1])


def _as_tuple(value: Any) -> tuple[Any, ...]:
    if isinstance(value, Tensor) or hasattr(value, "output_nr"):
        return (value,)
    if is_array(value) or isinstance(value, str) or not hasattr(value, "__iter__"):
        raise TypeError(f"expected a Tensor or a sequence of Tensors, got {type(value).__name__}")
    return tuple(value)


def _node_of(tensor: Any, position: int, where: str) -> Node:
    if isinstance(tensor, tuple):  # a GradientEdge
        return edge_node(tensor)
    if not isinstance(tensor, Tensor):
        raise TypeError(f"{where}: item {position} is {type(tensor).__name__}, not a Tensor")
    if tensor._node is None:
        raise RuntimeError(
            f"{where}: item {position} (shape {tensor.shape}) does not require grad (requires_grad=False). Call `.requires_grad_()` on it before computing with it."
        )
    return tensor._node


def _node(tensor: Any) -> Node:
    return edge_node(tensor) if isinstance(tensor, tuple) else tensor._node


def edge_node(edge: Any) -> Node:
    """The node that the engine sends gradients to, for a GradientEdge."""
    return edge.node if edge.ownership_token is None else edge.ownership_token


def _starts(tensors: Sequence[Any], gradients: Any, where: str) -> tuple[list[Node], list[Tensor]]:
    """The nodes to start from, and the gradient at each, checked."""
    if not tensors:
        raise RuntimeError(f"{where} got no tensors to differentiate")
    if gradients is None:
        given: tuple[Any, ...] = (None,) * len(tensors)
    else:
        given = (gradients,) if isinstance(gradients, Tensor) or is_array(gradients) else tuple(gradients)
    if len(given) != len(tensors):
        raise RuntimeError(f"{where} got {len(tensors)} tensors and {len(given)} gradients; pass one for each (None where it is implied)")
    roots, seeds = [], []
    for i, (tensor, g) in enumerate(zip(tensors, given, strict=True)):
        if isinstance(tensor, tuple):
            node = edge_node(tensor)
        elif not isinstance(tensor, Tensor):
            raise TypeError(f"{where}: tensor {i} is {type(tensor).__name__}, not a Tensor")
        elif tensor._node is None:
            raise RuntimeError(_no_graph(tensor, where))
        else:
            node = tensor._node
        roots.append(node)
        seeds.append(_seed(node, tensor, g, i, where))
    return roots, seeds


def _seed(node: Node, tensor: Any, g: Any, position: int, where: str) -> Tensor:
    if type(tensor) is type(g) is Tensor and _alike(tensor._data, g._data):
        return g
    shape = tensor.shape if isinstance(tensor, Tensor) else tuple(node.shape or ())
    if g is None:
        if math.prod(shape) != 1:
            call = f"{where[:-1]}gradient)" if where == "backward()" else "grad(y, x, gradient)"
            raise RuntimeError(
                f"{where} needs one number (a gradient can be implicitly created only for scalar outputs: grad can be implicitly created "
                f"only for scalar outputs); this tensor has shape {shape}. Use `y.sum().backward()`, or pass dL/dy: `y.{call}` with shape {shape}."
            )
        if as_dtype(node.dtype).kind == "c":
            raise RuntimeError(
                f"{where}: a gradient is implied only for real scalar outputs; this one is {as_dtype(node.dtype)}. Differentiate its real part or its abs, or pass the gradient."
            )
        return _ones(node, tensor)
    if not isinstance(g, Tensor):
        if not is_array(g):
            raise TypeError(f"{where}: the gradient must be a Tensor or None, not {type(g).__name__}")
        g = wrap(g)
    if g.shape != shape:
        raise ShapeError(
            f"{where}: Mismatch in shape: grad_output[{position}] has shape {g.shape} and output[{position}] has shape {shape}. "
            "The gradient argument is dL/dself: it has the tensor's own shape."
        )
    if isinstance(tensor, Tensor) and device_of(g._data) != device_of(tensor._data):
        raise DeviceError(
            f"{where}: the gradient is on {device_of(g._data)}, the tensor on {device_of(tensor._data)}. Use `gradient.to({str(device_of(tensor._data))!r})`."
        )
    if g._data.dtype is not node.dtype and g._data.dtype != node.dtype:
        if (g.dtype.kind == "c") != (as_dtype(node.dtype).kind == "c"):
            raise DTypeError(
                f"{where}: Mismatch in dtype: grad_output[{position}] is {g.dtype} and output[{position}] is {as_dtype(node.dtype)}; both must be complex or both real."
            )
        g = astype(g, as_dtype(node.dtype))
    return g


def _alike(x: Any, y: Any) -> bool:
    """Whether two raw arrays are of one library, shape and dtype, and on one device."""
    xp = namespace(x)
    return type(x) is type(y) and x.dtype is y.dtype and x.shape == y.shape and xp.device_of(x) == xp.device_of(y)


def _ones(node: Node, tensor: Any) -> Tensor:
    if isinstance(tensor, Transformed):
        return ones_like(tensor)
    if isinstance(tensor, Tensor):
        x = tensor._data
        xp = namespace(x)
        where = xp.device_of(x)
        try:
            with xp.device_guard(where):
                return wrap(xp.ones(x.shape, dtype=x.dtype, device=where))
        except MemoryError as error:
            raise out_of_memory(error, "backward", [x]) from error
    leaf: Any = node  # an edge does not say on which device its tensor was: on that of a leaf, unless the graph leads from one to another
    while not leaf.is_leaf:
        leaf = next(edge for edge in leaf.edges if edge is not None)
    xp = namespace(leaf.array)
    return wrap(xp.ones(node.shape, dtype=node.dtype, device=xp.device_of(leaf.array)))


def _no_graph(tensor: Tensor, where: str) -> str:
    """Why a result has no graph, as far as the tensor itself can tell."""
    if tensor.dtype.kind not in "fc":
        why = f"its dtype is {tensor.dtype}, and only floating and complex tensors carry gradients"
    else:
        why = "no input required grad, or it was computed under `no_grad`, or it went through `detach()`, `item()` or NumPy"
    return (
        f"{where}: this tensor (shape {tensor.shape}) does not require grad and has no grad_fn: {why}. Setting requires_grad on the "
        "result does not help: it would be a new leaf. Call `.requires_grad_()` on the inputs before computing."
    )


_upper.backward = backward
