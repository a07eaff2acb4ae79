"""Operands of PTX in C: registers, numbers, addresses.

A register is a variable `$name`, a variable of the module or a parameter `$$name`. `value` is a number read from a
register, `store` puts one there.
"""

from __future__ import annotations

import re

SIZES = {"pred": 4, "b8": 1, "u8": 1, "s8": 1, "b16": 2, "u16": 2, "s16": 2, "f16": 2, "bf16": 2, "b32": 4, "u32": 4, "s32": 4, "f32": 4}
SIZES |= {"b64": 8, "u64": 8, "s64": 8, "f64": 8}
FLOATS = {"f16", "bf16", "f32", "f64"}
SPECIAL = {"tid", "ntid", "ctaid", "nctaid"}


class Unknown(NotImplementedError):
    """An instruction that is not translated."""


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
        return f"gpu_shared({number}, {size})"
    if space == "global":
        return f"gpu_address({number}, {size})"
    return f"((char *)({number}))"
