"""Writes docs/functions.md, the table of functions and their derivatives, from anygrad/_catalogue.py."""

from __future__ import annotations

from collections.abc import Iterable
from inspect import isfunction
from pathlib import Path

import anygrad
from anygrad._catalogue import EXTENSIONS, Entry, catalogue

PAGE = Path(__file__).resolve().parent.parent / "docs" / "functions.md"
SHARED = {
    extension.__name__.rpartition(".")[2]: [
        name for name in extension.__all__ if isfunction(value := getattr(extension, name)) and value is getattr(anygrad, name, None)
    ]
    for extension in EXTENSIONS
}
HEADING = """# The functions and their derivatives

`python ci/functions.py` writes this page from what the functions say of themselves; the tests hold both against what they do.

- *Differentiable in*: the arguments that get a gradient. Others may be Tensors too, but nothing flows to them; of those that are
  not implemented backward raises.
- *Orders*: how often a function can be differentiated.
- *Libraries*: NumPy, CuPy and every other library of the Array API standard, if it says "any". "With SciPy" needs SciPy beside
  NumPy; CuPy brings its own.
- *Convention*: the gradient at points where the derivative does not exist, or where 0 / 0 lies in wait.
"""


def page() -> str:
    """The whole page."""
    chapters: dict[str, list[Entry]] = {}
    for entry in catalogue().values():
        chapters.setdefault(entry.chapter, []).append(entry)
    lines = [HEADING]
    for chapter in sorted(chapters, key=lambda c: (c in SHARED, c)):
        lines += [f"## `anygrad.{chapter}`" if chapter in SHARED else f"## {chapter.capitalize()}", ""]
        differentiable = [e for e in chapters[chapter] if e.arguments]
        if differentiable:
            lines += ["| function | differentiable in | orders | libraries | convention |", "|---|---|---|---|---|"]
            lines += [f"| `{e.name}` | {_arguments(e)} | {e.orders} | {e.libraries} | {e.convention} |" for e in differentiable]
            lines.append("")
        reasons: dict[str, list[str]] = {}
        for e in chapters[chapter]:
            if not e.arguments:
                reasons.setdefault(e.reason, []).append(e.name)
        for reason, names in reasons.items():
            lines += [f"Without a derivative ({reason}): {_code(names)}.", ""]
        if shared := SHARED.get(chapter):
            lines += [f"Both here and in the main namespace: {_code(shared)}.", ""]
    return "\n".join(lines)


def _arguments(entry: Entry) -> str:
    missing = f" (not implemented: {_code(entry.not_implemented)})" if entry.not_implemented else ""
    return _code(entry.arguments) + missing


def _code(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
