"""A graph as a picture: `autograd.graph.draw`.

The graph is read once into boxes and arrows; these become Mermaid text, or SVG with a layered
layout of our own (each box below all that it is computed from, boxes of a layer in the order of
the mean of their arrows' ends), so that nothing has to be installed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from .._backends import device_of
from .._dtypes import as_dtype
from .._graph import AccumulateGrad, Node, Output, Packed
from .._tensor import Tensor

_LINE, _CHARACTER, _GAP = 16, 7.3, 28  # of the SVG, in pixels
_FILL = {"leaf": "#d7ecd9", "node": "#f2f2f2", "freed": "#ffffff", "result": "#d9e6f7", "more": "#ffffff"}


class Box(NamedTuple):
    """A leaf, a node, a result; `lines` is its text."""

    kind: str
    lines: tuple[str, ...]


class Drawing:
    """A drawn graph. It shows itself in a notebook; `str` of it is Mermaid text.

    Attributes
    ----------
    boxes : list of Box
        What is computed comes after what it is computed from.
    arrows : list of (int, int, str)
        From which box to which, and which output it is where there are several.
    """

    def __init__(self, boxes: list[Box], arrows: list[tuple[int, int, str]]) -> None:
        self.boxes, self.arrows = boxes, arrows

    def mermaid(self) -> str:
        """The graph as Mermaid text, which many Markdown viewers draw."""
        lines = ["graph TD"]
        for i, box in enumerate(self.boxes):
            text = "<br/>".join(_escaped(line) for line in box.lines)
            lines.append(f'    b{i}(["{text}"])' if box.kind == "leaf" else f'    b{i}["{text}"]')
        lines += [f"    b{start} -->{f'|{label}|' if label else ''} b{end}" for start, end, label in self.arrows]
        lines += [f"    style b{i} stroke-dasharray: 4" for i, box in enumerate(self.boxes) if box.kind == "freed"]
        return "\n".join(lines)

    def svg(self) -> str:
        """The graph as SVG."""
        widths = [max(map(len, box.lines)) * _CHARACTER + 16 for box in self.boxes]
        heights = [len(box.lines) * _LINE + 12 for box in self.boxes]
        rows = self._rows()
        total = max((sum(widths[i] + _GAP for i in row) for row in rows), default=0) + _GAP
        places: dict[int, tuple[float, float]] = {}  # the middle of the upper edge
        y = float(_GAP)
        for row in rows:
            x = (total - sum(widths[i] + _GAP for i in row) + _GAP) / 2
            for i in row:
                places[i] = (x + widths[i] / 2, y)
                x += widths[i] + _GAP
            y += max(heights[i] for i in row) + 1.5 * _GAP
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{total:.0f}" height="{y:.0f}" viewBox="0 0 {total:.0f} {y:.0f}" '
            'font-family="monospace" font-size="12">',
            '<defs><marker id="tip" markerWidth="8" markerHeight="8" refX="7" refY="4" orient="auto"><path d="M0,1 L7,4 L0,7" fill="none" stroke="#555"/></marker></defs>',
        ]
        for start, end, label in self.arrows:
            (x1, y1), (x2, y2) = places[start], places[end]
            y1 += heights[start]
            middle = (y1 + y2) / 2
            parts.append(
                f'<path d="M{x1:.1f},{y1:.1f} C{x1:.1f},{middle:.1f} {x2:.1f},{middle:.1f} {x2:.1f},{y2:.1f}" fill="none" stroke="#555" marker-end="url(#tip)"/>'
            )
            if label:
                parts.append(f'<text x="{(x1 + x2) / 2 + 4:.1f}" y="{middle:.1f}" fill="#555">{_escaped(label)}</text>')
        for i, box in enumerate(self.boxes):
            x, top = places[i][0] - widths[i] / 2, places[i][1]
            dashes = ' stroke-dasharray="4"' if box.kind == "freed" else ""
            parts.append(
                f'<rect x="{x:.1f}" y="{top:.1f}" width="{widths[i]:.1f}" height="{heights[i]}" rx="{9 if box.kind == "leaf" else 2}" fill="{_FILL[box.kind]}" stroke="#555"{dashes}/>'
            )
            parts += [
                f'<text x="{places[i][0]:.1f}" y="{top + 18 + _LINE * n:.1f}" text-anchor="middle">{_escaped(line)}</text>' for n, line in enumerate(box.lines)
            ]
        return "\n".join([*parts, "</svg>"])

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a file: SVG for a name that ends in .svg, Mermaid text otherwise."""
        with open(path, "w", encoding="utf-8") as file:
            file.write(self.svg() if os.fspath(path).endswith(".svg") else self.mermaid() + "\n")

    def _rows(self) -> list[list[int]]:
        """The boxes in layers, from the top."""
        depth = [0] * len(self.boxes)
        sources: dict[int, list[int]] = {}
        for start, end, _ in self.arrows:
            sources.setdefault(end, []).append(start)
        for i in range(len(self.boxes)):
            depth[i] = max((depth[j] + 1 for j in sources.get(i, ())), default=0)
        for start, end, _ in reversed(self.arrows):  # a leaf stands right above what first uses it
            if start not in sources:
                depth[start] = min([depth[e] - 1 for s, e, _ in self.arrows if s == start], default=depth[end])
        rows: list[list[int]] = [[] for _ in range(max(depth, default=-1) + 1)]
        order: dict[int, float] = {}
        for i, d in enumerate(depth):
            rows[d].append(i)
        for row in rows:
            means = {i: sum(order[j] for j in sources[i]) / len(sources[i]) if i in sources else float(len(row)) for i in row}
            row.sort(key=means.__getitem__)
            order.update({i: float(n) for n, i in enumerate(row)})
        return [row for row in rows if row]

    def _repr_svg_(self) -> str:
        return self.svg()

    def __str__(self) -> str:
        return self.mermaid()

    def __repr__(self) -> str:
        return f"<drawing of {len(self.boxes)} boxes and {len(self.arrows)} arrows>"


def draw(tensors: Tensor | Sequence[Tensor], /, *, limit: int = 500, **names: Tensor) -> Drawing:
    """Draw the graph of one or several tensors.

    Leaves show their name, shape, dtype and device, nodes their name, the shape of their output
    and what they saved with its size in bytes, or that backward has freed it.

    Parameters
    ----------
    tensors : Tensor or sequence of Tensors
        They require grad.
    limit : int
        How many nodes are drawn, those next to the tensors first; what is beyond is one box.
    **names : Tensor
        Names for leaves and results: `draw(loss, w=w, b=b)`.

    Returns
    -------
    Drawing
        It shows itself in a notebook; `.mermaid()` and `.svg()` give text, `.save(path)` a file.

    Raises
    ------
    RuntimeError
        If a tensor does not require grad: it has no graph.
    """
    tensors = (tensors,) if isinstance(tensors, Tensor) else tuple(tensors)
    for t in tensors:
        if not isinstance(t, Tensor):
            raise TypeError(f"draw() takes Tensors, not {type(t).__name__}")
        if t._node is None:
            raise RuntimeError(f"draw(): this tensor (shape {t.shape}) does not require grad, so it has no graph")
    named = {id(t._node): name for name, t in names.items() if isinstance(t, Tensor) and t._node is not None}
    results = {id(t._node) for t in tensors if not t.is_leaf}  # their names are for the boxes of the results
    nodes, more = _collect([t._node for t in tensors if t._node is not None], limit)
    boxes: list[Box] = []
    arrows: list[tuple[int, int, str]] = []
    numbers: dict[int, int] = {}
    if more:
        boxes.append(Box("more", (f"{more} more nodes",)))
    for node in sorted(nodes, key=lambda n: -1.0 if n.is_leaf else n.seq):
        numbers[id(node)] = len(boxes)
        name = None if id(node) in results else named.get(id(node))
        boxes.append(_leaf_box(node, name) if isinstance(node, AccumulateGrad) else _node_box(node, name))
        arrows += [(numbers.get(id(source), 0), numbers[id(node)], label) for source, label in _sources(node)]
    for t in tensors:
        source, label = _origin(t._node)
        arrows.append((numbers.get(id(source), 0), len(boxes), label))
        boxes.append(Box("result", (named.get(id(t._node), "result"), *_description(t._data))))
    return Drawing(boxes, arrows)


def _collect(roots: Sequence[Node], limit: int) -> tuple[list[Node], int]:
    """The nodes, those next to the roots first, and how many more there are."""
    found = dict.fromkeys(_origin(root)[0] for root in roots)
    order = list(found)
    for node in order:  # grows as it goes
        for source, _ in _sources(node):
            if source not in found:
                found[source] = None
                order.append(source)
    return order[:limit], len(order[limit:])


def _origin(edge: Any) -> tuple[Node, str]:
    """The node that an edge leads to, and which of its outputs if there are several."""
    return (edge.node, f"[{edge.index}]") if isinstance(edge, Output) else (edge, "")


def _sources(node: Node) -> Iterator[tuple[Node, str]]:
    return (_origin(edge) for edge in node.edges if edge is not None)


def _leaf_box(node: AccumulateGrad, name: str | None) -> Box:
    return Box("leaf", (name or "leaf", *_description(node.array)))


def _node_box(node: Node, name: str | None) -> Box:
    lines = [node.name()] if node.shape is None else [node.name(), f"{_shape(node.shape)} {as_dtype(node.dtype)}"]
    if name is not None:
        lines.insert(0, name)
    if node.saved is None:
        return Box("freed", (*lines, "freed by backward"))
    sizes = list(_saved_bytes(node.saved))
    if sizes:
        lines.append("saved: " + ", ".join(f"{n} bytes" if n is not None else "by hooks" for n in sizes))
    return Box("node", tuple(lines))


def _saved_bytes(saved: Any) -> Iterator[int | None]:
    """The size of each array in what a node saved; None for one that went through hooks, which are not asked for it."""
    for value in saved:
        if isinstance(value, tuple):
            yield from _saved_bytes(value)
        elif isinstance(value, Packed):
            yield None
        elif callable(value):  # of a custom Function
            yield value().nbytes
        elif hasattr(getattr(value, "array", None), "nbytes"):
            yield value.array.nbytes


def _escaped(text: str) -> str:
    import html  # its table of names takes longer to import than all of this file

    return html.escape(text)


def _description(array: Any) -> tuple[str, ...]:
    return (f"{_shape(array.shape)} {as_dtype(array.dtype)}", str(device_of(array)))


def _shape(shape: Sequence[int]) -> str:
    return "(" + ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "") + ")"
