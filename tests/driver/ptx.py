"""PTX, which NVRTC makes of a kernel, as C: so a CPU can do what the GPU would, instruction by instruction.

Every register is an unsigned integer of its size, every instruction one statement, every kernel one function that is
called for each thread (threads.c). The semantics are those of NVIDIA's "PTX ISA"; what is called approximate there is
computed to the last bit here, save that `rcp` and `rsqrt` of double precision with `.ftz` keep their 20 leading bits.
What kernels of CuPy and ours do not use is not here: `Unknown` says which instruction. The instructions are in
instructions.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from .instructions import instruction
from .operands import SIZES, Unknown, register, split

TOGETHER = re.compile(r"\b(bar|barrier|shfl|vote|match|redux)\.")  # what makes threads wait for each other
ENTRY = "entry"


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
        together = any(TOGETHER.search(routine.body or "") for routine in routines)
        for routine, body in bodies:
            lines += [self.signature(routine), "{", body, "}"]
            if routine.kind == ENTRY:
                lines.append(self.kernel(routine, together))
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

    def kernel(self, routine: Routine, together: bool) -> str:
        sizes = ", ".join(f"{one.bytes}" for one in routine.parameters)
        offsets = ", ".join(f"{at}" for _, at in placed(routine.parameters))
        name, shared = routine.name, -(-self.used // 16) * 16
        return (
            f"static const u32 sizes$${name}[] = {{{sizes or 0}}}, offsets$${name}[] = {{{offsets or 0}}};\n"
            f"const Kernel {name}__kernel = {{$${name}, sizes$${name}, offsets$${name}, {len(routine.parameters)}, {shared}, {together:d}}};"
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
