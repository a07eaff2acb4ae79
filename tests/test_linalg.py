"""`anygrad.linalg` against NumPy, and its derivatives against differences."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from derivatives import check, host, outputs

import anygrad as ag
from anygrad import linalg


def rng(shape: tuple[int, ...]) -> np.random.Generator:
    return np.random.default_rng(list(shape))


def random(*shape: int) -> np.ndarray:
    """Numbers away from 0, of both signs."""
    return rng(shape).uniform(0.5, 1.5, shape) * rng((*shape, 1)).choice([-1.0, 1.0], shape)


def regular(*shape: int) -> np.ndarray:
    """Random matrices; square ones with eigenvalues and singular values that are well apart."""
    return random(*shape) + np.diag(np.arange(1.0, 1 + shape[-1]) * 2) if shape[-1] == shape[-2] else random(*shape)


def phase(x: np.ndarray) -> np.ndarray:
    """With random imaginary parts: a complex sample."""
    return x + 1j * rng((*x.shape, 2)).uniform(-0.5, 0.5, x.shape)


def T(x: Any) -> Any:
    return ag.matrix_transpose(x)


def H(x: Any) -> Any:
    return T(ag.conj(x)) if x.dtype.kind == "c" else T(x)


def hermitian(x: Any) -> Any:
    return (x + H(x)) / 2


def definite(x: Any) -> Any:
    return x @ H(x) + ag.eye(x.shape[-1], dtype=x.dtype, device=x.device)


def rotating(x: Any) -> Any:
    """With eigenvalues off the real line."""
    below = ag.tril(x * x, k=-1)
    return below - T(below) + x / 10


def aligned(v: Any) -> Any:
    """Eigenvectors as projectors on each of them: what does not depend on their phases."""
    columns = T(v)
    return columns[..., :, None] * (ag.conj(columns) if v.dtype.kind == "c" else columns)[..., None, :]


def projector(x: Any) -> Any:
    return x @ H(x)


def polar(u: Any, s: Any, vh: Any) -> Any:
    k = s.shape[-1]
    return u[..., :k] @ vh[..., :k, :]


SQUARES = [(1, 1), (3, 3), (2, 2, 2)]
WIDE_AND_TALL = [(3, 3), (4, 2), (2, 4), (2, 3, 2)]

# name, function of Tensors, shapes of matrices
ROWS: list[tuple[str, Callable[..., Any], list[tuple[int, ...]]]] = [
    ("cholesky", lambda x: linalg.cholesky(definite(x)), SQUARES),
    ("cholesky_upper", lambda x: linalg.cholesky(definite(x), upper=True), SQUARES),
    ("det", linalg.det, SQUARES),
    ("slogdet", linalg.slogdet, SQUARES),
    ("inv", linalg.inv, SQUARES),
    ("pinv", linalg.pinv, WIDE_AND_TALL),
    ("matrix_power_3", lambda x: linalg.matrix_power(x, 3), SQUARES),
    ("matrix_power_-2", lambda x: linalg.matrix_power(x, -2), SQUARES),
    ("qr", linalg.qr, WIDE_AND_TALL),
    ("qr_r", lambda x: linalg.qr(x).R, WIDE_AND_TALL),
    ("qr_q", lambda x: linalg.qr(x).Q, WIDE_AND_TALL),
    ("qr_complete", lambda x: (lambda q, r: (projector(q[..., x.shape[-1] :]), q[..., : x.shape[-1]], r))(*linalg.qr(x, mode="complete")), WIDE_AND_TALL),
    ("eigvalsh", lambda x: linalg.eigvalsh(hermitian(x)), SQUARES),
    ("eigh", lambda x: (lambda w, v: (w, aligned(v)))(*linalg.eigh(hermitian(x))), SQUARES),
    ("eigh_vectors", lambda x: aligned(linalg.eigh(hermitian(x)).eigenvectors), SQUARES),
    ("eigvals", linalg.eigvals, SQUARES),
    ("eig", lambda x: (lambda w, v: (w, aligned(v)))(*linalg.eig(x)), SQUARES),
    ("eig_vectors", lambda x: aligned(linalg.eig(x).eigenvectors), SQUARES),
    ("eigvals_of_rotations", lambda x: linalg.eigvals(rotating(x)), [(2, 2), (3, 3)]),
    ("eig_of_rotations", lambda x: (lambda w, v: (w, aligned(v)))(*linalg.eig(rotating(x))), [(2, 2), (2, 3, 3)]),
    ("svdvals", linalg.svdvals, WIDE_AND_TALL),
    ("svd", lambda x: (lambda u, s, vh: (polar(u, s, vh), aligned(u), s, aligned(H(vh))))(*linalg.svd(x, full_matrices=False)), WIDE_AND_TALL),
    ("svd_u", lambda x: aligned(linalg.svd(x, full_matrices=False).U), WIDE_AND_TALL),
    ("svd_vh", lambda x: aligned(H(linalg.svd(x, full_matrices=False).Vh)), WIDE_AND_TALL),
    (
        "svd_full",
        lambda x: (lambda u, s, vh: (polar(u, s, vh), projector(u[..., s.shape[-1] :]), s, projector(H(vh)[..., s.shape[-1] :])))(*linalg.svd(x)),
        WIDE_AND_TALL,
    ),
    ("matrix_norm_fro", linalg.matrix_norm, WIDE_AND_TALL),
    *[
        (f"matrix_norm_{order}", lambda x, order=order: linalg.matrix_norm(x, ord=order, keepdims=True), WIDE_AND_TALL)
        for order in ("nuc", 2, -2, 1, -1, math.inf, -math.inf)
    ],
    ("diagonal", lambda x: linalg.diagonal(x, offset=1), WIDE_AND_TALL),
    ("diagonal_below", lambda x: linalg.diagonal(x, offset=-1), WIDE_AND_TALL),
    ("trace", lambda x: linalg.trace(x * x, offset=-1), WIDE_AND_TALL),
]
CASES = [pytest.param(f, shape, id=f"{name}-{'x'.join(map(str, shape))}") for name, f, shapes in ROWS for shape in shapes]


@pytest.mark.parametrize(("function", "shape"), CASES)
@pytest.mark.parametrize("kind", ["real", "complex"])
def test_derivatives(function: Callable[..., Any], shape: tuple[int, ...], kind: str) -> None:
    x = regular(*shape)
    check(function, phase(x) if kind == "complex" else x)


ORDERS = [0, 0.5, 1, 1.5, 2, 3, 4.5, -1, -2.5, math.inf, -math.inf]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("axis", [None, 1, (0, -1)])
@pytest.mark.parametrize("kind", ["real", "complex"])
def test_vector_norm(order: float, axis: Any, kind: str) -> None:
    x = random(2, 3, 2)
    x = phase(x) if kind == "complex" else x
    for keepdims in (False, True):
        found, wanted = (
            linalg.vector_norm(ag.asarray(x), axis=axis, ord=order, keepdims=keepdims),
            np.linalg.vector_norm(x, axis=axis, ord=order, keepdims=keepdims),
        )
        np.testing.assert_allclose(host(found), wanted, rtol=1e-14, strict=True)
    check(lambda t: linalg.vector_norm(t, axis=axis, ord=order), x)


# ---------------------------------------------------------------------------
# functions of two arguments
# ---------------------------------------------------------------------------

PAIRS = [
    ("solve", linalg.solve, (3, 3), (3, 2)),
    ("solve_vector", linalg.solve, (3, 3), (3,)),
    ("solve_vector_batch", linalg.solve, (2, 3, 3), (3,)),
    ("solve_batch", linalg.solve, (2, 2, 2), (2, 2, 1)),
    ("solve_broadcast", linalg.solve, (2, 2), (3, 2, 1)),
    ("solve_broadcast_both", linalg.solve, (2, 1, 2, 2), (3, 2, 2)),
    ("pinv_of_low_rank", lambda a, b: linalg.pinv(a @ b), (4, 2), (2, 3)),
    ("pinv_of_low_rank_batch", lambda a, b: linalg.pinv(a @ b), (2, 3, 1), (1, 3)),
    ("cross", linalg.cross, (2, 3), (2, 3)),
    ("cross_broadcast", linalg.cross, (2, 3), (3,)),
    ("cross_axis", lambda a, b: linalg.cross(a, b, axis=-2), (3, 2), (3, 1)),
    ("outer", linalg.outer, (3,), (2,)),
    ("matmul", linalg.matmul, (2, 3), (3, 2)),
    ("vecdot", linalg.vecdot, (2, 3), (2, 3)),
    ("tensordot", linalg.tensordot, (2, 3, 2), (3, 2, 2)),
]
REFERENCES: dict[str, Callable[..., Any]] = {
    "pinv_of_low_rank": lambda a, b: np.linalg.pinv(a @ b),
    "pinv_of_low_rank_batch": lambda a, b: np.linalg.pinv(a @ b),
    "cross_axis": lambda a, b: np.linalg.cross(*np.broadcast_arrays(a, b), axis=-2),
    "solve_vector_batch": lambda a, b: np.linalg.solve(a, b[:, None])[..., 0],
}


@pytest.mark.parametrize(("name", "function", "shape1", "shape2"), PAIRS, ids=[row[0] for row in PAIRS])
@pytest.mark.parametrize("kind", ["real", "complex", "mixed"])
def test_two_arguments(name: str, function: Callable[..., Any], shape1: tuple[int, ...], shape2: tuple[int, ...], kind: str) -> None:
    a = regular(*shape1) if "solve" in name else random(*shape1)
    b = random(*shape2)
    a, b = (phase(a) if kind == "complex" else a), (b if kind == "real" else phase(b))
    reference = REFERENCES.get(name) or getattr(np.linalg, name.partition("_")[0])
    np.testing.assert_allclose(host(function(ag.asarray(a), ag.asarray(b))), reference(a, b), rtol=1e-12, strict=True)
    check(function, a, b)


# ---------------------------------------------------------------------------
# values
# ---------------------------------------------------------------------------

NUMPY = [
    *[
        (name, (3, 3), {})
        for name in ("cholesky", "det", "slogdet", "inv", "eigh", "eigvalsh", "svd", "pinv", "matrix_norm", "diagonal", "trace", "qr", "matrix_transpose")
    ],
    *[(name, (2, 4, 2), {}) for name in ("pinv", "svdvals", "matrix_rank", "qr", "matrix_norm")],
    ("svd", (2, 4, 2), {"full_matrices": False}),
    ("svd", (2, 4), {"full_matrices": True}),
    ("qr", (4, 2), {"mode": "complete"}),
    ("qr", (2, 4), {}),
    ("qr", (2, 4), {"mode": "complete"}),
    ("cholesky", (2, 3, 3), {"upper": True}),
    ("trace", (2, 3, 4), {"offset": 2}),
    ("diagonal", (2, 3, 4), {"offset": -1}),
    ("diagonal", (2, 3, 4), {"offset": 9}),
    *[("matrix_norm", (2, 4, 3), {"ord": order, "keepdims": True}) for order in ("fro", "nuc", 1, -1, 2, -2, math.inf, -math.inf)],
]


@pytest.mark.parametrize(("name", "shape", "kwargs"), NUMPY, ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
def test_value(name: str, shape: tuple[int, ...], kwargs: dict[str, Any], dtype: str) -> None:
    x = regular(*shape)
    x = phase(x) if dtype.startswith("complex") else x
    if name in ("cholesky", "eigh", "eigvalsh"):
        x = x @ np.conj(np.swapaxes(x, -1, -2))
    x = x.astype(dtype)
    with np.errstate(all="ignore"):
        wanted = getattr(np.linalg, name)(x, **kwargs)
    found = getattr(linalg, name)(ag.asarray(x), **kwargs)
    for y, y0 in zip(outputs(found), wanted if isinstance(wanted, tuple) else (wanted,), strict=True):
        rtol, atol = (2e-4, 1e-5) if dtype in ("float32", "complex64") else (1e-10, 1e-12)
        np.testing.assert_allclose(host(y), np.asarray(y0), rtol=rtol, atol=atol, strict=True)
    g = ag.tensor(x, requires_grad=True)
    y = next(iter(outputs(getattr(linalg, name)(g, **kwargs))))
    if y.requires_grad:
        assert ag.autograd.grad(ag.sum(ag.abs(y)), g)[0].dtype == x.dtype


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64"])
def test_eig(dtype: str) -> None:
    x = ag.asarray(regular(2, 3, 3).astype(dtype))
    w, v = linalg.eig(x)
    np.testing.assert_allclose(host(x @ v), host(v * w[..., None, :]), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(host(linalg.vector_norm(v, axis=-2)), 1, rtol=1e-5)
    np.testing.assert_allclose(np.sort_complex(host(linalg.eigvals(x))), np.sort_complex(host(w)), rtol=1e-4)
    assert w.dtype == v.dtype == np.result_type(dtype, np.complex64)


def test_result_names() -> None:
    x = ag.asarray(definite(ag.asarray(regular(3, 3))))
    assert linalg.eigh(x)._fields == linalg.eig(x)._fields == ("eigenvalues", "eigenvectors")
    assert linalg.qr(x)._fields == ("Q", "R")
    assert linalg.svd(x)._fields == ("U", "S", "Vh")
    assert linalg.slogdet(x)._fields == ("sign", "logabsdet")


def test_matrix_power() -> None:
    x = ag.tensor(regular(2, 3, 3), requires_grad=True)
    ag.sum(linalg.matrix_power(x, 0)).backward()
    np.testing.assert_array_equal(host(x.grad), 0)
    for n in (-3, -1, 0, 1, 2, 5, 8):
        y = linalg.matrix_power(x, n)
        np.testing.assert_allclose(host(y), np.linalg.matrix_power(host(x), n), rtol=1e-9, atol=1e-9)
        assert y is not x


# ---------------------------------------------------------------------------
# edges
# ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["real", "complex"])
@pytest.mark.parametrize("rank", [0, 1, 2, 3])
def test_det_of_singular_matrices(rank: int, kind: str) -> None:
    """First and second derivatives are exact at every rank."""
    a, b = random(4, rank), random(rank, 4)
    x = phase(a) @ phase(b) if kind == "complex" else a @ b
    check(linalg.det, np.stack([x, regular(4, 4).astype(x.dtype)]))


@pytest.mark.parametrize("kind", ["real", "complex"])
@pytest.mark.parametrize("rank", range(5))
def test_det_derivatives_of_every_order(rank: int, kind: str) -> None:
    """The fourth derivative, of a polynomial of degree 4, at each rank."""
    a, b, *directions = random(4, rank), random(rank, 4), *(random(4, 4) * c for c in (1, -0.7, 0.4))
    x = (phase(a) @ phase(b) if kind == "complex" else a @ b) if rank else np.zeros((4, 4), np.complex128 if kind == "complex" else None)

    def third(t: Any) -> Any:
        t = (ag.asarray(t) if not isinstance(t, ag.Tensor) else t) + 0
        t = t if t.requires_grad else t.requires_grad_()
        y: Any = linalg.det(t)
        for direction in directions:
            (g,) = ag.autograd.grad(y, t, ag.ones_like(y), create_graph=True)
            y = ag.sum(g * ag.asarray(direction, device=t.device))
        return y

    check(third, x)
    x = ag.tensor(np.zeros((2, 2)), requires_grad=True)
    (g,) = ag.autograd.grad(linalg.det(x), x, create_graph=True)
    (h,) = ag.autograd.grad(g[0, 0], x, create_graph=True)
    assert h.tolist() == [[0.0, 0.0], [0.0, 1.0]]


def test_det_of_matrices_that_are_not_finite() -> None:
    x = ag.tensor([[[math.nan, 1.0], [2.0, 3.0]], [[2.0, 0.0], [0.0, 3.0]]], dtype=ag.float64, requires_grad=True)
    with np.errstate(invalid="ignore"):  # NumPy, in the forward
        y = linalg.det(x)
    ag.sum(y).backward()
    assert np.isnan(host(x.grad)[0]).all()
    np.testing.assert_allclose(host(x.grad)[1], [[3.0, 0.0], [0.0, 2.0]], rtol=1e-15)


def test_slogdet_of_singular_matrices() -> None:
    x = ag.tensor([[[1.0, 2.0], [2.0, 4.0]], [[2.0, 0.0], [0.0, 4.0]]], requires_grad=True, dtype=ag.float64)
    sign, logabs = linalg.slogdet(x)
    assert sign.tolist() == [0.0, 1.0]
    assert logabs[0].item() == -math.inf
    ag.sum(logabs).backward()
    assert np.isnan(host(x.grad)[0]).all()
    np.testing.assert_allclose(host(x.grad)[1], [[0.5, 0], [0, 0.25]])


def test_repeated_values_have_finite_gradients() -> None:
    """Eigenvalues and singular values alone divide by no difference; vectors do, and give NaN."""
    for function in (linalg.eigvalsh, linalg.svdvals, linalg.eigvals, lambda x: linalg.eigh(x)[0], lambda x: linalg.svd(x)[1]):
        x = ag.tensor(np.eye(3), requires_grad=True)
        ag.sum(ag.real(function(x) + 0j)).backward()
        np.testing.assert_allclose(host(x.grad), np.eye(3), atol=1e-15)
    x = ag.tensor(np.eye(2), requires_grad=True)
    ag.sum(linalg.eigh(x).eigenvectors).backward()
    assert not np.isfinite(host(x.grad)).all()


@pytest.mark.filterwarnings("ignore:divide by zero")  # NumPy, of its own zero to a negative power
@pytest.mark.parametrize("order", ORDERS)
def test_norm_at_zero(order: float) -> None:
    """0 at any order of derivative, at zero and beside a zero element."""
    x = ag.tensor(np.zeros((2, 3)), requires_grad=True)
    y: Any = linalg.vector_norm(x, axis=1, ord=order) if order != 1 else linalg.vector_norm(x, ord=order)
    for _ in range(3):
        (y,) = ag.autograd.grad(ag.sum(y), x, create_graph=True, materialize_grads=True)
        np.testing.assert_array_equal(host(y), 0)
        y = y + 0 * x
    x = ag.tensor(np.array([0.0, 3.0, -3.0, 1.0]), requires_grad=True)
    (first,) = ag.autograd.grad(linalg.vector_norm(x, ord=order), x, create_graph=True, materialize_grads=True)
    assert np.isfinite(host(first)).all()
    assert first[0].item() == 0


def test_ties_of_the_infinity_norm_share_evenly() -> None:
    x = ag.tensor([0.0, 3.0, -3.0, 1.0], requires_grad=True)
    linalg.vector_norm(x, ord=math.inf).backward()
    assert x.grad.tolist() == [0.0, 0.5, -0.5, 0.0]


def test_diagonal_is_a_view() -> None:
    x = ag.tensor(np.zeros((2, 3)), requires_grad=True)
    y = x * 1
    d = linalg.diagonal(y, offset=1)
    d += ag.asarray([1.0, 2.0], dtype=ag.float64)
    assert y.tolist() == [[0.0, 1.0, 0.0], [0.0, 0.0, 2.0]]
    ag.sum(y * y).backward()
    assert x.grad.tolist() == [[0.0, 2.0, 0.0], [0.0, 0.0, 4.0]]


EMPTY = "det inv slogdet cholesky eigh eigvalsh eig eigvals svd svdvals pinv qr matrix_norm matrix_rank trace diagonal".split()


@pytest.mark.parametrize("name", EMPTY)
@pytest.mark.parametrize("shape", [(0, 0), (0, 2, 2), (2, 0, 0), (0, 3), (3, 0), (0, 3, 2)], ids=str)
def test_empty(name: str, shape: tuple[int, ...], make: Any) -> None:
    """Shapes, first and second derivatives where there is nothing to compute; of no rows and columns det is 1."""
    if shape[-1] != shape[-2] and name not in "svd svdvals pinv qr matrix_norm matrix_rank trace diagonal".split():
        pytest.skip("of square matrices only")
    x = make(np.zeros(shape), requires_grad=True)
    found = outputs(getattr(linalg, name)(x))
    wanted = getattr(np.linalg, name)(np.zeros(shape)) if name != "matrix_rank" else np.zeros(shape[:-2], dtype=np.int64)
    for y, y0 in zip(found, wanted if isinstance(wanted, tuple) else (wanted,), strict=True):
        np.testing.assert_array_equal(host(y), y0)
    if found[0].requires_grad:
        (first,) = ag.autograd.grad(found, x, [ag.ones_like(y) for y in found], create_graph=True)
        assert first.shape == shape
        if first.requires_grad:
            assert ag.autograd.grad(first, x, ag.ones_like(first), materialize_grads=True)[0].shape == shape


@pytest.mark.parametrize(("shape1", "shape2"), [((0, 0), (0, 2)), ((2, 2), (2, 0)), ((0, 2, 2), (2, 1)), ((2, 2), (0, 2, 1)), ((0, 0), (0,))], ids=str)
def test_solving_for_nothing(shape1: tuple[int, ...], shape2: tuple[int, ...], make: Any) -> None:
    a, b = make(np.zeros(shape1) + np.eye(shape1[-1]), requires_grad=True), make(np.zeros(shape2), requires_grad=True)
    y = linalg.solve(a, b)
    assert y.size == 0
    for g, x in zip(ag.autograd.grad(ag.sum(y), (a, b)), (a, b), strict=True):
        np.testing.assert_array_equal(host(g), np.zeros(x.shape), strict=True)


@pytest.mark.parametrize("shape", [(3, 0), (0, 3), (0, 0), (2, 0, 3), (0, 2, 2)], ids=str)
@pytest.mark.parametrize("order", ["fro", "nuc", 1, -1, 2, -2, math.inf, -math.inf])
def test_matrix_norms_of_nothing(order: Any, shape: tuple[int, ...]) -> None:
    """0, save for the smallest of no values."""
    x = ag.tensor(np.zeros(shape), requires_grad=True)
    chosen_from = {-1: shape[-1], -2: min(shape[-2:]), -math.inf: shape[-2]}
    if chosen_from.get(order) == 0:
        with pytest.raises(ag.ShapeError, match="no element"):
            linalg.matrix_norm(x, ord=order)
        return
    y = linalg.matrix_norm(x, ord=order)
    np.testing.assert_array_equal(host(y), np.zeros(shape[:-2]), strict=True)
    assert ag.autograd.grad(ag.sum(y), x)[0].shape == shape


@pytest.mark.parametrize("order", [0, 1, 2, 3, math.inf])
def test_vector_norm_of_nothing(order: float) -> None:
    x = ag.tensor(np.zeros((2, 0)), requires_grad=True)
    y = linalg.vector_norm(x, axis=1, ord=order)
    assert y.tolist() == [0.0, 0.0]
    assert ag.autograd.grad(ag.sum(y), x)[0].shape == (2, 0)
    with pytest.raises(ag.ShapeError, match="no element"):
        linalg.vector_norm(x, ord=-math.inf)


def test_vector_norms_beside_infinity() -> None:
    """PyTorch's gradients."""
    for order, wanted in ((-1, [0.0, 1.0]), (-2.5, [0.0, 1.0]), (0.5, [math.nan, math.inf]), (3, [math.nan, 0.0])):
        x = ag.tensor([math.inf, 1.0], requires_grad=True)
        linalg.vector_norm(x, ord=order).backward()
        np.testing.assert_array_equal(host(x.grad), wanted)


ERRORS = [
    ("inv", ([[1.0, 2.0], [2.0, 4.0]],), linalg.LinAlgError, "[Ss]ingular"),
    ("solve", ([[1.0, 2.0], [2.0, 4.0]], [1.0, 2.0]), linalg.LinAlgError, "[Ss]ingular"),
    ("cholesky", ([[-1.0, 0.0], [0.0, 1.0]],), linalg.LinAlgError, "positive definite"),
    ("det", ([[1.0, 2.0]],), linalg.LinAlgError, "square"),
    ("matrix_power", ([[1.0, 2.0]], 2), linalg.LinAlgError, "square"),
    ("inv", ([1.0],), linalg.LinAlgError, "at least 2 dimensions"),
    ("inv", ([[1, 2], [3, 5]],), ag.DTypeError, "floating"),
    ("vector_norm", ([1, 2],), ag.DTypeError, "floating"),
    ("solve", ([[1.0, 2.0], [2.0, 3.0]], [1.0, 2.0, 3.0]), ag.ShapeError, "2 rows"),
    ("cross", ([1.0, 2.0], [1.0, 2.0]), ag.ShapeError, "3 elements"),
    ("outer", ([[1.0, 2.0]], [1.0]), ag.ShapeError, "1-D"),
    ("diagonal", ([1.0],), linalg.LinAlgError, "2 dimensions"),
]


@pytest.mark.parametrize(("name", "arguments", "error", "message"), ERRORS, ids=[f"{row[0]}-{row[3]}" for row in ERRORS])
def test_errors(name: str, arguments: Any, error: type[Exception], message: str, make: Any) -> None:
    with pytest.raises(error, match=message):
        getattr(linalg, name)(*[make(a) if isinstance(a, list) else a for a in arguments])


def test_a_derivative_at_a_singular_matrix(make: Any) -> None:
    """A matrix that has a decomposition, but no derivative."""
    x = make([[1.0, 1.0], [0.0, 0.0]], requires_grad=True)  # R[1, 1] is 0 whatever LAPACK rounds
    with pytest.raises(linalg.LinAlgError, match="derivative cannot be computed"):
        ag.sum(linalg.qr(x).R).backward()


@pytest.mark.filterwarnings("ignore::UserWarning")  # that the mode is on, and where the forward was
@pytest.mark.parametrize(
    ("name", "vectors"),
    [
        ("LinalgEigh", lambda x: linalg.eigh(x).eigenvectors),
        ("LinalgEig", lambda x: ag.real(linalg.eig(x).eigenvectors)),
        ("LinalgSvd", lambda x: linalg.svd(x).U),
    ],
)
def test_anomaly_mode_names_vectors_of_repeated_values(name: str, vectors: Callable[..., Any]) -> None:
    x = ag.tensor(np.eye(2), requires_grad=True)
    with ag.autograd.detect_anomaly(), pytest.raises(RuntimeError, match=f"{name}Backward0' returned nan"):
        vectors(x)[0, 0].backward()


def test_unknown_options() -> None:
    x = ag.ones((2, 2))
    with pytest.raises(ValueError, match="mode"):
        linalg.qr(x, mode="raw")
    with pytest.raises(ValueError, match="ord"):
        linalg.matrix_norm(x, ord=3)


@pytest.mark.parametrize(("function", "shapes"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_every_library(function: Callable[..., Any], shapes: Any, make: Any, device: Any) -> None:
    """The same gradients and second derivatives on each library."""
    shape = next(s for s in shapes if s not in ((3, 3), (1, 1)))
    check(function, regular(*shape), make=make)
    assert outputs(function(make(regular(*shape))))[0].device == device


@pytest.mark.parametrize(("function", "shape1", "shape2"), [row[1:] for row in PAIRS], ids=[row[0] for row in PAIRS])
def test_two_arguments_on_every_library(function: Callable[..., Any], shape1: tuple[int, ...], shape2: tuple[int, ...], make: Any, device: Any) -> None:
    a, b = (regular if shape1[-2:-1] == shape1[-1:] else random)(*shape1), random(*shape2)
    check(function, a, b, make=make)
    assert function(make(a), make(b)).device == device


@pytest.mark.parametrize("tracked", [(True, True), (True, False), (False, True)])
def test_one_solution_serves_both_gradients(monkeypatch: pytest.MonkeyPatch, tracked: tuple[bool, bool]) -> None:
    import array_api_compat.numpy.linalg as library

    calls, solve = [], library.solve
    monkeypatch.setattr(library, "solve", lambda *arrays: calls.append(0) or solve(*arrays))
    a, b = (ag.tensor(v, requires_grad=t) for v, t in zip((regular(3, 3), random(3, 2)), tracked, strict=True))
    linalg.solve(a, b).sum().backward()
    assert len(calls) == 2  # one forward, one backward
    assert [x.grad is not None for x in (a, b)] == list(tracked)
