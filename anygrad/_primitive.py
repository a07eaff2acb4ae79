"""`@primitive`: a forward and its rules become a public function and a `Node` class.

    @primitive("Mul", x1=lambda g, x2: g * x2, x2=lambda g, x1: g * x1)
    def multiply(xp, x1, x2):
        return x1 * x2

Positional parameters of the forward are its inputs (arrays), keyword-only ones its
parameters. There is one rule for each differentiable input, named after it. A rule's
first parameter is the incoming gradient; each of the others is an input, a parameter,
`out` (what the forward returned), `NAME_shape` or `NAME_dtype` of an input, or `xp` (the
namespace to compute with). *Naming a value is what saves it*, and it is saved only if the
rule's own input requires grad.

Complex gradients are PyTorch's: conj(df/dz) times the incoming one, a descent direction.
Rules of holomorphic functions are written as for real numbers all the same: around them
`vjp` takes the conjugate of what comes in and of what goes out, which amounts to that.

The one piece of magic in the project is here: from the names in the rules, Python source
is written for the `vjp` method, and for functions of one or two arrays for the whole path
from Tensor to Tensor, so that nothing is looked up or looped over in a call. Equal
sources are compiled once. Everything else goes through `apply`, which does the same
things one after the other and is the text to read first.
"""

from __future__ import annotations

import functools
import inspect
import weakref
from collections.abc import Callable, Sequence
from types import CodeType
from typing import Any, ClassVar, Protocol, cast

import numpy as np

from . import _engine, _modes
from ._alias import NO_GRAD, alias_of, cell_of, share
from ._backends import Backend, as_dtype, device_of, is_array, namespace
from ._errors import DeviceError, DTypeError
from ._graph import Cell, Node, Output, Packed, sequence
from ._messages import translate
from ._scalars import NUMBERS, get_default_dtype, strengthen, weak_dtype
from ._tensor import Tensor, wrap

Rule = Callable[..., Any]


class PrimitiveFunction(Protocol):
    """What `@primitive` returns."""

    primitive: Primitive

    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...


FLOAT32, FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)
registry: dict[str, Primitive] = {}


class Primitive:
    """What the decorator found out about a forward and its rules.

    Attributes
    ----------
    name : str
        Of the function.
    inputs : tuple of str
        Names of the arrays; one name if `variadic` (then the one rule returns a sequence).
    rules : tuple of (function or None)
        For each input.
    saves : tuple of (name, kind, index, users)
        What a node keeps, in this order: kind is "input", "out", "shape", "dtype" or "param"; users
        are the inputs whose rules want it.
    view : bool
        The result may share memory with the first input, and is then a view of it.
    operator : str or None
        The Python operator that the forward is. Python numbers then reach the forward and the
        rules as they are; elsewhere they become 0-d arrays first.
    differentiable : bool
        False for functions declared to have no derivative.
    """

    __slots__ = ("differentiable", "floats", "forward", "holomorphic", "inputs", "name", "node", "operator", "params", "rules", "saves", "variadic", "view")

    def __init__(self, forward: Callable[..., Any], node_name: str, rules: dict[str, Rule], view: bool, operator: str | None, differentiable: bool, holomorphic: bool, floats: bool) -> None:
        self.name = forward.__name__.strip("_")
        self.forward, self.view, self.operator, self.differentiable, self.floats = forward, view, operator, differentiable, floats
        code = forward.__code__
        positional, named = code.co_argcount, code.co_argcount + code.co_kwonlyargcount
        self.variadic = bool(code.co_flags & inspect.CO_VARARGS)
        self.inputs = code.co_varnames[named : named + 1] if self.variadic else code.co_varnames[1:positional]
        self.params = code.co_varnames[positional:named]
        unknown = set(rules) - set(self.inputs)
        if unknown:
            raise TypeError(f"primitive {self.name}: rules for {sorted(unknown)}, but the inputs are {list(self.inputs)}")
        self.rules = tuple(rules.get(name) for name in self.inputs)
        saves: dict[str, tuple[str, int, list[int]]] = {}
        for i, rule in enumerate(self.rules):
            for name in _names(rule):
                if name != "xp":
                    saves.setdefault(name, (*self._kind(name), []))[2].append(i)
        self.saves = tuple((name, kind, index, tuple(users)) for name, (kind, index, users) in saves.items())
        self.holomorphic = holomorphic and any(kind in ("input", "out") for _, kind, _, _ in self.saves)
        self.node = self._make_node(node_name)

    def _kind(self, name: str) -> tuple[str, int]:
        if name in self.inputs:
            return "input", self.inputs.index(name)
        if name == "out":
            return "out", 0
        if name in self.params:
            return "param", 0
        stem, _, what = name.rpartition("_")
        if stem in self.inputs and what in ("shape", "dtype"):
            return what, self.inputs.index(stem)
        raise TypeError(
            f"primitive {self.name}: a rule asks for {name!r}; it can have the inputs {list(self.inputs)}, the parameters "
            f"{list(self.params)}, `out`, `xp`, and `NAME_shape` or `NAME_dtype` of an input"
        )

    def _make_node(self, node_name: str) -> type[PrimitiveNode]:
        body = {"__slots__": (), "primitive": self, "saves_arrays": any(kind in ("input", "out") for _, kind, _, _ in self.saves)}
        return type(f"{node_name}Backward0", (PrimitiveNode,), body)

    def vjp(self) -> Callable[..., Any]:
        """The method `vjp` of the node: written when it is first wanted."""
        scope: dict[str, Any] = {"namespace": _namespace_of_gradient, "missing": functools.partial(_missing, self)}
        scope.update(FLOAT32=FLOAT32, FLOAT64=FLOAT64, is_complex=_is_complex, conjugated=_conjugated)
        scope.update({f"rule{i}": rule for i, rule in enumerate(self.rules)})
        exec(_compiled(_vjp_source(self)), scope)
        return scope["vjp"]


def _names(rule: Rule | None) -> tuple[str, ...]:
    return () if rule is None else rule.__code__.co_varnames[1 : rule.__code__.co_argcount]


def primitive(
    node_name: str | None = None,
    *,
    view: bool = False,
    operator: str | None = None,
    differentiable: bool = True,
    holomorphic: bool = True,
    floats: bool = False,
    **rules: Rule,
) -> Callable[[Callable[..., Any]], PrimitiveFunction]:
    """Make a public function out of `forward(xp, *inputs, **parameters)` and its rules.

    Parameters
    ----------
    node_name : str, optional
        "Mul" for nodes called `MulBackward0`. Default: from the function's name.
    view : bool
        The result may be a view of the first input.
    operator : str, optional
        The Python operator that the forward is ("*"): written out where it is fast to do so, and
        Python numbers are given to the forward and to the rules as they are.
    differentiable : bool
        False declares that there is no derivative: results never require grad.
    holomorphic : bool
        The rules are those of a holomorphic function, written without conjugates; for a complex
        output the conjugates are taken around them. False: they are right for complex values as they stand.
    floats : bool
        Integers and booleans are computed in the default dtype.
    **rules : functions
        For each differentiable input, how its gradient follows from the output's.

    Returns
    -------
    decorator
        Its result takes Tensors, raw arrays of the same device, and Python numbers.

    Raises
    ------
    TypeError
        If a rule is for an unknown input, or asks for an unknown value.
    """

    def decorate(forward: Callable[..., Any]) -> PrimitiveFunction:
        name = node_name or "".join(part.capitalize() for part in forward.__name__.split("_"))
        made = Primitive(forward, name, rules, view, operator, differentiable, holomorphic, floats)
        registry[made.name] = made
        function = cast(PrimitiveFunction, _function(made))
        for attribute in ("__name__", "__qualname__", "__doc__", "__module__"):
            setattr(function, attribute, getattr(forward, attribute))
        function.primitive = made
        return function

    return decorate


def operator_function(function: PrimitiveFunction) -> Callable[[Any, Any], Any]:
    """The function of a primitive as a method of Tensor: NotImplemented for operands it does not know."""
    made = function.primitive

    def slow(x1: Any, x2: Any) -> Any:
        if not (isinstance(x2, (Tensor, *NUMBERS)) or is_array(x2)):
            return NotImplemented
        return apply(made, x1, x2)

    return _function(made, slow)


def _function(made: Primitive, slow: Callable[..., Any] | None = None) -> Callable[..., Any]:
    """The function from Tensors to Tensor: written out for one or two plain inputs."""
    slow = slow or functools.partial(apply, made)
    unusual = made.variadic or made.params or made.view or "key" in made.inputs
    if unusual or len(made.inputs) > 2 or any(kind == "dtype" for _, kind, _, _ in made.saves):

        def function(*inputs: Any, **params: Any) -> Any:
            return apply(made, *inputs, **params)

        return function
    scope: dict[str, Any] = {"Tensor": Tensor, "Node_": made.node, "Cell": Cell, "modes": _modes, "sequence": sequence}
    scope.update(slow=slow, forward=made.forward, namespace=namespace, next=next, type=type)
    exec(_compiled(_function_source(made)), scope)
    return scope["function"]


# ---------------------------------------------------------------------------
# the general path
# ---------------------------------------------------------------------------


def apply(made: Primitive, *inputs: Any, **params: Any) -> Any:
    """Compute a primitive and record it: what every call amounts to.

    Inputs are Tensors, raw arrays, Python numbers, or objects with an `array` (see `Key` in
    ops/indexing.py). Returns a Tensor, or a tuple of Tensors if the forward returns a tuple.
    """
    raws, nodes, xp = unwrap(made, inputs)
    try:
        with xp.device_guard(raws[0]):
            result = made.forward(xp, *raws, **params)
    except Exception as error:
        raise translate(error, made.name, made.inputs, raws, params) from error
    recording = made.differentiable and _modes.local.grad_enabled and any(n is not None for n in nodes)
    if type(result) is tuple:
        return _several(made, inputs, raws, nodes, params, result, recording)
    out = wrap(result)
    if made.view:
        if xp.shares_memory(out._data, raws[0]):
            _note_view(made, out, inputs[0], params, None)
    elif any(out._data is raw for raw in raws):
        out._data = xp.copy(out._data)
    if recording and is_inexact(out._data):
        node = record(made, inputs, raws, nodes, params)
        out._node = finish(node, out)
    if _modes.local.inference and out._alias is None:
        alias_of(out).storage.inference = True
    return out


def unwrap(made: Primitive, inputs: Sequence[Any]) -> tuple[list[Any], list[Node | None], Backend]:
    """Raw arrays and nodes of the inputs, and their common backend; Python numbers made arrays."""
    raws: list[Any] = []
    nodes: list[Node | None] = []
    numbers: list[int] = []
    first = None
    for i, x in enumerate(inputs):
        node = None
        if isinstance(x, Tensor):
            node, x = x._node, x._data
            first = x if first is None else first
        elif hasattr(x, "cells"):  # a Key
            x = x.array
        elif isinstance(x, NUMBERS):
            numbers.append(i)
        elif is_array(x):
            first = x if first is None else first
        else:
            raise DTypeError(f"{made.name}: argument `{_name(made, i)}` is {type(x).__name__}; expected a Tensor, an array or a number. Write anygrad.asarray(...).")
        raws.append(x)
        nodes.append(node)
    if first is None:
        raise DTypeError(f"{made.name}: none of the arguments is a Tensor or an array. Write anygrad.asarray(...).")
    xp = namespace(first)
    if made.floats and all(as_dtype(x.dtype).kind in "biu" if is_array(x) else isinstance(x, int) for x in raws):
        raws = [xp.astype(x, xp.raw_dtype(get_default_dtype())) if is_array(x) else float(x) for x in raws]
    if len(raws) > 1:
        _check_devices(made, raws, first, xp)
        if numbers and (not made.operator or _widens(raws, numbers)):
            raws = strengthen(raws, numbers, xp)
    return raws, nodes, xp


def _widens(raws: list[Any], numbers: list[int]) -> bool:
    """Whether a number beside an array changes the kind of the result: then the array library's
    own rule (float64 for a float among integers) is not ours."""
    dtypes = [as_dtype(x.dtype) for x in raws if is_array(x)]
    return any(weak_dtype(raws[i], dtypes) != dtypes[0] for i in numbers)


def _name(made: Primitive, position: int) -> str:
    return f"{made.inputs[0]}[{position}]" if made.variadic else made.inputs[position]


def _check_devices(made: Primitive, raws: list[Any], first: Any, xp: Backend) -> None:
    where = xp.device_of(first)
    for x in raws:
        if x is not first and is_array(x) and (namespace(x) is not xp or xp.device_of(x) != where):
            listed = "; ".join(f"`{_name(made, i)}` of shape {tuple(a.shape)} on {device_of(a)}" for i, a in enumerate(raws) if is_array(a))
            raise DeviceError(f"{made.name}: arguments are on different devices: {listed}. Move one of them: `.to({str(device_of(first))!r})`.")


def is_inexact(array: Any) -> bool:
    """Whether a raw array can carry a gradient: floating or complex."""
    return as_dtype(array.dtype).kind in "fcV"


def record(made: Primitive, inputs: Sequence[Any], raws: Sequence[Any], nodes: Sequence[Node | None], params: dict[str, Any]) -> PrimitiveNode:
    """A node for one application, all but what it saves of the output (see `finish`)."""
    node = made.node()
    node.seq = next(sequence)
    node.edges = tuple(nodes)
    node._extra = None
    variadic_live = made.variadic and any(n is not None for n in nodes)
    saved: list[Any] = []
    for name, kind, index, users in made.saves:
        if not (variadic_live or any(nodes[u] is not None for u in users)):
            saved.append(None)
        elif kind == "param":
            saved.append(params.get(name))
        elif kind == "out":
            saved.append(None)
        elif made.variadic:
            saved.append(tuple(_save(x, r) if kind == "input" else tuple(r.shape) if kind == "shape" else r.dtype for x, r in zip(inputs, raws, strict=True)))
        elif kind == "input":
            saved.append(_save(inputs[index], raws[index]))
        else:
            saved.append(tuple(raws[index].shape) if kind == "shape" else raws[index].dtype)
    node.saved = tuple(saved)
    return node


def finish(node: PrimitiveNode, out: Tensor) -> PrimitiveNode:
    """Note the output's shape and dtype, and save it if a rule wants it."""
    node.shape, node.dtype = out._data.shape, out._data.dtype
    _save_out(node, lambda: _save(out, out._data))
    return node


def _save_out(node: PrimitiveNode, save: Callable[[], Any]) -> None:
    made = node.primitive
    for i, (_, kind, _, users) in enumerate(made.saves):
        if kind == "out" and (made.variadic or any(node.edges[u] is not None for u in users)):
            saved = list(node.saved or ())
            saved[i] = save()
            node.saved = tuple(saved)


def _save(x: Any, raw: Any) -> Any:
    """A saved value: the Tensor's cell; through the hooks, if there are any."""
    hooks = _modes.local.saved_tensors_hooks
    if isinstance(x, Tensor):
        if hooks and is_inexact(raw):
            pack, unpack = hooks[-1]
            with _modes.no_grad():
                return Packed(pack(x.detach()), unpack)
        return cell_of(x)
    if hasattr(x, "cells"):
        return x
    cell = Cell()
    cell.array = raw
    return cell


def _several(made: Primitive, inputs: Any, raws: Any, nodes: Any, params: Any, results: tuple[Any, ...], recording: bool) -> tuple[Tensor, ...]:
    outs = tuple(wrap(r) for r in results)
    xp = namespace(outs[0]._data) if outs else None
    for i, out in enumerate(outs):
        if made.view and xp.shares_memory(out._data, raws[0]):  # type: ignore[union-attr]
            _note_view(made, out, inputs[0], params, i)
    if recording:
        node = record(made, inputs, raws, nodes, params)
        node.shape, node.dtype = (), None
        node.count = len(outs)
        _save_out(node, lambda: tuple(_save(out, out._data) for out in outs))
        for i, out in enumerate(outs):
            if is_inexact(out._data):
                out._node = Output(node, i, out._data)
                node.keep_output(i, out._node)
    return outs


def _note_view(made: Primitive, out: Tensor, source: Any, params: dict[str, Any], index: int | None) -> None:
    if not isinstance(source, Tensor):
        return
    fixed = None if _modes.local.grad_enabled else NO_GRAD
    if index is not None:
        fixed = f"it is one of several views that {made.name} returns"

    def step(x: Any) -> Any:
        if isinstance(x, Tensor):
            result = apply(made, x, **params)
        else:
            result = made.forward(namespace(x), x, **params)
        return result if index is None else result[index]

    share(out, source, step, fixed)


# ---------------------------------------------------------------------------
# nodes
# ---------------------------------------------------------------------------


class PrimitiveNode(Node):
    """The node of a primitive."""

    __slots__ = ("_outputs", "count")
    primitive: ClassVar[Primitive]
    count: int
    _outputs: dict[int, weakref.ref[Output]]

    @property
    def outputs(self) -> int:  # type: ignore[override]
        try:
            return self.count
        except AttributeError:
            return 1

    def keep_output(self, index: int, output: Output) -> None:
        """Remember (weakly) the edge of an output, so that reviving it gives the same one."""
        try:
            self._outputs[index] = weakref.ref(output)
        except AttributeError:
            self._outputs = {index: weakref.ref(output)}

    def vjp(self, g: Any, edges: tuple[Node | None, ...], conjugate: bool = True) -> tuple[Any, ...]:
        # The first node of a primitive that runs puts the written method in its class.
        type(self).vjp = self.primitive.vjp()  # type: ignore[method-assign]
        return self.vjp(g, edges, conjugate)

    def vjp_recorded(self, g: Any, edges: tuple[Node | None, ...]) -> tuple[Any, ...]:
        made = self.primitive
        conj = _engine.recorded_namespace.conj
        conjugate = made.holomorphic and as_dtype(self.dtype).kind == "c"
        grads = self._rules_recorded(conj(g) if conjugate else g, edges)
        return tuple(None if v is None else conj(v) for v in grads) if conjugate else grads

    def _rules_recorded(self, g: Any, edges: tuple[Node | None, ...]) -> tuple[Any, ...]:
        made = self.primitive
        values = {name: self._revive(kind, index, value) for (name, kind, index, _), value in zip(made.saves, self.saved or (), strict=True)}
        values["xp"] = _engine.recorded_namespace
        if made.variadic:
            only = made.rules[0]
            return tuple(only(g, *[values[name] for name in _names(only)])) if only else _missing(made, 0)
        grads: list[Any] = []
        for i, (rule, edge) in enumerate(zip(made.rules, edges, strict=True)):
            if edge is None:
                grads.append(None)
            elif rule is None:
                _missing(made, i)
            else:
                grads.append(rule(g, *[values[name] for name in _names(rule)]))
        return tuple(grads)

    def _revive(self, kind: str, index: int, value: Any) -> Any:
        """A saved value as a Tensor with its history."""
        if value is None or kind in ("param", "shape", "dtype"):
            return value
        if kind == "out":
            if isinstance(value, tuple):
                return tuple(wrap(v.array, self._output(i, v.array)) if is_inexact(v.array) else wrap(v.array) for i, v in enumerate(value))
            return wrap(value.array, self)
        if isinstance(value, tuple):
            return tuple(wrap(v.array, edge) for v, edge in zip(value, self.edges, strict=True))
        array = value.array
        return wrap(array, self.edges[index]) if is_array(array) else array

    def _output(self, index: int, array: Any) -> Output:
        output = self._outputs[index]() if index in self._outputs else None
        if output is None:
            output = Output(self, index, array)
            self.keep_output(index, output)
        return output


def _missing(made: Primitive, index: int, *ignored: Any) -> Any:
    name = made.inputs[0] if made.variadic else made.inputs[index]
    raise NotImplementedError(f"{made.name}: the derivative with respect to `{name}` is not implemented. Detach that argument, or give a rule with autograd.Function.")


def _is_complex(dtype: Any) -> bool:
    return as_dtype(dtype).kind == "c"


def _conjugated(node: PrimitiveNode, g: Any, edges: tuple[Node | None, ...]) -> tuple[Any, ...]:
    """Rules of a holomorphic function, on complex values."""
    xp = namespace(g)
    grads = node.vjp(xp.conj(g), edges, conjugate=False)
    return tuple(None if v is None else xp.conj(v) for v in grads)


def _namespace_of_gradient(g: Any) -> Backend:
    return namespace(next(v for v in g if v is not None) if type(g) is list else g)


# ---------------------------------------------------------------------------
# the sources
# ---------------------------------------------------------------------------


_PASSES_ON: Rule = lambda g: g  # noqa: E731  (rules that look like this are written out as `g`)


@functools.cache
def _compiled(source: str) -> CodeType:
    return compile(source, "<anygrad primitive>", "exec")


def _vjp_source(made: Primitive) -> str:
    """The method `vjp(self, g, edges)`: each rule on its saved values, where the edge is wanted."""

    def argument(name: str) -> str:
        if name == "xp":
            return "xp"
        i, kind = next((i, kind) for i, (n, kind, _, _) in enumerate(made.saves) if n == name)
        if kind in ("param", "shape", "dtype"):
            return f"saved[{i}]"
        if made.variadic:
            return f"[s.array for s in saved[{i}]]"
        return f"(tuple([s.array for s in saved[{i}]]) if type(saved[{i}]) is tuple else saved[{i}].array)" if kind == "out" else f"saved[{i}].array"

    lines = ["def vjp(self, g, edges, conjugate=True):", "    saved = self.saved"]
    if made.holomorphic:
        lines += ["    dtype = self.dtype", "    if dtype is not FLOAT64 and dtype is not FLOAT32 and conjugate and is_complex(dtype):", "        return conjugated(self, g, edges)"]
    if any("xp" in _names(rule) for rule in made.rules):
        lines.append("    xp = namespace(g)")

    def call(i: int, rule: Rule | None) -> str:
        if rule is None:
            return f"missing({i})"
        if rule.__code__.co_code == _PASSES_ON.__code__.co_code and not made.variadic:
            return "g"
        return f"rule{i}({', '.join(['g', *map(argument, _names(rule))])})"

    calls = [call(i, rule) for i, rule in enumerate(made.rules)]
    if made.variadic:
        lines.append(f"    return {calls[0]}")
    else:
        lines.append("    return (" + " ".join(f"None if edges[{i}] is None else {call}," for i, call in enumerate(calls)) + ")")
    return "\n".join(lines)


def _function_source(made: Primitive) -> str:
    """The path of a function of one or two arrays, for Tensors of one library in the usual mode.

    The result must be an array of the inputs' type: NumPy's scalars for 0-d, an error, a number
    that does not keep the dtype, and whatever else is unusual go to `apply`.
    """
    two = len(made.inputs) == 2

    def branch(b: str, scalar: bool) -> list[str]:
        call = f"a {made.operator} {b}" if made.operator and made.differentiable else f"forward(namespace(a), a, {b})" if two else "forward(namespace(a), a)"
        check = " and r.dtype is a.dtype" if scalar or made.floats else ""
        lines = ["try:", f"    r = {call}", "except Exception:", "    return slow(x1, x2)" if two else "    return slow(x1)"]
        lines += [f"if type(r) is type(a){check}:"]
        live = ["n1"] if scalar or not two else ["n1", "n2"]
        inner = ["out = Tensor()", "out._data = r", "out._cell = out._alias = out._grad = None"]
        if not made.differentiable:
            inner += ["out._node = None", "return out"]
            return lines + ["    " + line for line in inner]
        inner += [f"{n} = x{n[1]}._node" for n in live]
        inner += [f"if {' and '.join(f'{n} is None' for n in live)}:", "    out._node = None", "    return out"]
        inner += ["node = Node_()", "node.seq = next(sequence)", f"node.edges = ({', '.join(live + (['None'] if scalar else []))},)"]
        names = []
        for i, (_, kind, index, users) in enumerate(made.saves):
            names.append(f"s{i}")
            wanted = " or ".join(f"n{u + 1} is not None" for u in users if f"n{u + 1}" in live)
            if not wanted:
                inner.append(f"s{i} = None")
                continue
            inner += [f"s{i} = None", f"if {wanted}:"] if len(live) > 1 and len(users) < len(live) else ["if True:"]
            x, array = ("out", "r") if kind == "out" else (f"x{index + 1}", "ab"[index])
            if kind == "shape":
                inner.append(f"    s{i} = {array}.shape" if not (scalar and index) else f"    s{i} = ()")
            elif scalar and index == 1 and kind == "input":
                inner += [f"    s{i} = Cell()", f"    s{i}.array = x2"]
            else:
                inner += [
                    f"    s{i} = {x}._cell",
                    f"    if s{i} is None:",
                    f"        s{i} = {x}._cell = Cell()",
                    f"        s{i}.array = {array}",
                    f"        if {x}._alias is not None: {x}._alias.storage.add_cell(s{i})",
                ]
        inner += [f"node.saved = ({''.join(name + ', ' for name in names)})"]
        inner += ["node.shape = r.shape", "node.dtype = r.dtype", "node._extra = None", "out._node = node", "return out"]
        return lines + ["    " + line for line in inner]

    def indent(lines: list[str], depth: int) -> list[str]:
        return ["    " * depth + line for line in lines]

    if not two:
        source = ["def function(x1, /):", "    if type(x1) is Tensor and not modes.unusual:", "        a = x1._data"]
        source += indent(branch("", False), 2) + ["    return slow(x1)"]
        return "\n".join(source)
    source = ["def function(x1, x2, /):", "    if type(x1) is Tensor and not modes.unusual:", "        a = x1._data"]
    source += ["        if type(x2) is Tensor:", "            b = x2._data", "            if type(b) is type(a):", *indent(branch("b", False), 4)]
    if made.operator:
        source += ["        elif type(x2) is float or type(x2) is int:", *indent(branch("x2", True), 3)]
    return "\n".join([*source, "    return slow(x1, x2)"])
