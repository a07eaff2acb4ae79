"""Instructions of PTX as statements of C.

INTEGER, FLOAT and PREDICATE are those that compute a number from numbers of one type; SPECIFIC are the others.
"""

from __future__ import annotations

from collections.abc import Callable

from .operands import FLOATS, SIZES, Unknown, address, operand, register, split, store, value

COMPARISONS = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "lo": "<", "ls": "<=", "hi": ">", "hs": ">="}
ROUNDINGS = {"rz": "FE_TOWARDZERO", "rm": "FE_DOWNWARD", "rp": "FE_UPWARD"}
TO_WHOLE = {"rni": "rint", "rzi": "trunc", "rmi": "floor", "rpi": "ceil"}

Words = list[str]
Instruction = Callable[[Words, Words, Words], str]  # of its types, its other words and its operands
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
QUOTIENTS = {"div": ("quotient_u", "quotient"), "rem": ("remainder_u", "remainder_of")}  # without and with a sign
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


def instruction(opcode: str, operands: Words) -> str:
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


def simple(base: str, kind: str, words: Words, operands: Words) -> str:
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
        return f"{QUOTIENTS[base][signed]}({{a}}, {{b}})"
    return INTEGER[base]


def product(types: Words, words: Words, operands: Words) -> str:
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


def sum_or_difference(sign: str) -> Instruction:
    def written(types: Words, words: Words, operands: Words) -> str:
        (kind,) = types
        base = {"+": "add", "-": "sub"}[sign]
        if "cc" not in words and "carry" not in words:
            return simple(base, kind, words, operands)
        return carried(kind, words, operands[0], value(operands[1], kind), value(operands[2], kind), sign)

    return written


def with_carry(base: Instruction) -> Instruction:
    return lambda types, words, operands: base(types, [*words, "carry"], operands)


def carried(kind: str, words: Words, to: str, a: str, b: str, sign: str) -> str:
    """a + b or a - b, with the carry of the last sum where "carry" is asked for, and leaving its own where "cc" is."""
    if not {"cc", "carry"} & set(words):
        return store(to, kind, f"(u64){a} {sign} (u64){b}")
    unsigned = f"u{8 * SIZES[kind]}"
    total = f"unsigned __int128 $sum = (unsigned __int128)({unsigned}){a} {sign} ({unsigned}){b} {sign} {'$carry' if 'carry' in words else '0'};"
    left = f" $carry = $sum >> {8 * SIZES[kind]} & 1;" if "cc" in words else ""
    return f"{total} {store(to, kind, '$sum')}{left}"


def comparison(types: Words, words: Words, operands: Words) -> str:
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


def set_number(types: Words, words: Words, operands: Words) -> str:
    into, kind = types
    found = compared(words[0], value(operands[1], kind), value(operands[2], kind), kind in FLOATS)
    return store(operands[0], into, f"{found} ? {'1' if into in FLOATS else '-1'} : 0")


def conversion(types: Words, words: Words, operands: Words) -> str:
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


def load(types: Words, words: Words, operands: Words) -> str:
    return moved(types, words, operands[0], operands[1], loads=True)


def put(types: Words, words: Words, operands: Words) -> str:
    return moved(types, words, operands[1], operands[0], loads=False)


def moved(types: Words, words: Words, registers: str, place: str, *, loads: bool) -> str:
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


def move(types: Words, words: Words, operands: Words) -> str:
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


def generic_address(types: Words, words: Words, operands: Words) -> str:
    """`cvta`: only shared memory has addresses of its own here."""
    into, source = operands
    if "shared" not in words:
        return f"{register(into)} = {operand(source)};"
    return f"{register(into)} = {operand(source)} {'-' if 'to' in words else '+'} (u64)thread->shared;"


def called(types: Words, words: Words, operands: Words) -> str:
    groups = [part.strip("() ") for part in operands]
    results, name, arguments = groups if operands[0].startswith("(") else ["", groups[0], groups[1] if len(groups) > 1 else ""]
    names = [f", $${one}" for one in split(results) + split(arguments)]
    return f"$${name}(thread{''.join(names)});"


def atomic(types: Words, words: Words, operands: Words) -> str:
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


def shuffle(types: Words, words: Words, operands: Words) -> str:
    into, a, b, bounds, mask = operands
    into, _, found = into.partition("|")
    kind = {"up": "UP", "down": "DOWN", "bfly": "BUTTERFLY", "idx": "INDEX"}[words[1]]
    call = f"shuffled(thread, {kind}, {', '.join(operand(x) for x in (a, b, bounds, mask))}, &$found)"
    return f"int $found; {register(into)} = {call};" + (f" {register(found)} = $found;" if found else "")


def vote(types: Words, words: Words, operands: Words) -> str:
    into, source, mask = operands
    negated, source = source.startswith("!"), source.lstrip("!")
    voices = f"ballot(thread, {operand(mask)}, {'!' * negated}{register(source)})"
    if "ballot" in words:
        return f"{register(into)} = {voices};"
    return f"{register(into)} = {voices} {'== (u32)' + operand(mask) if 'all' in words else '!= 0'};"


def barrier(types: Words, words: Words, operands: Words) -> str:
    if "warp" in words:
        return f"gpu_warp_barrier(thread, {operand(operands[0])});"
    if len(operands) > 1 or int(operands[0]):
        raise Unknown("a barrier for some of the threads")
    return "gpu_barrier(thread);"


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
