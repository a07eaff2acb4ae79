"""Graphs as pictures: what the boxes say, what leads to what, and that SVG and Mermaid are well-formed."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest

import anygrad as ag
from anygrad.autograd.graph import Drawing, draw

SVG = "{http://www.w3.org/2000/svg}"


def network() -> tuple[ag.Tensor, dict[str, ag.Tensor]]:
    w, b = ag.ones(3, 2, dtype=ag.float64, requires_grad=True), ag.zeros(2, requires_grad=True)
    h = ag.exp(ag.asarray(np.ones((4, 3))) @ w + b)
    return ag.sum(h * h), {"w": w, "b": b}


def box(drawing: Drawing, word: str) -> tuple[str, ...]:
    (found,) = [b.lines for b in drawing.boxes if word in b.lines]
    return found


def words_of_arrows(drawing: Drawing) -> list[tuple[str, str, str]]:
    return sorted((drawing.boxes[start].lines[0], drawing.boxes[end].lines[0], label) for start, end, label in drawing.arrows)


def test_boxes_and_arrows() -> None:
    loss, names = network()
    drawing = draw(loss, **names, loss=loss)
    assert box(drawing, "w") == ("w", "(3, 2) float64", "cpu")
    assert box(drawing, "b") == ("b", "(2,) float32", "cpu")
    assert box(drawing, "ExpBackward0") == ("ExpBackward0", "(4, 2) float64", "saved: 64 bytes")
    assert box(drawing, "loss") == ("loss", "() float64", "cpu")
    assert words_of_arrows(drawing) == sorted(
        [
            ("w", "MmBackward0", ""),
            ("MmBackward0", "AddBackward0", ""),
            ("b", "AddBackward0", ""),
            ("AddBackward0", "ExpBackward0", ""),
            ("ExpBackward0", "MulBackward0", ""),
            ("ExpBackward0", "MulBackward0", ""),
            ("MulBackward0", "SumBackward0", ""),
            ("SumBackward0", "loss", ""),
        ]
    )


def test_what_backward_has_freed() -> None:
    loss, names = network()
    loss.backward()
    drawing = draw(loss, **names)
    assert box(drawing, "MulBackward0")[-1] == "freed by backward"
    assert box(drawing, "AddBackward0") == ("AddBackward0", "(4, 2) float64")  # it saved nothing
    assert "stroke-dasharray" in drawing.mermaid()


def test_several_outputs_several_results_and_custom_functions() -> None:
    class Double(ag.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return 2 * x

        @staticmethod
        def backward(ctx, g):
            return 2 * g

    x = ag.tensor([[2.0, 1.0], [1.0, 3.0]], requires_grad=True)
    q, r = ag.linalg.qr(Double.apply(x))
    drawing = draw([ag.sum(q), r])
    assert box(drawing, "DoubleBackward")[-1] == "saved: 16 bytes"
    assert [label for *_, label in words_of_arrows(drawing) if label] == ["[0]", "[1]"]
    assert sum(b.kind == "result" for b in drawing.boxes) == 2


def test_values_that_went_through_hooks_are_not_unpacked() -> None:
    def refuse(packed: object) -> ag.Tensor:
        raise AssertionError

    x = ag.ones(3, requires_grad=True)
    with ag.autograd.graph.saved_tensors_hooks(lambda t: 1, refuse):
        y = ag.sin(x)
    assert box(draw(y), "SinBackward0")[-1] == "saved: by hooks"


def test_a_large_graph_is_cut() -> None:
    y = ag.ones(2, requires_grad=True)
    for _ in range(50):
        y = y * 2.0
    drawing = draw(y, limit=10)
    assert drawing.boxes[0].lines == ("41 more nodes",)  # with the leaf
    assert len(drawing.boxes) == 12
    assert drawing.arrows[0] == (0, 1, "")


def test_svg_is_well_formed_and_boxes_do_not_overlap() -> None:
    loss, names = network()
    drawing = draw(loss, **names)
    root = ElementTree.fromstring(drawing.svg())
    assert drawing._repr_svg_() == drawing.svg()
    places = [tuple(float(r.attrib[k]) for k in ("x", "y", "width", "height")) for r in root.iter(f"{SVG}rect")]
    assert len(places) == len(drawing.boxes)
    assert len([p for p in root.iter(f"{SVG}path") if "marker-end" in p.attrib]) == len(drawing.arrows)
    for i, (x, y, w, h) in enumerate(places):
        assert x >= 0
        assert x + w <= float(root.attrib["width"])
        for x2, y2, w2, h2 in places[:i]:
            assert x + w <= x2 or x2 + w2 <= x or y + h <= y2 or y2 + h2 <= y
    tops = [y for _, y, _, _ in places]
    assert all(tops[start] < tops[end] for start, end, _ in drawing.arrows)


def test_files(tmp_path: Path) -> None:
    loss, _ = network()
    drawing = draw(loss)
    drawing.save(tmp_path / "graph.svg")
    drawing.save(str(tmp_path / "graph.mmd"))
    assert (tmp_path / "graph.svg").read_text() == drawing.svg()
    assert (tmp_path / "graph.mmd").read_text() == f"{drawing}\n"
    assert str(drawing).startswith("graph TD\n")


def test_names_are_escaped() -> None:
    x = ag.ones(1, requires_grad=True)
    assert "&lt;x&gt;" in draw(x * 2, **{"<x>": x}).svg()


def test_bad_input() -> None:
    with pytest.raises(RuntimeError, match="does not require grad, so it has no graph"):
        draw(ag.ones(2))
    with pytest.raises(TypeError, match="takes Tensors, not ndarray"):
        draw([np.ones(2)])
