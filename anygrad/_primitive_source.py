"""The Python sources that `@primitive` has compiled: text out of what a `Primitive` says of itself.

`vjp_source` is the `vjp` method of a node or its `vjp_recorded`, `function_source` the path from Tensors to Tensor (`variadic_source` where
one input takes several arrays), `stub_source` what stands in its place until the first call. Nothing is compiled or run here: _primitive.py does that, and says which
values the names in the sources have.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._recording import names_of

if TYPE_CHECKING:
    from ._primitive import Primitive, Rule

WRITTEN_NAMES = frozenset(("first", "library", "node", "out", "raws", "result", "tensor", "xp"))  # variables of the sources

# How each path makes its Tensor, and how it ends where it is recorded.
_WRAPPING = ("out = Tensor()", "out._data = result", "out._cell = out._alias = out._grad = None")
_FINISHING = ("node.shape = result.shape", "node.dtype = result.dtype", "node._extra = None", "out._node = node", "return out")

# Rules as short as these are written out instead of called; {0} is what the rule asks for first.
_SHORT_RULES: dict[bytes, str] = {
    (lambda g: g).__code__.co_code: "g",
    (lambda g: -g).__code__.co_code: "-g",
    (lambda g, x: g * x).__code__.co_code: "g * {0}",
    (lambda g, x: g / x).__code__.co_code: "g / {0}",
}


def vjp_source(made: Primitive, recorded: bool) -> str:
    """The method `vjp(self, g, edges)`: each rule on its saved values, where the edge is wanted.

    Or `vjp_recorded`, where these are Tensors with their history.
    """

    def argument(name: str) -> str:
        if name == "xp":
            return "xp"
        i, kind, index = next((i, kind, index) for i, (n, kind, index, _) in enumerate(made.saves) if n == name)
        if kind in ("param", "shape", "dtype"):
            return f"saved[{i}]"
        if made.variadic and kind == "input":
            return f"[revive(s, e) for s, e in zip(saved[{i}], self.edges)]" if recorded else f"[s.array for s in saved[{i}]]"
        one = f"revive(saved[{i}], {'self' if kind == 'out' else f'self.edges[{index}]'})" if recorded else f"saved[{i}].array"
        return f"(several(self, saved[{i}]) if type(saved[{i}]) is tuple else {one})" if kind == "out" else one

    def call(i: int, rule: Rule | None) -> str:
        if rule is None:
            return f"missing({i})"
        arguments = [argument(name) for name in names_of(rule)]
        if rule.__code__.co_code in _SHORT_RULES and not made.variadic:
            return _SHORT_RULES[rule.__code__.co_code].format(*arguments)
        return f"rule{i}({', '.join(['g', *arguments])})"

    lines = [f"def {'vjp_recorded' if recorded else 'vjp'}(self, g, edges, conjugate=True):", "    saved = self.saved"]
    if made.holomorphic:
        lines += ["    dtype = self.dtype", "    if dtype is not FLOAT32 and dtype is not FLOAT64 and conjugate and is_complex(dtype):"]
        lines += ["        return conjugated(self, g, edges)"]
    if any("xp" in names_of(rule) for rule in made.rules):
        lines.append("    xp = namespace(g)")
    calls = [call(i, rule) for i, rule in enumerate(made.rules)]
    if made.variadic:
        lines.append(f"    return {calls[0]}")
    else:
        lines.append("    return (" + " ".join(f"None if edges[{i}] is None else {text}," for i, text in enumerate(calls)) + ")")
    return "\n".join(lines)


def _heading(made: Primitive) -> tuple[str, str]:
    """The `def` line of the function of a primitive, and the arguments to pass on from it."""
    names = f"*{made.inputs[0]}" if made.variadic else ", ".join(made.inputs)
    params = f", {'' if made.variadic else '*, '}{', '.join(made.params)}" if made.params else ""
    return f"def function({names}{'' if made.variadic else ', /'}{params}):", names + "".join(f", {p}={p}" for p in made.params)


def stub_source(made: Primitive) -> str:
    heading, arguments = _heading(made)
    return f"{heading}\n    write()\n    return itself({arguments})"


def function_source(made: Primitive) -> str:
    """The path of a function of a fixed number of inputs, for Tensors of one library in the usual mode.

    a0, a1, ... are the arrays of the inputs, n0, n1, ... their nodes. Errors, numbers that do
    not keep the dtype and whatever else is unusual go to `slow`.
    """
    x = made.inputs
    several = range(len(x))
    keys = [i for i in several if x[i] == "key"]  # a Key is neither Tensor nor number
    heading, arguments = _heading(made)
    given = "".join(f", {p}={p}" for p in made.params)
    slow = f"return slow({arguments})"
    lines = [heading, f"    if type({x[0]}) is Tensor and not modes.unusual:", f"        a0 = {x[0]}._data"]
    lines += [f"        a{i} = {x[i]}.array" for i in keys]
    others = [i for i in several if i and i not in keys]
    if not others:
        return "\n".join([*lines, "        library = type(a0)", *_indented(_body(made, given, slow), 2), f"    {slow}"])
    lines.append(f"        if {' and '.join(f'type({x[i]}) is Tensor' for i in others)}:")
    lines += [f"            a{i} = {x[i]}._data" for i in others]
    lines += ["            library = type(a0)", f"            if {' and '.join(f'type(a{i}) is library' for i in others)}:"]
    lines += _indented(_body(made, given, slow), 4)
    if made.numbers:
        lines += [
            f"        elif type({x[1]}) is float or type({x[1]}) is int:",
            "            library = type(a0)",
            *_indented(_body(made, given, slow, number=1), 3),
        ]
        lines += [f"    elif (type({x[0]}) is float or type({x[0]}) is int) and type({x[1]}) is Tensor and not modes.unusual:"]
        lines += [f"        a1 = {x[1]}._data", "        library = type(a1)", *_indented(_body(made, given, slow, number=0), 2)]
    elif len(several) == 2 and not keys and not made.params:
        lines += [f"        elif type({x[1]}) is float or type({x[1]}) is int:", f"            tensor = beside({x[1]}, {x[0]})"]
        lines += ["            if tensor is not None:", f"                return itself({x[0]}, tensor)"]
    return "\n".join([*lines, f"    {slow}"])


def variadic_source(made: Primitive) -> str:
    """The path of a function of several arrays in one input, for Tensors of one library and dtype in the usual mode."""
    heading, arguments = _heading(made)
    x = made.inputs[0]
    slow = f"return slow({arguments})"
    saved = {"input": f"tuple([save(x, x._data) for x in {x}])", "shape": "tuple([a.shape for a in raws])", "dtype": "tuple([a.dtype for a in raws])"}
    saves = "".join(f"{saved.get(kind, 'save(out, result)' if kind == 'out' else name)}, " for name, kind, _, _ in made.saves)
    lines = [f"raws = [x._data for x in {x} if type(x) is Tensor]", f"if modes.unusual or len(raws) != len({x}) or len(raws) < 2:", f"    {slow}"]
    lines += ["first = raws[0]", "for a in raws:", "    if type(a) is not type(first) or a.dtype is not first.dtype:", f"        {slow}"]
    lines += ["try:", f"    result = forward(namespace(first), *raws{''.join(f', {p}={p}' for p in made.params)})", "except Exception:", f"    {slow}"]
    lines += ["if type(result) is not type(first) or result.dtype is not first.dtype:", f"    {slow}", *_WRAPPING]
    lines += [
        f"edges = tuple([x._node for x in {x}])",
        "if not any(edges) or modes.off and not modes.local.grad_enabled:",
        "    out._node = None",
        "    return out",
    ]
    lines += ["node = Node_()", "node.seq = next(sequence)", "node.edges = edges", f"node.saved = ({saves})", *_FINISHING]
    return "\n".join([heading, *_indented(lines, 1)])


def _indented(lines: list[str], depth: int) -> list[str]:
    return ["    " * depth + line for line in lines]


def _body(made: Primitive, given: str, slow: str, number: int | None = None) -> list[str]:
    """Compute, wrap and record; `number` is the position of the input that is a Python number."""
    inputs = range(len(made.inputs))
    live = [i for i in inputs if made.inputs[i] != "key" and i != number]
    arrays = [made.inputs[i] if i == number else f"a{i}" for i in inputs]
    like = "a1" if number == 0 else "a0"
    written = made.operator and made.differentiable
    call = f"{arrays[0]} {made.operator} {arrays[1]}" if written else f"forward(namespace({like}), {', '.join(arrays)}{given})"
    if written and number is not None:  # CuPy's operators take a third longer beside a number than its functions
        call += f" if library is ndarray else namespace({like}).{made.name}({arrays[0]}, {arrays[1]})"
    lines = ["try:", f"    result = {call}", "except Exception:", f"    {slow}"]
    lines += ["if type(result) is not library:"]
    if not (made.operator or made.floats):
        params = ", ".join(f"'{p}': {p}" for p in made.params)
        lines += ["    if type(result) is tuple:", f"        return several(made, ({', '.join(made.inputs)},), ({', '.join(arrays)},), {{{params}}}, result)"]
    lines += [
        "    if not isinstance(result, generic):",
        f"        {slow}",
        "    result = asarray(result)  # NumPy's scalar",
    ]
    if (number is not None and made.differentiable) or made.floats:
        lines += [f"if result.dtype is not {like}.dtype:", f"    {slow}"]
    if not (made.operator or made.view):
        lines += [f"if {' or '.join(f'result is a{i}' for i in inputs if i != number)}:", f"    {slow}"]
    lines += _WRAPPING
    if made.view:
        params = ", ".join(f"'{p}': {p}" for p in made.params)
        lines += ["if namespace(result).shares_memory(result, a0):", f"    note_view(made, out, {made.inputs[0]}, {{{params}}})"]
    if not made.differentiable:
        return [*lines, "out._node = None", "return out"]
    lines += [f"n{i} = {made.inputs[i]}._node" for i in live]
    untracked = " and ".join(f"n{i} is None" for i in live)
    if "dtype" in made.params:  # it may be one that carries no gradient
        untracked += " or not is_inexact(result)"
    lines += [f"if {untracked} or modes.off and not modes.local.grad_enabled:", "    out._node = None", "    return out"]
    edges = ", ".join(f"n{i}" if i in live else "None" for i in inputs)
    lines += ["node = Node_()", "node.seq = next(sequence)", f"node.edges = ({edges},)"]
    for i, save in enumerate(made.saves):
        lines += _saving(made, f"s{i}", save, live, number)
    saved = "".join(f"s{i}, " for i in range(len(made.saves)))
    return [*lines, f"node.saved = ({saved})", *_FINISHING]


def _saving(made: Primitive, target: str, save: tuple[str, str, int, tuple[int, ...]], live: list[int], number: int | None) -> list[str]:
    """Set `target` to what the node saves for one name, or to None if no rule that runs wants it."""
    name, kind, index, users = save
    wanted = [u for u in users if u in live]
    if not wanted:
        return [f"{target} = None"]
    x, array = ("out", "result") if kind == "out" else (made.inputs[index], f"a{index}")
    is_number = index == number and kind != "out"
    if kind == "param":
        lines = [f"{target} = {name}"]
    elif kind in ("shape", "dtype"):
        lines = [f"{target} = {'()' if is_number else f'{array}.{kind}'}"]
    elif is_number:
        lines = [f"{target} = Cell()", f"{target}.array = {x}"]
    elif name == "key":
        lines = [f"{target} = {x}"]
    else:
        lines = [f"{target} = {x}._cell", f"if {target} is None:", f"    {target} = {x}._cell = Cell()", f"    {target}.array = {array}"]
        lines += [f"    if {x}._alias is not None:", f"        {x}._alias.storage.add_cell({target})"]
    if len(wanted) == len(live):
        return lines
    condition = " or ".join(f"n{u} is not None" for u in wanted)
    return [f"{target} = None", f"if {condition}:", *_indented(lines, 1)]
