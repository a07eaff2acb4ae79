"""`@primitive`: a forward and its rules become a public function and a `Node` class.

    @primitive("Mul", operator="*", x1=lambda g, x2: g * x2, x2=lambda g, x1: g * x1)
    def multiply(xp, x1, x2):
        return x1 * x2

Positional parameters of the forward are its inputs (arrays), keyword-only ones its
parameters. There is one rule for each differentiable input, named after it. A rule's
first parameter is the incoming gradient; each of the others is an input, a parameter,
`out` (what the forward returned), `NAME_shape` or `NAME_dtype` of an input, or `xp` (the
namespace to compute with). *Naming a value is what saves it*, and it is saved only if the
rule's own input requires grad.

A tangent's rule, for forward mode, is given by `jvp=`, in a word where one is enough: see `primitive`.

Complex gradients are PyTorch's: conj(df/dz) times the incoming one, a descent direction.
Rules of holomorphic functions are written as for real numbers all the same: around them
`vjp` takes the conjugate of what comes in and of what goes out, which amounts to that.

The one piece of magic in the project is here: from the names in the rules, Python source
is written for the `vjp` method, and for the path from Tensors to Tensor, so that nothing is looked
up in a call, nor looped over where the number of inputs is fixed. Equal sources
are compiled once. How they are worded is in _primitive_source.py. Everything else goes through
`apply` in _recording.py, which does the same things one after the other and is the text to read first.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from types import CodeType
from typing import Any, Protocol, cast

import numpy as np

from . import _modes, _upper
from ._backends import Backend, namespace
from ._dtypes import as_dtype, is_inexact
from ._graph import Cell, sequence
from ._operands import beside, is_operand
from ._primitive_source import WRITTEN_NAMES, function_source, stub_source, variadic_source, vjp_source
from ._recording import PrimitiveNode, apply, conjugates, missing, names_of, note_view, revive, save, several
from ._tensor import Tensor

Rule = Callable[..., Any]
Jvp = str | Rule | dict[str, str | Rule] | None

_PYTORCH = {"x": "self", "x1": "self", "x2": "other", "out": "result"}  # as in `_saved_self` of a node
_NOT_OPERANDS = frozenset(("condition", "indices", "key"))
FLOAT32, FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)
registry: dict[str, Primitive] = {}


class PrimitiveFunction(Protocol):
    """What `@primitive` returns."""

    primitive: Primitive

    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...


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
        The Python operator that the forward is ("*").
    numbers : bool
        Python numbers reach the forward and the rules as they are, for operators always; elsewhere they
        become 0-d arrays first.
    differentiable : bool
        False for functions declared to have no derivative.
    function : function
        What the decorator returned.
    indexes : bool
        One of the inputs is a Key.
    jvp : str, function, dict or None
        How tangents follow (see `primitive`).
    """

    __slots__ = (
        "_node",
        "_node_name",
        "differentiable",
        "floats",
        "forward",
        "function",
        "holomorphic",
        "indexes",
        "inputs",
        "jvp",
        "name",
        "numbers",
        "operator",
        "params",
        "rules",
        "saves",
        "variadic",
        "view",
    )
    function: Callable[..., Any]

    def __init__(
        self,
        forward: Callable[..., Any],
        node_name: str,
        rules: dict[str, Rule],
        view: bool,
        operator: str | None,
        differentiable: bool,
        holomorphic: bool,
        floats: bool,
        numbers: bool,
        jvp: Jvp = None,
    ) -> None:
        self.name = forward.__name__.strip("_")
        self.forward, self.view, self.operator, self.differentiable, self.floats = forward, view, operator, differentiable, floats
        self.numbers = numbers or operator is not None
        code = forward.__code__
        positional, named = code.co_argcount, code.co_argcount + code.co_kwonlyargcount
        self.variadic = bool(code.co_flags & inspect.CO_VARARGS)
        self.inputs = code.co_varnames[named : named + 1] if self.variadic else code.co_varnames[1:positional]
        self.params = code.co_varnames[positional:named]
        self.indexes = "key" in self.inputs
        unknown = set(rules) - set(self.inputs)
        if unknown:
            raise TypeError(f"primitive {self.name}: rules for {sorted(unknown)}, but the inputs are {list(self.inputs)}")
        taken = WRITTEN_NAMES.intersection(self.inputs + self.params)
        if taken:
            raise TypeError(f"primitive {self.name}: the written code has {sorted(taken)} for itself; name the input or parameter otherwise")
        self.rules = tuple(rules.get(name) for name in self.inputs)
        self.jvp = self._checked_jvp(jvp)
        saves: dict[str, tuple[str, int, list[int]]] = {}
        for i, rule in enumerate(self.rules):
            for name in names_of(rule):
                if name != "xp":
                    saves.setdefault(name, (*self._kind(name), []))[2].append(i)
        self.saves = tuple((name, kind, index, tuple(users)) for name, (kind, index, users) in saves.items())
        self.function: Callable[..., Any]
        self.holomorphic = holomorphic and any(kind in ("input", "out") for _, kind, _, _ in self.saves)
        self._node_name = node_name
        self._node: type[PrimitiveNode] | None = None

    @property
    def node(self) -> type[PrimitiveNode]:
        """The class of its nodes, made when the first is recorded: most programs use few of all primitives."""
        if self._node is None:
            self._node = self._make_node(self._node_name)
        return self._node

    def operands(self, raws: Sequence[Any]) -> list[int]:
        """The positions of the inputs that are computed in one common dtype."""
        return [i for i in range(len(raws)) if self.variadic or self.inputs[i] not in _NOT_OPERANDS]

    def _checked_jvp(self, jvp: Jvp) -> Jvp:
        words = jvp if isinstance(jvp, dict) else dict.fromkeys(self.inputs, jvp)
        for name, word in words.items():
            if name not in self.inputs or not (word is None or word in ("elementwise", "linear", "multilinear") or callable(word)):
                raise TypeError(f'primitive {self.name}: jvp is "elementwise", "linear", "multilinear", a function, or a dict of these by input, not {jvp!r}')
            for wanted in names_of(word if callable(word) else None):
                if wanted != "xp":
                    self._kind(wanted)
        return jvp

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
        body: dict[str, Any] = {"__slots__": (), "primitive": self, "saves_arrays": any(kind in ("input", "out") for _, kind, _, _ in self.saves)}
        for i, (name, *_) in enumerate(self.saves):
            body[f"_saved_{_PYTORCH.get(name, name)}"] = property(functools.partial(_saved_value, i))
        return type(f"{node_name}Backward0", (PrimitiveNode,), body)

    def vjp(self, recorded: bool) -> Callable[..., Any]:
        """The method `vjp` of the node, or `vjp_recorded`: written when it is first wanted."""
        scope: dict[str, Any] = {"missing": functools.partial(missing, self), "conjugated": functools.partial(_conjugated, recorded=recorded)}
        scope.update(FLOAT32=FLOAT32, FLOAT64=FLOAT64, is_complex=_is_complex)
        if recorded:
            scope.update(namespace=lambda g: _upper.recorded_namespace, several=PrimitiveNode.revive_outputs, revive=revive)
        else:
            scope.update(namespace=_namespace_of_gradient, several=lambda node, cells: tuple([c.array for c in cells]))
        scope.update({f"rule{i}": rule for i, rule in enumerate(self.rules)})
        exec(_compiled(vjp_source(self, recorded)), scope)
        return scope["vjp_recorded" if recorded else "vjp"]


def primitive(
    node_name: str | None = None,
    *,
    view: bool = False,
    operator: str | None = None,
    differentiable: bool = True,
    holomorphic: bool = True,
    floats: bool = False,
    numbers: bool = False,
    jvp: Jvp = None,
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
        The Python operator that the forward is ("*"): written out where it is fast to do so.
    differentiable : bool
        False declares that there is no derivative: results never require grad.
    holomorphic : bool
        The rules are those of a holomorphic function, written without conjugates; for a complex
        output the conjugates are taken around them. False: they are right for complex values as they stand.
    floats : bool
        Integers and booleans are computed in the default dtype.
    numbers : bool
        Python numbers are given to the forward and to the rules as they are, which operators have always. Then
        the functions that are called with them must take them, of every library.
    jvp : str, function or dict, optional
        How the output's tangent follows from those of the inputs. "elementwise": each element depends on
        those in its own place alone, so that the rules serve tangents too (not those of complex functions that
        are not holomorphic). "linear": the function itself is applied to the tangents of all inputs that have
        rules, with zeros for those without one. "multilinear": it is linear in each of these while the others
        are held. A function of a tangent and of values, named as in rules: what that input contributes; of a
        list of tangents where there are several arrays in one input. A dict has one of these for each input.
        Default: the transposed rules, which is always right but slow.
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
        made = Primitive(forward, name, rules, view, operator, differentiable, holomorphic, floats, numbers, jvp)
        registry[made.name] = made
        function = cast(PrimitiveFunction, _function(made, functools.partial(apply, made)))
        for attribute in ("__name__", "__qualname__", "__doc__", "__module__"):
            setattr(function, attribute, getattr(forward, attribute))
        function.primitive, made.function = made, function
        return function

    return decorate


# For files in which most primitives are of one kind.
elementwise = functools.partial(primitive, jvp="elementwise")
linear = functools.partial(primitive, jvp="linear")


def operator_function(function: PrimitiveFunction) -> Callable[[Any, Any], Any]:
    """The function of a primitive as a method of Tensor: NotImplemented for operands it does not know."""
    made = function.primitive

    def slow(x1: Any, x2: Any) -> Any:
        return apply(made, x1, x2) if is_operand(x2) else NotImplemented

    return _function(made, slow)


def _function(made: Primitive, slow: Callable[..., Any]) -> Callable[..., Any]:
    """The function from Tensors to Tensor, written out where the inputs are fixed in number.

    It is written when it is first called: until then the function has the code of a stub, which
    puts the written code in its own place. So importing compiles little, and whoever has
    imported the function by name has the same object all along.
    """
    scope: dict[str, Any] = {"Tensor": Tensor, "Cell": Cell, "modes": _modes, "sequence": sequence, "made": made}
    scope.update(
        slow=slow,
        forward=made.forward,
        namespace=namespace,
        note_view=note_view,
        beside=beside,
        asarray=np.asarray,
        generic=np.generic,
        ndarray=np.ndarray,
        is_inexact=is_inexact,
        several=several,
        save=save,
    )

    def write() -> None:
        scope["Node_"] = made.node
        exec(_compiled(variadic_source(made) if made.variadic else function_source(made)), written := dict(scope))
        scope["itself"].__code__ = written["function"].__code__

    exec(_compiled(stub_source(made)), scope)
    scope.update(write=write, itself=scope["function"])
    return scope["function"]


def _saved_value(position: int, node: PrimitiveNode) -> Any:
    return node.saved_value(position)


def _namespace_of_gradient(g: Any) -> Backend:
    return namespace(next(v for v in g if v is not None) if type(g) is list else g)


def _is_complex(dtype: Any) -> bool:
    return as_dtype(dtype).kind == "c"


def _conjugated(node: PrimitiveNode, g: Any, edges: tuple[Any, ...], recorded: bool) -> tuple[Any, ...]:
    """Rules of a holomorphic function, on complex values."""
    xp, derive = (_upper.recorded_namespace, node.vjp_recorded) if recorded else (_namespace_of_gradient(g), node.vjp)
    grads = derive(conjugates(g, xp.conj), edges, conjugate=False)
    return tuple(conjugates(list(grads), xp.conj))


@functools.cache
def _compiled(source: str) -> CodeType:
    return compile(source, "<anygrad primitive>", "exec")
