"""The tables and the plot of docs/performance.md."""

from __future__ import annotations

import datetime
import platform
import re
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE, PLOT = DOCS / "performance.md", DOCS / "performance.png"


def table(heading: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Markdown."""
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def figure(value: float | None) -> str:
    """Three digits; a dash where nothing was measured."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def machine(command: str, libraries: Iterable[Any]) -> str:
    """What was measured, on what and when."""
    names = ["numpy", *dict.fromkeys(library.distribution for library in libraries if library.name != "anygrad")]
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    return f"*`{command}`, {datetime.date.today()}: {_processor()}, {platform.system()}, Python {platform.python_version()}, {versions}.*"


def _processor() -> str:
    text = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    model = re.search(r"model name\s*:\s*(.*)", text)
    return f"{model[1] if model else platform.processor()}, {text.count('processor	') or '?'} cores"


def put_into_page(part: str, text: str) -> None:
    """Replace what the page has between the marks of a part."""
    page = PAGE.read_text(encoding="utf-8")
    begin, end = f"<!-- {part} -->", f"<!-- end of {part} -->"
    before, found, rest = page.partition(begin)
    _, found_end, after = rest.partition(end)
    if not (found and found_end):
        raise ValueError(f"{PAGE} has no {begin} ... {end}")
    PAGE.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")


def plot(ratios: Mapping[str, Mapping[str, float]], costs: Mapping[str, Sequence[float | None]], nodes: Sequence[int]) -> None:
    """Times relative to torch for each workload, and the cost of a node for each length of a chain."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot as plt

    drawing, (left, right) = plt.subplots(1, 2, figsize=(11, 4.5), width_ratios=(3, 2), layout="constrained")
    colours = {"anygrad": "tab:red", "by hand": "black", "torch": "tab:orange", "autograd": "tab:blue", "mygrad": "tab:green", "jax": "tab:purple"}
    colours["jax.jit"] = "tab:pink"
    names = list(ratios)
    for library, colour in colours.items():
        points = [(ratios[name][library], len(names) - i) for i, name in enumerate(names) if library in ratios[name]]
        if points:
            left.scatter(*zip(*points, strict=True), s=70 if library == "anygrad" else 28, color=colour, label=library, zorder=3 if library == "anygrad" else 2)
    left.axvline(1, color="tab:orange", linewidth=1)
    left.set(xscale="log", xlabel="time, torch = 1", yticks=range(len(names), 0, -1), yticklabels=names)
    left.grid(alpha=0.3)
    left.legend(fontsize=8, ncols=2)
    for library, column in costs.items():
        known = [(n, cost / 1000) for n, cost in zip(nodes, column, strict=True) if cost is not None]
        right.plot(*zip(*known, strict=True), marker="o", markersize=4, color=colours[library], label=library)
    right.set(xscale="log", yscale="log", xlabel="nodes in the graph", ylabel="µs for each node, forward and backward", ylim=(1, 100))
    for axis in (left.xaxis, right.yaxis):
        axis.set_major_formatter("{x:g}")
        axis.set_minor_formatter("")
    right.grid(alpha=0.3)
    right.legend(fontsize=8)
    drawing.savefig(PLOT, dpi=110)
