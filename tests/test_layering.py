"""Imports point one way: every module of anygrad imports only what is below it, and a backend never imports anygrad.

Imports inside functions and under TYPE_CHECKING are exempt; `_tensor` ends by importing `ops`, the one cycle.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LAYERS = [
    ["_errors", "_modes", "_tree", "_upper"],
    ["_dtypes"],
    ["_generic"],
    ["_backends"],
    ["_out_of_memory", "_streams"],
    ["_scalars", "_messages"],
    ["_generator", "_graph"],
    ["_alias", "_hooks"],
    ["_leaves"],
    ["_engine"],
    ["_function_methods", "_interchange"],
    ["_array_methods"],
    ["_tensor"],
    ["_operands", "_transform"],
    ["_recording"],
    ["_primitive_source"],
    ["_primitive"],
    ["ops"],
    ["_batching"],
    ["_batched"],
    ["_backward", "_vmap"],
    ["_push"],
    ["_dual"],
    ["_forward"],
    ["_einops", "_numpy"],
    ["_repr", "_packing", "_saving", "autograd", "cuda", "random"],
    ["func", "optimize", "utils"],
    ["__init__"],
    ["_catalogue", "_digits"],
    ["__main__"],
]
LEVEL = {name: i for i, layer in enumerate(LAYERS) for name in layer}
THE_CYCLE = {("_tensor", "ops")}
FILES = sorted((ROOT / "anygrad").rglob("*.py"))


def room(path: Path) -> str:
    """The module or package of anygrad that a file belongs to."""
    return path.relative_to(ROOT / "anygrad").parts[0].removesuffix(".py")


ROOMS = {room(path) for path in FILES}


def imports(path: Path) -> Iterator[tuple[str, str, int]]:
    """(module, name, line) for each import that runs when the file is imported; relative ones made absolute."""
    package = path.relative_to(ROOT).parent.parts

    def walk(statements: list[ast.stmt]) -> Iterator[tuple[str, str, int]]:
        for node in statements:
            if isinstance(node, ast.Import):
                yield from ((alias.name, "", node.lineno) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = package[: len(package) - node.level + 1] if node.level else ()
                module = ".".join([*base, *(node.module or "").split(".")]).strip(".")
                yield from ((module, alias.name, node.lineno) for alias in node.names)
            elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
                yield from walk(node.orelse)
            elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                for part in ("body", "orelse", "finalbody"):
                    yield from walk([s for s in getattr(node, part, []) or [] if isinstance(s, ast.stmt)])
                for handler in getattr(node, "handlers", []):
                    yield from walk(handler.body)

    return walk(ast.parse(path.read_text()).body)


def targets(path: Path) -> Iterator[tuple[str, int]]:
    """The rooms of anygrad that a file imports, and the line."""
    for module, name, line in imports(path):
        parts = module.split(".")
        if parts[0] == "anygrad":
            target = parts[1] if len(parts) > 1 else name
            yield (target if target in ROOMS else "__init__"), line


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_downwards(path: Path) -> None:
    here = room(path)
    assert here in LEVEL, f"{here} is in no layer: say where it stands, in LAYERS"
    for target, line in targets(path):
        if target != here and (here, target) not in THE_CYCLE:
            assert LEVEL.get(target, 99) < LEVEL[here], f"{path.name}:{line}: {here} imports {target}, which is not below it"


def test_the_one_cycle_is_at_the_end_of_tensor() -> None:
    found = {(target, line) for target, line in targets(ROOT / "anygrad" / "_tensor.py") if target == "ops"}
    (_, line), *others = found
    assert not others
    definitions = [n for n in ast.parse((ROOT / "anygrad" / "_tensor.py").read_text()).body if isinstance(n, (ast.ClassDef, ast.FunctionDef))]
    assert all(n.end_lineno < line for n in definitions)


BACKENDS = sorted((ROOT / "backends").rglob("*.py"))


@pytest.mark.parametrize("path", BACKENDS, ids=lambda p: str(p.relative_to(ROOT)))
def test_backends_never_import_anygrad(path: Path) -> None:
    nodes = list(ast.walk(ast.parse(path.read_text())))  # function-level imports too
    names = [a.name for n in nodes if isinstance(n, ast.Import) for a in n.names]
    names += [n.module or "" for n in nodes if isinstance(n, ast.ImportFrom) and not n.level]
    assert not [n for n in names if n.partition(".")[0] == "anygrad"]


def test_this_test_sees_imports() -> None:
    """What it relies on: relative, absolute and submodule imports are resolved."""
    seen = {target for target, _ in targets(ROOT / "anygrad" / "ops" / "elementwise.py")}
    assert {"_primitive", "_tensor", "ops"} <= seen
    assert {"_modes", "_alias", "_upper"} <= {target for target, _ in targets(ROOT / "anygrad" / "_tensor.py")}
