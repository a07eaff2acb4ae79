"""PTX, which NVRTC makes of a kernel, as C: so a CPU can do what the GPU would, instruction by instruction.

Every register is an unsigned integer of its size, every instruction one statement, every kernel one function that is
called for each thread (threads.c). The semantics are those of NVIDIA's "PTX ISA"; what is called approximate there is
computed to the last bit here, save that `rcp` and `rsqrt` of double precision with `.ftz` keep their 20 leading bits.
What kernels of CuPy and ours do not use is not here: `Unknown` says which instruction.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

SIZES = {"pred": 4, "b8": 1, "u8": 1, "s8": 1, "b16": 2, "u16": 2, "s16": 2, "f16": 2, "bf16": 2, "b32": 4, "u32": 4, "s32": 4, "f32": 4}
SIZES |= {"b64": 8, "u64": 8, "s64": 8, "f64": 8}
FLOATS = {"f16", "bf16", "f32", "f64"}
SPECIAL = {"tid", "ntid", "ctaid", "nctaid"}
TOGETHER = re.compile(r"\b(bar|barrier|shfl|vote|match|redux)\.")  # what makes threads wait for each other
COMPARISONS = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "lo": "<", "ls": "<=", "hi": ">", "hs": ">="}
ROUNDINGS = {"rz": "FE_TOWARDZERO", "rm": "FE_DOWNWARD", "rp": "FE_UPWARD"}
TO_WHOLE = {"rni": "rint", "rzi": "trunc", "rmi": "floor", "rpi": "ceil"}
ENTRY, FUNCTION = "entry", "func"


class Unknown(NotImplementedError):
    """An instruction that is not translated."""


@dataclass
class Routine:
    """A kernel or a function: names and sizes of its parameters, and the text of its body."""

    kind: str
    name: str
    results: list[Variable]
    parameters: list[Variable]
    body: str | None


@dataclass
class Variable:
    """A declaration, as `.param .align 8 .b8 name[16]`, with what it is initialised with."""

    space: str
    type: str
    name: str
    count: int
    values: str | None = None

    @property
    def bytes(self) -> int:
        return SIZES[self.type] * self.count


VARIABLE = re.compile(r"\.(param|global|const|shared|local)\s+(?:\.align\s+\d+\s+)?\.(\w+)\s+([\w$%]+)(\[\d*\])?(?:\s*=\s*(.*))?", re.DOTALL)
ROUTINE = re.compile(r"(?:\.visible|\.weak|\.extern)?\s*\.(entry|func)\s*(?:\(([^)]*)\))?\s*([\w$]+)\s*\(([^)]*)\)[^{;]*")


def variable(text: str) -> Variable:
    """A declaration, read."""
    found = VARIABLE.search(text)
    if not found:
        raise Unknown(text)
    space, kind, name, count, values = found.groups()
    return Variable(space, kind, name, int(count[1:-1] or 0) if count else 1, values)


def translate(text: str) -> str:
    """The C of a module of PTX; each kernel has a `Kernel` of its name with `__kernel` behind it."""
    text = re.sub(r"//[^\n]*|/\*.*?\*/", "", text, flags=re.DOTALL)
    text = re.sub(r"\.(version|target|address_size)[^\n]*|\.pragma[^;]*;", "", text)
    module = Module()
    routines = []
    at = 0
    while found := re.compile(r"\s*(\S)").match(text, at):
        at = found.start(1)
        if routine := ROUTINE.match(text, at):
            kind, results, name, parameters = routine.groups()
            at = routine.end()
            body = None
            if text[at] == "{":
                body, at = _braced(text, at)
            else:
                at += 1
            routines.append(Routine(kind, name, _variables(results), _variables(parameters), body))
        else:
            end = text.index(";", at)
            module.declare(variable(text[at:end]))
            at = end + 1
    return module.in_c(routines)


def _variables(text: str | None) -> list[Variable]:
    return [variable(part) for part in (text or "").split(",") if part.strip()]


def _braced(text: str, at: int) -> tuple[str, int]:
    """What is between the brace here and the one that closes it, and the place after that."""
    depth = 0
    for found in re.compile(r"[{}]").finditer(text, at):
        depth += 1 if found[0] == "{" else -1
        if not depth:
            return text[at + 1 : found.start()], found.end()
    raise Unknown("a brace is not closed")


@dataclass
class Module:
    """The variables of a module, and where in shared memory those are that are there."""

    variables: list[Variable] = field(default_factory=list)
    shared: dict[str, int] = field(default_factory=dict)
    used: int = 0

    def declare(self, one: Variable) -> None:
        if one.space == "shared":
            self.shared[one.name] = self.used = -(-self.used // 16) * 16
            self.used += one.bytes
        else:
            self.variables.append(one)

    def in_c(self, routines: list[Routine]) -> str:
        bodies = [(routine, "\n".join(Body(self, routine).lines())) for routine in routines if routine.body is not None]
        code = "".join(body for _, body in bodies)
        lines = ['#include "gpu.h"']
        lines += [f"enum {{ $${name} = {offset} }};" for name, offset in self.shared.items()]
        lines += [self.constant(one) for one in self.variables if f"$${one.name}" in code or f"({one.name})" in str(self.variables)]
        lines += [f"{self.signature(routine)};" for routine, _ in bodies]
        for routine, body in bodies:
            lines += [self.signature(routine), "{", body, "}"]
            if routine.kind == ENTRY:
                lines.append(self.kernel(routine))
        return "\n".join(lines) + "\n"

    @staticmethod
    def constant(one: Variable) -> str:
        size = 8 * SIZES[one.type]
        values = re.sub(r"0[fFdD]([0-9A-Fa-f]{8,16})", r"0x\1", one.values or "0").strip("{} ")
        values = re.sub(r"generic\((\w+)\)|\b([A-Za-z_$][\w$]*)", lambda m: f"(u64)$${m[1] or m[2]}", values)
        return f"static u{size} $${one.name}[{max(one.count, 1)}] __attribute__((aligned(16))) = {{{values}}};"

    @staticmethod
    def signature(routine: Routine) -> str:
        if routine.kind == ENTRY:
            return f"static void $${routine.name}(Thread *thread)"
        names = [f", char *$${one.name}" for one in routine.results + routine.parameters]
        return f"static void $${routine.name}(Thread *thread{''.join(names)})"

    def kernel(self, routine: Routine) -> str:
        sizes = [one.bytes for one in routine.parameters]
        offsets = [at for _, at in placed(routine.parameters)]
        everything = "".join(filter(None, [routine.body]))
        together = int(bool(TOGETHER.search(everything)))
        listed = ", ".join
        return (
            f"static const u32 sizes$${routine.name}[] = {{{listed(map(str, sizes + [0]))}}}, offsets$${routine.name}[] = {{{listed(map(str, offsets + [0]))}}};\n"
            f"const Kernel {routine.name}__kernel = {{$${routine.name}, sizes$${routine.name}, offsets$${routine.name}, {len(sizes)}, "
            f"{-(-self.used // 16) * 16}, {together}}};"
        )


def placed(parameters: list[Variable]) -> Iterator[tuple[str, int]]:
    """Each parameter's name, and where its bytes are among those of all; each begins at a multiple of 16."""
    at = 0
    for one in parameters:
        yield one.name, at
        at += -(-one.bytes // 16) * 16


class Body:
    """One routine's statements."""

    def __init__(self, module: Module, routine: Routine) -> None:
        self.module, self.routine = module, routine

    def lines(self) -> Iterator[str]:
        if self.routine.kind == ENTRY:
            for name, at in placed(self.routine.parameters):
                yield f"char *$${name} = thread->parameters + {at};"
        yield "u64 $carry = 0;"
        # Statements end with ";", scopes are braces of their own, and operands have braces, too: "{%r1, %r2}".
        statements = re.finditer(r"\s*(?:([$\w]+):|(\{)(?=\s*(?:[.@\w{}]|$))(?!\s*%)|(\})|([^;{}]*(?:\{\s*[%_][^}]*\}[^;{}]*)*;))", self.routine.body)
        end = 0
        for found in statements:
            if found.start() != end:
                raise Unknown(self.routine.body[end : found.start() + 40])
            end = found.end()
            label, opened, closed, statement = found.groups()
            yield f"{label}: ;" if label else opened or closed or self.statement(statement[:-1].strip())
        if self.routine.body[end:].strip():
            raise Unknown(self.routine.body[end:])

    def statement(self, text: str) -> str:
        if not text:
            return ";"
        if text.startswith("."):
            return self.declaration(text)
        guard = ""
        if text.startswith("@"):
            predicate, text = text[1:].split(None, 1)
            guard = f"if ({'!' * (predicate[0] == '!')}{register(predicate.lstrip('!'))}) "
        opcode, _, operands = text.partition(" ") if not text.startswith("call") else (text.split()[0], "", text.split(None, 1)[1])
        opcode, _, first = opcode.partition("\t")
        return guard + "{ " + instruction(opcode, split(f"{first} {operands}")) + " }"

    def declaration(self, text: str) -> str:
        if text.startswith(".reg"):
            kind, names = re.fullmatch(r"\.reg\s+\.(\w+)\s+(.*)", text, re.DOTALL).groups()
            c_type = "int" if kind == "pred" else f"u{8 * max(SIZES[kind], 2)}"
            listed = []
            for name in split(names):
                if many := re.fullmatch(r"(%?\w+)<(\d+)>", name):
                    listed += [f"{register(many[1])}{i}" for i in range(int(many[2]))]
                else:
                    listed.append(register(name))
            return f"{c_type} {', '.join(listed)};"
        one = variable(text)
        if one.space == "shared":
            self.module.declare(one)
            return ";"
        return f"char $${one.name}[{one.bytes}] __attribute__((aligned(16)));"


# ---------------------------------------------------------------------------
# operands
# ---------------------------------------------------------------------------


def split(text: str) -> list[str]:
    """Operands between commas, where no bracket is open."""
    return [part.strip() for part in re.findall(r"(?:\{[^}]*\}|\([^)]*\)|\[[^\]]*\]|[^,{(\[])+", text.strip()) if part.strip()]


def register(name: str) -> str:
    return "$" + name.removeprefix("%")


def operand(text: str) -> str:
    """The bits of a register, of a number, or the address of a variable."""
    if text.startswith("%"):
        base, _, part = text[1:].partition(".")
        if base in SPECIAL:
            return f"thread->{base}.{part}"
        if base in ("laneid", "warpid"):
            return f"thread->{base}"
        if text == "%dynamic_smem_size":
            return "thread->dynamic"
        if base.startswith("lanemask_"):
            lane = "(1ull << thread->laneid)"
            return {
                "eq": f"(u32){lane}",
                "lt": f"(u32)({lane} - 1)",
                "le": f"(u32)(2 * {lane} - 1)",
                "gt": f"~(u32)(2 * {lane} - 1)",
                "ge": f"~(u32)({lane} - 1)",
            }[base[9:]]
        if part or base in ("clock", "clock64", "smid", "nsmid", "globaltimer"):
            raise Unknown(text)
        return register(text)
    if found := re.fullmatch(r"0[fFdD]([0-9A-Fa-f]+)", text):
        return f"0x{found[1]}ull"
    if re.fullmatch(r"-?(0[xX][0-9A-Fa-f]+|\d+)U?", text):
        return f"0x{int(text.rstrip('U'), 0) & (1 << 64) - 1:x}ull"
    return f"(u64)$${text}"


def value(text: str, kind: str, flush: bool = False) -> str:
    """An operand as a number of this type."""
    bits = operand(text)
    if kind in FLOATS:
        number = f"{kind.upper()}({bits})"
        return f"flushed({number})" if flush and kind == "f32" else number
    if kind == "pred":
        return f"({bits} != 0)" if not text.startswith("%") else bits
    return f"(({kind.replace('b', 'u')}){bits})"


def store(text: str, kind: str, number: str, flush: bool = False) -> str:
    """Put a number of this type into a register; a signed one is extended with its sign."""
    if text == "_":
        return f"(void)({number});"
    if kind in FLOATS:
        number = f"bits_{kind}({f'flushed({number})' if flush and kind == 'f32' else number})"
    elif kind != "pred":
        number = f"({kind.replace('b', 'u')})({number})"
    return f"{register(text)} = {number};"


def address(text: str, space: str, size: int) -> str:
    """Where "[%rd1+8]" is."""
    base, sign, offset = re.fullmatch(r"\[\s*([^+\-\s\]]+)\s*([+-]*)\s*(\S*?)\s*\]", text).groups()
    number = f"{operand(base)} + {int(f'{sign[-1]}{offset}' if sign else '0'):d}ll"
    if space == "shared":
        return f"(thread->shared + (u32)({number}))"
    if space == "global":
        return f"gpu_address({number}, {size})"
    return f"((char *)({number}))"


# ---------------------------------------------------------------------------
# instructions
# ---------------------------------------------------------------------------

INTEGER = {
    "add": "(u64){a} + (u64){b}",
    "sub": "(u64){a} - (u64){b}",
    "and": "{a} & {b}",
    "or": "{a} | {b}",
    "xor": "{a} ^ {b}",
    "not": "~{a}",
    "neg": "-(u64){a}",
    "abs": "{a} < 0 ? -(u64){a} : {a}",
    "min": "{a} < {b} ? {a} : {b}",
    "max": "{a} > {b} ? {a} : {b}",
    "selp": "{c} ? {a} : {b}",
    "popc": "__builtin_popcountll({a})",
    "clz": "{a} ? __builtin_clzll({a}) - (64 - {bits}) : {bits}",
    "bfe": "field({a}, {b}, {c})",
    "bfi": "inserted({a}, {b}, {c}, {d})",
    "prmt": "permuted({a}, {b}, {c})",
    "lop3": "looked_up({a}, {b}, {c}, {d})",
}
FLOAT = {
    "add": "{a} + {b}",
    "sub": "{a} - {b}",
    "mul": "{a} * {b}",
    "div": "{a} / {b}",
    "neg": "-{a}",
    "min": "smaller({a}, {b})",
    "max": "larger({a}, {b})",
    "selp": "{c} ? {a} : {b}",
    "rcp": "1 / {a}",
    "copysign": "copysign({b}, {a})",
}
OF_SIZE = {"abs": "fabs", "sqrt": "sqrt", "ex2": "exp2", "lg2": "log2", "sin": "sin", "cos": "cos", "tanh": "tanh"}
PREDICATE = {"and": "{a} & {b}", "or": "{a} | {b}", "xor": "{a} ^ {b}", "not": "!{a}"}
# The types of operands behind the first two, where they are not that of the instruction.
SMALL = {
    "shl": ["u32"],
    "shr": ["u32"],
    "bfe": ["u32", "u32"],
    "bfi": [None, "u32", "u32"],
    "selp": [None, "pred"],
    "prmt": [None, "u32"],
    "lop3": [None, None, "u32"],
}


def instruction(opcode: str, operands: list[str]) -> str:
    """One instruction in C."""
    base, *words = opcode.split(".")
    types = [word for word in words if word in SIZES]
    words = [word for word in words if word not in SIZES]
    try:
        if base in SPECIFIC:
            return SPECIFIC[base](types, words, operands)
        (kind,) = types
        return simple(base, kind, words, operands)
    except (KeyError, ValueError, AttributeError) as error:
        raise Unknown(f"{opcode} {', '.join(operands)}: {error!r}") from error


def simple(base: str, kind: str, words: list[str], operands: list[str]) -> str:
    """What computes a number from numbers of the same type."""
    flush = "ftz" in words
    rest = [kind, *SMALL.get(base, [])]
    rest = [one or kind for one in rest] + [kind] * 3
    numbers = dict(zip("abcd", [value(text, one, flush) for text, one in zip(operands[1:], rest, strict=False)], strict=False))
    numbers["bits"] = 8 * SIZES[kind]
    if kind == "pred":
        return store(operands[0], kind, PREDICATE[base].format(**numbers))
    if kind not in FLOATS:
        return store(operands[0], kind, integer(base, kind).format(**numbers))
    rounding = next((ROUNDINGS[word] for word in words if word in ROUNDINGS), None)
    if rounding:
        arguments = [numbers.get(name, "0") for name in "abc"]
        number = f"rounded_{base}_{kind}({rounding}, {', '.join(arguments)})"
    elif base == "fma":
        number = f"fma{'' if kind == 'f64' else 'f'}({numbers['a']}, {numbers['b']}, {numbers['c']})"
    elif base == "rsqrt" or (base == "rcp" and "approx" in words and kind == "f64"):
        number = f"1 / {'sqrt' if base == 'rsqrt' else ''}({numbers['a']})"
        number = f"high_half({number})" if kind == "f64" and flush else number
    elif base in OF_SIZE:
        number = f"{OF_SIZE[base]}{'' if kind == 'f64' else 'f'}({numbers['a']})"
    else:
        number = FLOAT[base].format(**numbers)
    if "sat" in words:
        number = f"saturated({number})"
    return store(operands[0], kind, number, flush)


def integer(base: str, kind: str) -> str:
    bits, signed = 8 * SIZES[kind], kind[0] == "s"
    if base == "shl":
        return f"{{b}} < {bits} ? (u64){{a}} << {{b}} : 0"
    if base == "shr":
        return f"{{a}} >> ({{b}} < {bits} ? {{b}} : {bits - 1})" if signed else f"{{b}} < {bits} ? {{a}} >> {{b}} : 0"
    if base in ("div", "rem"):
        return {"div": "quotient", "rem": "remainder"}[base] + {True: {"div": "", "rem": "_of"}[base], False: "_u"}[signed] + "({a}, {b})"
    return INTEGER[base]


def product(types: list[str], words: list[str], operands: list[str]) -> str:
    """`mul` and `mad` of integers: the low half, the high half, or all of it."""
    (kind,) = types
    if kind in FLOATS:
        return simple("mul", kind, words, operands)
    a, b = (value(text, kind) for text in operands[1:3])
    bits, signed = 8 * SIZES[kind], kind[0] == "s"
    result = kind
    if "wide" in words:
        result, number = f"{kind[0]}{2 * bits}", f"({kind[0]}64){a} * ({kind[0]}64){b}"
    elif "hi" in words:
        number = f"high_product{'_s' if signed else ''}({a}, {b})" if bits == 64 else f"({kind[0]}64){a} * {b} >> {bits}"
    else:
        number = f"(u64){a} * (u64){b}"
    if len(operands) < 4:
        return store(operands[0], result, number)
    return carried(result, words, operands[0], f"({result})({number})", value(operands[3], result), "+")


def sum_or_difference(sign: str):
    def written(types: list[str], words: list[str], operands: list[str]) -> str:
        (kind,) = types
        base = {"+": "add", "-": "sub"}[sign]
        if "cc" not in words and "carry" not in words:
            return simple(base, kind, words, operands)
        return carried(kind, words, operands[0], value(operands[1], kind), value(operands[2], kind), sign)

    return written


def with_carry(base):
    return lambda types, words, operands: base(types, [*words, "carry"], operands)


def carried(kind: str, words: list[str], to: str, a: str, b: str, sign: str) -> str:
    """a + b or a - b, with the carry of the last sum where "carry" is asked for, and leaving its own where "cc" is."""
    if not {"cc", "carry"} & set(words):
        return store(to, kind, f"(u64){a} {sign} (u64){b}")
    unsigned = f"u{8 * SIZES[kind]}"
    total = f"unsigned __int128 $sum = (unsigned __int128)({unsigned}){a} {sign} ({unsigned}){b} {sign} {'$carry' if 'carry' in words else '0'};"
    left = f" $carry = $sum >> {8 * SIZES[kind]} & 1;" if "cc" in words else ""
    return f"{total} {store(to, kind, '$sum')}{left}"


def comparison(types: list[str], words: list[str], operands: list[str]) -> str:
    """`setp`: one or two predicates, perhaps joined with a third."""
    (kind,) = types
    a, b = (value(text, kind, "ftz" in words) for text in operands[1:3])
    result = compared(words[0], a, b, kind in FLOATS)
    joined = next((word for word in words if word in ("and", "or", "xor")), None)
    into, _, other = operands[0].partition("|")
    if joined:
        result = f"({result}) {PREDICATE[joined].split()[1]} {'!' * operands[3].startswith('!')}{register(operands[3].lstrip('!'))}"
    return f"{register(into)} = {result};" + (f" {register(other)} = !({result});" if other else "")


def compared(how: str, a: str, b: str, floats: bool) -> str:
    unordered = f"({a} != {a} || {b} != {b})"
    if how == "nan":
        return unordered
    if how == "num":
        return f"!{unordered}"
    if floats and how.endswith("u"):
        return f"({unordered} || {a} {COMPARISONS[how[:-1]]} {b})"
    if floats and how == "ne":
        return f"(!{unordered} && {a} != {b})"
    return f"({a} {COMPARISONS[how]} {b})"


def set_number(types: list[str], words: list[str], operands: list[str]) -> str:
    into, kind = types
    found = compared(words[0], value(operands[1], kind), value(operands[2], kind), kind in FLOATS)
    return store(operands[0], into, f"{found} ? {'1' if into in FLOATS else '-1'} : 0")


def conversion(types: list[str], words: list[str], operands: list[str]) -> str:
    into, kind = types
    flush = "ftz" in words
    number = value(operands[1], kind, flush)
    whole = next((TO_WHOLE[word] for word in words if word in TO_WHOLE), None)
    if whole:
        number = f"{whole}({number})"
    if into not in FLOATS and kind in FLOATS:
        if into == "u64":
            number = f"whole_u64({number})"
        else:
            bits = 8 * SIZES[into]
            low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if into[0] == "s" else (0, 2**bits - 1)
            of_nan = "INT64_MIN" if bits == 64 else "INT32_MIN" if kind == "f64" and into == "s32" else "0"
            lowest, highest = ("INT64_MIN", "INT64_MAX") if bits == 64 else (low, high)
            number = f"whole({number}, {float(low)!r}, {float(high)!r}, {lowest}, {highest}, {of_nan})"
    elif "sat" in words:
        if into not in FLOATS:
            raise Unknown("sat of integers")
        number = f"saturated({number})"
    elif into == "f32" and kind not in FLOATS:
        number = f"(f32){number}"
    return store(operands[0], into, number, flush)


def load(types: list[str], words: list[str], operands: list[str]) -> str:
    return moved(types, words, operands[0], operands[1], loads=True)


def put(types: list[str], words: list[str], operands: list[str]) -> str:
    return moved(types, words, operands[1], operands[0], loads=False)


def moved(types: list[str], words: list[str], registers: str, place: str, *, loads: bool) -> str:
    """`ld` and `st` of one, two or four registers."""
    (kind,) = types
    space = next((word for word in words if word in ("global", "shared", "local", "param", "const")), "generic")
    size = SIZES[kind]
    names = split(registers.strip("{}")) if registers.startswith("{") else [registers]
    c_type = ("u" if kind in FLOATS or kind[0] == "b" else kind[0]) + str(8 * size)
    lines = [f"char *$at = {address(place, space, size * len(names))}; {c_type} $one;"]
    for i, name in enumerate(names):
        if loads:
            lines.append(f"memcpy(&$one, $at + {i * size}, {size}); {register(name)} = $one;")
        else:
            lines.append(f"$one = {operand(name)}; memcpy($at + {i * size}, &$one, {size});")
    return " ".join(lines)


def move(types: list[str], words: list[str], operands: list[str]) -> str:
    """`mov`, also of registers that are parts of one."""
    into, source = operands
    (kind,) = types
    if source.startswith("{"):
        parts = split(source.strip("{}"))
        size = 8 * SIZES[kind] // len(parts)
        joined = " | ".join(f"(u64)(u{size}){operand(part)} << {i * size}" for i, part in enumerate(parts))
        return f"{register(into)} = {joined};"
    if into.startswith("{"):
        parts = split(into.strip("{}"))
        size = 8 * SIZES[kind] // len(parts)
        taken = [f"{register(part)} = (u{size})($all >> {i * size});" for i, part in enumerate(parts) if part != "_"]
        return f"u64 $all = {operand(source)}; {' '.join(taken)}"
    return f"{register(into)} = {operand(source)};"


def generic_address(types: list[str], words: list[str], operands: list[str]) -> str:
    """`cvta`: only shared memory has addresses of its own here."""
    into, source = operands
    if "shared" not in words:
        return f"{register(into)} = {operand(source)};"
    return f"{register(into)} = {operand(source)} {'-' if 'to' in words else '+'} (u64)thread->shared;"


def called(types: list[str], words: list[str], operands: list[str]) -> str:
    groups = [part.strip("() ") for part in operands]
    results, name, arguments = groups if operands[0].startswith("(") else ["", groups[0], groups[1] if len(groups) > 1 else ""]
    names = [f", $${one}" for one in split(results) + split(arguments)]
    return f"$${name}(thread{''.join(names)});"


def atomic(types: list[str], words: list[str], operands: list[str]) -> str:
    """`atom` and `red`; the threads take turns, so nothing comes between."""
    (kind,) = types
    if len(operands) == 2 or (len(operands) == 3 and operands[0].startswith("[")):
        operands = ["_", *operands]
    how = next(word for word in words if word in ATOMIC)
    space = next((word for word in words if word in ("global", "shared")), "generic")
    before = value("%before", kind)
    b = value(operands[2], kind)
    c = value(operands[3], kind) if len(operands) > 3 else ""
    after = store("%after", kind, ATOMIC[how].format(a=before, b=b, c=c))
    size = SIZES[kind]
    lines = [f"char *$at = {address(operands[1], space, size)}; u{8 * size} $before, $after;", f"memcpy(&$before, $at, {size});", after]
    lines.append(f"memcpy($at, &$after, {size});")
    if operands[0] != "_":
        lines.append(f"{register(operands[0])} = $before;")
    return " ".join(lines)


ATOMIC = {
    "add": "{a} + {b}",
    "exch": "{b}",
    "cas": "{a} == {b} ? {c} : {a}",
    "min": "{a} < {b} ? {a} : {b}",
    "max": "{a} > {b} ? {a} : {b}",
    "and": "{a} & {b}",
    "or": "{a} | {b}",
    "xor": "{a} ^ {b}",
}


def shuffle(types: list[str], words: list[str], operands: list[str]) -> str:
    into, a, b, bounds, mask = operands
    into, _, found = into.partition("|")
    kind = {"up": "UP", "down": "DOWN", "bfly": "BUTTERFLY", "idx": "INDEX"}[words[1]]
    call = f"shuffled(thread, {kind}, {', '.join(operand(x) for x in (a, b, bounds, mask))}, &$found)"
    return f"int $found; {register(into)} = {call};" + (f" {register(found)} = $found;" if found else "")


def vote(types: list[str], words: list[str], operands: list[str]) -> str:
    into, source, mask = operands
    negated, source = source.startswith("!"), source.lstrip("!")
    voices = f"ballot(thread, {operand(mask)}, {'!' * negated}{register(source)})"
    if "ballot" in words:
        return f"{register(into)} = {voices};"
    return f"{register(into)} = {voices} {'== (u32)' + operand(mask) if 'all' in words else '!= 0'};"


def barrier(types: list[str], words: list[str], operands: list[str]) -> str:
    if "warp" in words:
        return f"gpu_warp_barrier(thread, {operand(operands[0])});"
    if len(operands) > 1 or int(operands[0]):
        raise Unknown("a barrier for some of the threads")
    return "gpu_barrier(thread);"


def multiply_add(types: list[str], words: list[str], operands: list[str]) -> str:
    return product(types, words, operands)


SPECIFIC = {
    "mul": product,
    "mad": product,
    "madc": with_carry(product),
    "add": sum_or_difference("+"),
    "addc": with_carry(sum_or_difference("+")),
    "sub": sum_or_difference("-"),
    "subc": with_carry(sum_or_difference("-")),
    "setp": comparison,
    "set": set_number,
    "cvt": conversion,
    "ld": load,
    "st": put,
    "mov": move,
    "cvta": generic_address,
    "call": called,
    "atom": atomic,
    "red": atomic,
    "shfl": shuffle,
    "vote": vote,
    "match": lambda types, words, operands: f"{register(operands[0])} = matches(thread, {operand(operands[2])}, {value(operands[1], types[0])});",
    "bar": barrier,
    "barrier": barrier,
    "bra": lambda types, words, operands: f"goto {operands[0]};",
    "ret": lambda types, words, operands: "return;",
    "exit": lambda types, words, operands: "return;",
    "trap": lambda types, words, operands: "gpu_trap();",
    "membar": lambda types, words, operands: ";",
    "fence": lambda types, words, operands: ";",
}
