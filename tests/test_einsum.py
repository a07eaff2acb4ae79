"""einsum beyond its rows in op_cases.py: forms of every kind against NumPy's, errors, and what a plan is made of."""

from __future__ import annotations

import string
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import anygrad as ag
from anygrad.ops.einsum import _plan

Make = Callable[..., ag.Tensor]

SIZES = dict(zip("abcdefghijklmnop", [2, 3, 4, 2, 3, 1, 2, 3, 2, 3, 4, 2, 3, 2, 2, 3], strict=True))
FORMS = """
ij,jk->ik ij,jk ij,kj->ki i,i i,i->i i,j ij->ji ba ij-> ij->j aa aa->a aab->ba abab->ab abba aaa->a bhqd,bhkd->bhqk bij,bjk->bik
bij,bjk->kib bij,bj->bi bi,bj->bij bi,bj->jbi bi,oij,bj->bo ij,jk,kl,lm->im ab,cd,ef-> a,b,c->abc ij,ij-> ij,ji-> i,->i , ->
i->i abc,bcd->ad abc,dcb->da bij,bik->jk abcd,cbe->aed aabb,bc->ac a,ab,abc->c abc,abd,abe->cde ijk,ilm,njm,nlk,abc-> abc->cab
aij,aij->a abij,bajk->ik ab,ab,ab->ab dij,dji,i->d ij,j->ij j,ij->i
""".split()


@pytest.mark.parametrize("form", FORMS)
def test_values(form: str, make: Make) -> None:
    rng = np.random.default_rng(3)
    arrays = [rng.normal(size=[SIZES.get(c, 2) for c in term]) for term in form.split("->")[0].split(",")]
    found = ag.einsum(form, *map(make, arrays))
    np.testing.assert_allclose(found.numpy(force=True), np.einsum(form, *arrays), rtol=1e-12, atol=1e-12, strict=True)


WITH_DOTS = [
    ("...ij,...jk->...ik", (2, 3, 4), (5, 1, 4, 2)),
    ("...,...", (2, 3), (3,)),
    ("...->...", (2, 3)),
    ("...", ()),
    ("i...->...i", (2, 3, 4)),
    ("...ii->...i", (2, 3, 3)),
    ("...ii", (2, 3, 3)),
    ("i...j,j...->...i", (2, 5, 3), (3, 1)),
    ("i...->i", (3,)),
    (" i j , j k -> i k ", (2, 3), (3, 4)),
    ("bA,Ab", (2, 3), (3, 2)),
    ("bAa", (2, 3, 4)),
]


@pytest.mark.parametrize(("form", "shapes"), [(form, shapes) for form, *shapes in WITH_DOTS])
def test_ellipses_spaces_and_capitals(form: str, shapes: list[tuple[int, ...]]) -> None:
    arrays = [np.random.default_rng(4).normal(size=shape) for shape in shapes]
    np.testing.assert_allclose(ag.einsum(form, *arrays).numpy(), np.einsum(form, *arrays), rtol=1e-12, strict=True)


def test_an_ellipsis_left_out_of_the_output_is_summed() -> None:
    """PyTorch's meaning; NumPy refuses it."""
    x = np.arange(24.0).reshape(2, 3, 4)
    np.testing.assert_array_equal(ag.einsum("...i->i", x).numpy(), x.sum((0, 1)))


def test_random_forms() -> None:
    """Labels anywhere, repeated or of size 1, up to four operands."""
    rng = np.random.default_rng(5)
    for _ in range(300):
        labels = string.ascii_letters[: rng.integers(1, 6)]
        terms = ["".join(rng.choice(list(labels), rng.integers(0, 4))) for _ in range(rng.integers(1, 5))]
        used = sorted(set("".join(terms)))
        output = "".join(rng.permutation(used)[: rng.integers(0, len(used) + 1)]) if used else ""
        form = ",".join(terms) + ("->" + output if rng.random() < 0.8 else "")
        arrays = []
        for term in terms:
            single = {c for c in term if rng.random() < 0.15}
            arrays.append(rng.normal(size=[1 if c in single else 1 + labels.index(c) % 3 for c in term]))
        found, wanted = ag.einsum(form, *arrays), np.einsum(form, *arrays)
        np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-11, atol=1e-12, strict=True, err_msg=form)


SUBLISTS = [
    ((0, 1), (1, 2), (0, 2)),
    ((0, 1), (1, 2)),
    ((7, 3), (3, 2), (2, 7)),
    ((..., 1), (1, ...), (...,)),
    ((30, 31), (31, 60), (60, 30)),
]


@pytest.mark.parametrize("lists", SUBLISTS)
def test_lists_of_integers(lists: Any) -> None:
    x, y = np.random.default_rng(6).normal(size=(2, 3, 3))
    letters = dict(zip(sorted({v for term in lists for v in term if v is not ...}), string.ascii_letters, strict=False))
    form, arrow, out = (",".join("".join("..." if v is ... else letters[v] for v in term) for term in lists[:2]), "->" * (len(lists) > 2), lists[2:])
    form += arrow + "".join("..." if v is ... else letters[v] for term in out for v in term)
    found = ag.einsum(x, list(lists[0]), y, list(lists[1]), *map(list, out))
    np.testing.assert_allclose(found.numpy(), np.einsum(form, x, y), rtol=1e-12, strict=True)


X, Y = np.zeros((2, 3)), np.zeros((3, 4))
BAD = [
    (("ij,jk", X), ValueError, "subscripts for 2 operands, but 1 given"),
    (("ijk", X), ag.ShapeError, "operand 0 has shape (2, 3), so 2 axes, but its subscripts name 3"),
    (("i...jk", X), ag.ShapeError, "operand 0 has shape (2, 3), so 2 axes, but its subscripts name 3 or more"),
    (("ij,jk", X, X), ag.ShapeError, "label 'j' has size 3 in operand 0 of shape (2, 3), but 2 in operand 1 of shape (2, 3)"),
    ((X, [0, 1], X, [1, 2]), ag.ShapeError, "label 1 has size 3 in operand 0 of shape (2, 3), but 2 in operand 1"),
    (("...,...", X, Y), ag.ShapeError, "axis -2 of the ellipsis has size 2 in operand 0 of shape (2, 3), but 3 in operand 1"),
    (("ii", X), ag.ShapeError, "label 'i' is for axes of sizes 2 and 3 of operand 0"),
    (("ii", np.zeros((1, 3))), ag.ShapeError, "label 'i' is for axes of sizes 1 and 3 of operand 0"),
    (("i2", X), ValueError, "'2' in 'i2'"),
    (("i.j", X), ValueError, "'.' in 'i.j'"),
    (("i->->", X), ValueError, "'-' in 'i->->'"),
    (("ij->k", X), ValueError, "label 'k' is in the output but in none of the operands"),
    (("ij->ii", X), ValueError, "label 'i' is in the output twice"),
    ((X, Y), TypeError, "einsum(x, [0, 1], [1, 0])"),
    ((X, [0, "b"]), TypeError, "not 'b'"),
    ((X, [..., 0, ...]), ValueError, "Ellipsis in it more than once"),
    ((), TypeError, "missing"),
    (("",), ValueError, "subscripts for 1 operands, but 0 given"),
]


@pytest.mark.parametrize(("arguments", "kind", "words"), BAD, ids=[words for _, _, words in BAD])
def test_errors(arguments: Any, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind) as caught:
        ag.einsum(*arguments)
    assert words in str(caught.value)


@pytest.mark.parametrize("dtype", ["bool", "int8", "int64", "float32", "complex64"])
def test_dtype_is_kept(dtype: str) -> None:
    x = np.array([[1, 0, 1], [1, 1, 0]]).astype(dtype)
    for form in ("ij->i", "ij,kj->ik", "ij,ij->"):
        arrays = [x] * (1 + ("," in form))
        np.testing.assert_array_equal(ag.einsum(form, *arrays).numpy(), np.einsum(form, *arrays), strict=True)


def test_dtypes_are_promoted() -> None:
    x = np.array([[True, True], [False, True]])
    for y in (np.array([2.0, 3.0]), np.array([2, 3], dtype=np.int8), np.array([2 + 1j, 3])):
        np.testing.assert_array_equal(ag.einsum("ij,k->k", x, y).numpy(), np.einsum("ij,k->k", x, y), strict=True)
    assert ag.einsum("i,i->i", np.ones(2, np.float32), np.ones(2)).dtype == ag.float64
    assert ag.einsum("ij,jk->ik", np.ones((2, 2), np.float32), np.ones((2, 2), np.complex64)).dtype == ag.complex64


@pytest.mark.parametrize("form", ["ij->ij", "ij->ji", "ii->i"])
def test_a_view_where_nothing_is_computed(form: str) -> None:
    x = ag.zeros(2, 2)
    y = ag.einsum(form, x)
    assert y is not x
    y += 1.0
    np.testing.assert_array_equal(x.numpy(), np.eye(2) if form == "ii->i" else np.ones((2, 2)))


def steps(form: str, *shapes: tuple[int, ...]) -> list[str]:
    return [function.primitive.name for function, *_ in _plan(form, shapes)]


PLANS = [
    ("ij,jk->ik", [(2, 3), (3, 4)], "matmul"),
    ("ij,jk->ki", [(2, 3), (3, 4)], "permute permute matmul"),
    ("bhqd,bhkd->bhqk", [(2, 3, 4, 5), (2, 3, 6, 5)], "permute matmul"),
    ("bij,jk->bik", [(2, 3, 4), (4, 5)], "reshape matmul reshape"),
    ("bij,bik->jk", [(2, 3, 4), (2, 3, 5)], "reshape permute reshape matmul"),
    ("i,i", [(3,), (3,)], "dot"),
    ("ij,ij->ij", [(2, 3), (2, 3)], "multiply"),
    ("i,j->ij", [(2,), (3,)], "reshape reshape outer"),
    ("ii", [(3, 3)], "diagonal sum"),
    ("ij,k->", [(2, 3), (4,)], "sum sum multiply"),
]


@pytest.mark.parametrize(("form", "shapes", "names"), PLANS, ids=[form for form, *_ in PLANS])
def test_no_more_steps_than_needed(form: str, shapes: list[tuple[int, ...]], names: str) -> None:
    assert steps(form, *shapes) == names.split()


@pytest.mark.parametrize(("thin", "first"), [(1, (1, 2)), (0, (0, 1))])
def test_the_cheaper_product_comes_first(thin: int, first: tuple[int, int]) -> None:
    """Of a chain of three matrices: (1000, 2) (2, 1000) (1000, 2) from the right, (2, 1000) (1000, 2) (2, 1000) from the left."""
    n, m = (1000, 2) if thin else (2, 1000)
    plan = _plan("ij,jk,kl->il", ((n, m), (m, n), (n, m)))
    assert next((i, j) for function, i, j, _ in plan if function.primitive.name == "matmul") == first


def test_plans_are_kept_and_bounded() -> None:
    _plan.cache_clear()
    for _ in range(3):
        ag.einsum("ij,jk", X, Y)
    assert (_plan.cache_info().misses, _plan.cache_info().hits) == (1, 2)
    assert _plan.cache_info().maxsize == 1024
