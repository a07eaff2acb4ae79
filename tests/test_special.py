"""`anygrad.special` against scipy.special, and its derivatives against differences."""

from __future__ import annotations

import os
import subprocess
import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from cupy_stand_in import ABSENT_FROM_SPECIAL
from derivatives import check, host

import anygrad as ag
from anygrad import _backends, special
from anygrad.ops.special import bessel
from anygrad.ops.special._library import MADE_OF_OTHERS
from anygrad.ops.special.elementary import _sinc

scipy_special = pytest.importorskip("scipy.special", reason="scipy is not installed")

INF, NAN = float("inf"), float("nan")
LINE = np.array([-2.3, -1.1, -0.4, 0.3, 0.9, 1.7, 3.1])
UNIT = np.array([0.03, 0.2, 0.45, 0.5, 0.77, 0.98])
HALF = np.array([0.2, 0.7, 1.3, 2.6, 7.5])
BELOW = np.array([-3.7, -2.4, -0.6])

FIVE = np.array([0.1, 0.35, 0.5, 0.8, 0.95])
SHAPES, OTHERS = np.array([0.9, 0.5, 1.6, 2.2, 4.0]), HALF[::-1].copy()
MIXED = LINE[:5]

# name, arguments that are differentiated
ROWS: list[tuple[str, tuple[np.ndarray, ...]]] = [
    *[(name, (LINE,)) for name in "expit log_expit erf erfc erfcx ndtr log_ndtr sinc i0 i0e i1 i1e j0 j1".split()],
    *[(name, (LINE,)) for name in "softplus erfi dawsn cosm1 cbrt exp2 exp10 exprel sindg cosdg tandg cotdg wrightomega".split()],
    *[(name, (UNIT,)) for name in "logit erfinv ndtri entr erfcinv ellipk ellipkm1 ellipe".split()],
    *[(name, (-HALF,)) for name in "ndtri_exp ellipk ellipe rgamma".split()],
    *[(name, (HALF,)) for name in "gamma gammaln digamma psi loggamma rgamma spence exp1 expi k0 k0e k1 k1e y0 y1 zeta zetac".split()],
    *[(name, (BELOW,)) for name in "gamma gammaln zeta zetac".split()],
    *[(name, (HALF, OTHERS)) for name in "beta betaln xlogy xlog1py rel_entr kl_div poch".split()],
    *[(name, (HALF[:, None], UNIT)) for name in "xlogy rel_entr".split()],
    ("huber", (np.array([1.0, 0.5, 2.0, 1.5, 0.1, 1.0, 2.0]), LINE)),
    *[(name, (LINE.reshape(7, 1) * UNIT,)) for name in "logsumexp softmax log_softmax".split()],
    *[(name, (HALF, SHAPES)) for name in "gammainc gammaincc chdtr chdtrc boxcox".split()],
    *[(name, (HALF, FIVE)) for name in "gammaincinv gammainccinv chdtri inv_boxcox inv_boxcox1p".split()],
    *[(name, (HALF, OTHERS, FIVE)) for name in "betainc betaincc betaincinv betainccinv".split()],
    *[(name, (HALF, OTHERS, SHAPES)) for name in "gdtr gdtrc fdtr fdtrc".split()],
    *[(name, (HALF, np.array([0.0, 1e-3, -1e-3, -0.1, 2.0]))) for name in "boxcox inv_boxcox".split()],
    *[(name, (HALF, MIXED)) for name in "boxcox1p powm1 pseudo_huber".split()],
    *[(name, (np.array([-0.7, 0.0, 1.0, 2.3, 4.0]), HALF)) for name in ("kv", "kve")],
    ("fdtri", (HALF + 1, OTHERS + 2, FIVE)),
    ("binom", (HALF + 2, SHAPES)),
    ("stdtr", (np.array([0.7, 2.5, 28.0, 32.0, 40.0]), np.array([-2.3, 0.4, -1.2, 0.9, 2.1]))),
    ("stdtrit", (HALF + 1, FIVE - 0.02)),
    ("zeta", (HALF + 1.1, SHAPES)),
    ("owens_t", (LINE, LINE[::-1].copy())),
]
IDS = [f"{name}-{i}" for i, (name, _) in enumerate(ROWS)]
# where the composition here is of another algorithm than SciPy's function
LOOSER = {"fdtri": 1e-11}


@pytest.mark.parametrize(("name", "arrays"), ROWS, ids=IDS)
def test_value_and_derivatives(name: str, arrays: tuple[np.ndarray, ...]) -> None:
    function = getattr(special, name)
    found = function(*map(ag.asarray, arrays))
    np.testing.assert_allclose(host(found), getattr(scipy_special, name)(*arrays), rtol=LOOSER.get(name, 1e-12), atol=1e-15, strict=True)
    check(function, *arrays)


@pytest.mark.parametrize(("name", "arrays"), ROWS, ids=IDS)
def test_single_precision_is_kept(name: str, arrays: tuple[np.ndarray, ...]) -> None:
    xs = [ag.tensor(a, dtype=ag.float32, requires_grad=True) for a in arrays]
    y = getattr(special, name)(*xs)
    assert y.dtype == ag.float32
    np.testing.assert_allclose(host(y), getattr(scipy_special, name)(*arrays), rtol=2e-4, atol=1e-5)
    first = ag.autograd.grad(ag.sum(y), xs, create_graph=True)
    second = ag.autograd.grad(sum(ag.sum(g) for g in first), xs)
    assert {t.dtype for t in (*first, *second)} == {np.dtype("float32")}


# with arguments that are not differentiated: a function of the module, of what makes arrays for it, and of what is
# differentiated; samples of these
ORDERS, COUNTS, TRIALS, INTEGERS = np.array([0.0, 0.5, 1.0, 2.3, 4.0]), np.array([0, 1, 3, 2, 6]), np.array([4, 5, 9, 3, 8]), np.arange(5)
TABLE, WEIGHTS = LINE[:6].reshape(2, 3), np.array([[1.0, -2.0, 0.5], [0.25, 1.0, 3.0]])
PARTIAL: list[tuple[str, Callable[..., Any], tuple[np.ndarray, ...]]] = [
    *[(f"polygamma-{n}", lambda m, c, x, n=n: m.polygamma(n, x), (HALF,)) for n in range(4)],
    *[(f"{n}-order", lambda m, c, x, n=n: getattr(m, n)(c(ORDERS), x), (HALF,)) for n in "jv yv iv kv ive kve".split()],
    *[(f"{n}-number", lambda m, c, x, n=n: getattr(m, n)(2, x), (LINE,)) for n in "jv iv ive".split()],
    *[(n, lambda m, c, x, n=n: getattr(m, n)(c(INTEGERS), x), (HALF,)) for n in "yn expn".split()],
    *[(n, lambda m, c, x, n=n: getattr(m, n)(c(COUNTS), c(TRIALS), x), (FIVE,)) for n in "nbdtr nbdtrc nbdtri".split()],
    *[(n, lambda m, c, x, n=n: getattr(m, n)(c(COUNTS[:4]), c(TRIALS[:4]), x), (FIVE[:4],)) for n in "bdtr bdtrc bdtri".split()],
    *[(n, lambda m, c, x, n=n: getattr(m, n)(c(COUNTS), x), (FIVE,)) for n in "pdtr pdtrc pdtri".split()],
    *[(f"{n}-numbers", lambda m, c, x, n=n: getattr(m, n)(2, 5, x), (FIVE,)) for n in "bdtr bdtrc bdtri nbdtr nbdtrc nbdtri".split()],
    *[(f"{n}-{i}", lambda m, c, x, n=n, i=i: getattr(m, n)(x)[i], (HALF,)) for n in "sici shichi fresnel".split() for i in (0, 1)],
    *[(n, lambda m, c, x, n=n: getattr(m, n)(x, 0.4), (HALF,)) for n in "ellipkinc ellipeinc".split()],
    ("yn-below", lambda m, c, x: m.yn(c(-INTEGERS), x), (HALF,)),
    ("radian", lambda m, c, d, minutes, s: m.radian(d, minutes, s), (LINE, 2 * LINE, LINE[::-1].copy())),
    ("hyp1f1", lambda m, c, x: m.hyp1f1(c(ORDERS + 0.1), 1.7, x), (HALF,)),
    ("lpmv", lambda m, c, x: m.lpmv(1, c(ORDERS + 1), x), (FIVE - 0.4,)),
    ("gammasgn", lambda m, c, x: m.gammasgn(x), (BELOW,)),
    ("multigammaln", lambda m, c, x: m.multigammaln(x, 3), (HALF + 1,)),
    ("gammainc-number", lambda m, c, x: m.gammainc(2, x), (HALF,)),
    ("chdtr-number", lambda m, c, x: m.chdtr(3, x), (HALF,)),
    ("zeta", lambda m, c, q: m.zeta(3.5, q), (HALF,)),
    ("huber-number", lambda m, c, r: m.huber(1.0, r), (LINE,)),
    ("logsumexp-axis", lambda m, c, x: m.logsumexp(x, axis=(0, -1), keepdims=True), (TABLE.reshape(2, 1, 3),)),
    ("logsumexp-1", lambda m, c, x: m.logsumexp(x, axis=1), (TABLE,)),
    ("logsumexp-b", lambda m, c, x, b: m.logsumexp(x, axis=1, b=b), (TABLE, WEIGHTS + 2)),
    ("logsumexp-b-zero", lambda m, c, x, b: m.logsumexp(x, axis=1, b=b), (TABLE, np.array([[0.0, 1.0, 2.0], [3.0, 0.0, 1.0]]))),
    ("logsumexp-b-broadcast", lambda m, c, x, b: m.logsumexp(x, axis=0, b=b), (TABLE, np.array([1.0, 2.0, 3.0]))),
    ("logsumexp-b-number", lambda m, c, x: m.logsumexp(x, b=2), (TABLE,)),
    ("logsumexp-sign", lambda m, c, x, b: m.logsumexp(x, axis=1, b=b, return_sign=True)[0], (TABLE, WEIGHTS)),
    ("logsumexp-sign-of", lambda m, c, x, b: m.logsumexp(x, b=b, keepdims=True, return_sign=True)[1], (TABLE, WEIGHTS)),
    ("logsumexp-sign-plain", lambda m, c, x: m.logsumexp(x, axis=0, return_sign=True)[0], (TABLE,)),
    ("softmax-axis", lambda m, c, x: m.softmax(x, axis=-1), (TABLE,)),
    ("log_softmax-axis", lambda m, c, x: m.log_softmax(x, axis=0), (TABLE,)),
]


@pytest.mark.parametrize(("name", "function", "arrays"), PARTIAL, ids=[row[0] for row in PARTIAL])
def test_partial(name: str, function: Callable[..., Any], arrays: tuple[np.ndarray, ...]) -> None:
    found = function(special, ag.asarray, *map(ag.asarray, arrays))
    np.testing.assert_allclose(host(found), function(scipy_special, np.asarray, *arrays), rtol=1e-12, atol=1e-15, strict=True)
    check(lambda *xs: function(special, ag.asarray, *xs), *arrays)


@pytest.mark.parametrize(("name", "function", "arrays"), PARTIAL, ids=[row[0] for row in PARTIAL])
def test_partial_in_single_precision(name: str, function: Callable[..., Any], arrays: tuple[np.ndarray, ...]) -> None:
    xs = [ag.tensor(a, dtype=ag.float32, requires_grad=True) for a in arrays]
    y = function(special, lambda a: ag.asarray(a, dtype=ag.float32 if a.dtype.kind == "f" else None), *xs)
    assert y.dtype == ag.float32
    np.testing.assert_allclose(host(y), function(scipy_special, np.asarray, *arrays), rtol=2e-4, atol=1e-5)
    assert all(g.dtype == ag.float32 for g in ag.autograd.grad(ag.sum(y), xs))


# what has no derivative: a function of the argument, its name
MISSING: list[tuple[str, Callable[[Any], Any], str]] = [
    *[(n, lambda v, n=n: getattr(special, n)(v, 1.5), "v") for n in "jv yv iv ive".split()],
    ("hyp1f1", lambda a: special.hyp1f1(a, 2.0, 0.5), "a"),
    ("hyp1f1", lambda b: special.hyp1f1(2.0, b, 0.5), "b"),
    ("lpmv", lambda v: special.lpmv(1, v, 0.5), "v"),
    ("yn", lambda n: special.yn(n, 1.5), "n"),
    ("expn", lambda n: special.expn(n, 1.5), "n"),
    ("ellipkinc", lambda m: special.ellipkinc(0.5, m), "m"),
    ("ellipeinc", lambda m: special.ellipeinc(0.5, m), "m"),
    ("digamma", lambda x: special.digamma(x + 0j), "x"),
]


@pytest.mark.parametrize(("name", "function", "argument"), MISSING, ids=[f"{row[0]}-{row[2]}" for row in MISSING])
def test_missing_derivatives_raise_in_backward(name: str, function: Callable[[Any], Any], argument: str) -> None:
    y = function(ag.tensor([1.0, 2.0], dtype=ag.float64, requires_grad=True))
    with pytest.raises(NotImplementedError, match=f"^{name}: .*`{argument}`"):
        ag.sum(ag.real(y)).backward()


COMPLEX = "dawsn erf erfc erfcx erfi exp1 expi expit log_ndtr logsumexp spence wofz wrightomega".split()


@pytest.mark.parametrize("name", [*COMPLEX, "gamma", "loggamma", "rgamma", "digamma"])
def test_complex(name: str) -> None:
    z = (LINE + 1j * LINE[::-1]) / 2
    found = getattr(special, name)(ag.asarray(z))
    np.testing.assert_allclose(host(found), 1 / (1 + np.exp(-z)) if name == "expit" else getattr(scipy_special, name)(z), rtol=1e-12)
    if name != "digamma":  # of which there is no derivative; so the others of its family have a first one only
        check(getattr(special, name), z, second=name in COMPLEX)


@pytest.mark.parametrize("name", "jv iv yv kv kve".split())
def test_complex_argument_of_a_real_order(name: str) -> None:
    z = (LINE + 1j * LINE[::-1]) / 2
    function = getattr(special, name)
    np.testing.assert_allclose(host(function(1.5, ag.asarray(z))), getattr(scipy_special, name)(1.5, z), rtol=1e-12)
    check(lambda z: function(1.5, z), z)


def test_complex_logsumexp_and_xlogy() -> None:
    z = (LINE + 1j * LINE[::-1]) / 2
    weights = ag.asarray(np.abs(LINE))
    np.testing.assert_allclose(host(special.logsumexp(ag.asarray(z), b=weights)), scipy_special.logsumexp(z, b=np.abs(LINE)), rtol=1e-12)
    check(lambda z: special.logsumexp(z, b=weights), z)
    check(lambda z: special.logsumexp(z, return_sign=True)[1], z)
    check(special.xlogy, z, z[::-1].copy())


def test_names() -> None:
    """SciPy has them all; two are the main namespace's own. Others do not exist."""
    assert [name for name in special.__all__ if not hasattr(scipy_special, name)] == []
    assert dir(special) == special.__all__
    assert (special.expm1, special.log1p) == (ag.expm1, ag.log1p)
    assert not hasattr(special, "no_such_function")


def test_chapters_are_imported_when_they_are_used() -> None:
    program = (
        "import sys, anygrad; loaded = lambda: 'anygrad.ops.special.bessel' in sys.modules; before = loaded(); anygrad.special.j0; print(before, loaded())"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.split() == ["False", "True"]


def test_what_scipys_array_layer_dispatches_is_there() -> None:
    dispatched = pytest.importorskip("scipy.special._support_alternative_backends").__all__
    assert len(dispatched) > 70
    assert [name for name in dispatched if name not in special.__all__] == []


def test_left_of_zero() -> None:
    """The second derivative of gammaln by reflection; beyond it libraries have NaN there."""
    check(special.digamma, BELOW, second=False)
    found = special.polygamma(1, ag.asarray([0.0, -1.0, -1.5], dtype=ag.float64))
    np.testing.assert_allclose(host(found), [INF, INF, 9.37924664484954])


# name, arguments, values, gradients: PyTorch's
EDGES: list[tuple[str, list[list[float]], list[float], list[list[float]]]] = [
    ("xlogy", [[0, 0, 0, 0, 0], [0, 2, -1, NAN, INF]], [0, 0, 0, NAN, 0], [[0, np.log(2), 0, NAN, INF], [NAN, 0, 0, NAN, 0]]),
    ("xlog1py", [[0, 0, 0, 0, 0], [-1, 2, -2, NAN, INF]], [0, 0, 0, NAN, 0], [[0, np.log(3), 0, NAN, INF], [NAN, 0, 0, NAN, 0]]),
    ("logit", [[0, 1, 0.5, -1, 2, NAN]], [-INF, INF, 0, NAN, NAN, NAN], [[INF, INF, 4, NAN, NAN, NAN]]),
    ("entr", [[0, 1, -1, NAN]], [0, 0, -INF, NAN], [[INF, -1, NAN, NAN]]),
    ("expit", [[-1000, 1000, -INF, INF, 0, NAN]], [0, 1, 0, 1, 0.5, NAN], [[0, 0, 0, 0, 0.25, NAN]]),
    ("log_expit", [[-1000, 1000, -INF, INF, 0, NAN]], [-1000, 0, -INF, 0, -np.log(2), NAN], [[1, 0, 1, 0, 0.5, NAN]]),
    ("sinc", [[0, NAN, 1]], [1, NAN, 0], [[0, NAN, -1]]),
    ("softmax", [[-INF, -INF]], [NAN, NAN], [[NAN, NAN]]),
    ("softmax", [[INF, 0]], [NAN, NAN], [[NAN, NAN]]),
    ("softmax", [[-INF, 1]], [0, 1], [[0, 0]]),
    ("softmax", [[]], [], [[]]),
    ("log_softmax", [[INF, INF]], [NAN, NAN], [[NAN, NAN]]),
    ("log_softmax", [[-INF, 1]], [-INF, 0], [[1, -1]]),
    ("logsumexp", [[-INF, -INF]], [-INF], [[NAN, NAN]]),
    ("logsumexp", [[INF, 0]], [INF], [[NAN, 0]]),
    ("logsumexp", [[-INF, 1]], [1], [[0, 1]]),
    ("logsumexp", [[NAN, 1]], [NAN], [[NAN, NAN]]),
    ("logsumexp", [[]], [-INF], [[]]),
    ("i0", [[0]], [1], [[0]]),
    ("i1", [[0]], [0], [[0.5]]),
    ("i0e", [[0]], [1], [[0]]),
    ("i1e", [[0]], [0], [[0.5]]),
    ("j1", [[0]], [0], [[0.5]]),
    ("erfinv", [[-1, 1]], [-INF, INF], [[INF, INF]]),
    ("log_ndtr", [[-1000, 50]], [float(scipy_special.log_ndtr(-1000)), 0], [[1000.000999998, 0]]),
]


@pytest.mark.parametrize(("name", "arguments", "values", "gradients"), EDGES, ids=[f"{row[0]}-{i}" for i, row in enumerate(EDGES)])
def test_edges(name: str, arguments: list[list[float]], values: list[float], gradients: list[list[float]]) -> None:
    xs = [ag.tensor(a, dtype=ag.float64, requires_grad=True) for a in arguments]
    y = getattr(special, name)(*xs)
    np.testing.assert_allclose(host(y).reshape(-1), values, rtol=1e-12, atol=1e-16)
    # log_softmax: not a sum, of which the gradient is 0
    seed = ag.asarray([1.0, 2.0], dtype=ag.float64) if name == "log_softmax" else ag.ones_like(y)
    wanted = [[1.0, -1.0]] if name == "log_softmax" and np.isfinite(gradients[0]).all() else gradients
    for g, g0 in zip(ag.autograd.grad(y, xs, seed), wanted, strict=True):
        np.testing.assert_allclose(host(g), g0, rtol=1e-9, atol=1e-12)


def test_weighted_logsumexp_at_its_edges() -> None:
    """What weighs nothing does not count, also where its exponential would overflow; a negative sum has no logarithm."""
    cases = [
        ([INF, 0.0], [0.0, 1.0]),
        ([1e4, 3.0, 2.0], [0.0, 1.0, 2.0]),
        ([-INF, -INF], [1.0, 2.0]),
        ([1.0, 2.0], [-1.0, 0.5]),
        ([INF, 0.0], [-1.0, 1.0]),
        ([], []),
    ]
    for x, b in cases:
        value, sign = special.logsumexp(ag.asarray(x, dtype=ag.float64), b=ag.asarray(b, dtype=ag.float64), return_sign=True)
        if x:
            expected = scipy_special.logsumexp(np.array(x), b=np.array(b), return_sign=True)
            np.testing.assert_allclose([host(value), host(sign)], expected, rtol=1e-13)
        else:
            np.testing.assert_array_equal([host(value), host(sign)], [-INF, 0])
    assert np.isnan(host(special.logsumexp(ag.asarray([1.0, 2.0]), b=ag.asarray([1.0, -1.0]))))
    x, b = ag.tensor([1e4, 0.0, 1.0], dtype=ag.float64, requires_grad=True), ag.tensor([0.0, 0.0, 2.0], dtype=ag.float64, requires_grad=True)
    by_x, by_b = ag.autograd.grad(special.logsumexp(x, b=b), [x, b])
    np.testing.assert_allclose(host(by_x), [0, 0, 1])
    np.testing.assert_allclose(host(by_b)[1:], [np.exp(-1.0) / 2, 0.5])


@pytest.mark.parametrize(
    ("name", "arrays"),
    [
        ("betaincc", (HALF, OTHERS, FIVE)),
        ("betainccinv", (HALF + 0.5, OTHERS + 0.5, FIVE)),
        ("ellipe", (UNIT,)),
        ("powm1", (LINE[3:], LINE[3:])),
        ("stdtr", (HALF, np.array([-30.0, -1.1, 0.0, 1e-3, 3.0]))),
        ("stdtrit", (HALF, FIVE)),
    ],
)
def test_functions_made_of_others(name: str, arrays: tuple[np.ndarray, ...]) -> None:
    """What CuPy lacks, computed as it is there."""
    found = MADE_OF_OTHERS[name](_backends.load("numpy"), *arrays)
    np.testing.assert_allclose(found, getattr(scipy_special, name)(*arrays), rtol=1e-11, atol=1e-15)


def test_a_function_that_the_backend_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_backends.load("numpy"), "load_special", lambda: types.SimpleNamespace())
    with pytest.raises(NotImplementedError, match=r'special.dawsn: the numpy backend has no such function.*\.to\("cpu"\)'):
        special.dawsn(ag.asarray([0.5]))


def test_entropies_outside_their_domain() -> None:
    x, y = ag.asarray([0.0, 0.0, 1.0, -1.0, 1.0, NAN]), ag.asarray([0.0, 1.0, 0.0, 1.0, -1.0, 1.0])
    np.testing.assert_array_equal(host(special.rel_entr(x, y)), scipy_special.rel_entr(host(x), host(y)))
    np.testing.assert_array_equal(host(special.kl_div(x, y)), scipy_special.kl_div(host(x), host(y)))
    np.testing.assert_array_equal(host(special.huber(ag.asarray(-1.0), ag.asarray([0.0, 2.0]))), [INF, INF])


def _sinc_by_integration(x: np.ndarray, order: int) -> np.ndarray:
    """The derivative of sinc is an integral of t**order cos(pi x t + order pi / 2) over [0, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(40)
    t = (nodes + 1) / 2
    return np.asarray([np.sum(weights / 2 * (np.pi * t) ** order * np.cos(np.pi * y * t + order * np.pi / 2)) for y in x])


def test_accurate_far_out_and_near_zero() -> None:
    x = ag.tensor([40.0, -800.0], dtype=ag.float64, requires_grad=True)
    y = special.log_expit(x)
    np.testing.assert_allclose(host(y), [-np.exp(-40.0), -800.0], rtol=1e-14)
    np.testing.assert_allclose(host(ag.autograd.grad(ag.sum(y), x)[0]), [np.exp(-40.0), 1.0], rtol=1e-14)
    t = np.array([1e-12, 1e-8, 1e-4])
    x = ag.tensor(t, requires_grad=True)
    (first,) = ag.autograd.grad(ag.sum(special.sinc(x)), x, create_graph=True)
    (second,) = ag.autograd.grad(ag.sum(first), x, create_graph=True)
    (third,) = ag.autograd.grad(ag.sum(second), x)
    np.testing.assert_allclose(host(first), -(np.pi**2) * t / 3, rtol=1e-6)
    np.testing.assert_allclose(host(second), -(np.pi**2) / 3, rtol=1e-6)
    np.testing.assert_allclose(host(third), np.pi**4 * t / 5, rtol=1e-6)
    for orders in range(1, 6):  # the series and the recurrence meet
        meet = np.array([0.9, 1.1]) * orders / np.pi
        found = _sinc(ag.asarray(meet), order=orders)
        np.testing.assert_allclose(host(found), _sinc_by_integration(meet, orders), rtol=1e-11)


@pytest.mark.parametrize(("name", "third"), [("j1", -3 / 8), ("i1", 3 / 8)])
def test_bessel_functions_near_zero(name: str, third: float) -> None:
    t = np.array([0.0, 1e-9, 1e-6, 1e-3, -1e-3])
    x = ag.tensor(t, requires_grad=True)
    (first,) = ag.autograd.grad(ag.sum(getattr(special, name)(x)), x, create_graph=True)
    (second,) = ag.autograd.grad(ag.sum(first), x, create_graph=True)
    np.testing.assert_allclose(host(first), 0.5, rtol=1e-6)
    np.testing.assert_allclose(host(second), third * t, rtol=1e-5)
    np.testing.assert_allclose(host(ag.autograd.grad(ag.sum(second), x)[0]), third, rtol=1e-5)


@pytest.mark.parametrize("kind", ["j", "i", "ie"])
@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_reduced_bessel_functions(kind: str, n: int) -> None:
    x = np.array([-12.0, -n - 0.01, -n + 0.01, 0.3, n - 0.01, n + 0.01, 9.0])
    whole = {"j": scipy_special.jv, "i": scipy_special.iv, "ie": scipy_special.ive}[kind]
    np.testing.assert_allclose(host(bessel._reduced(ag.asarray(x), n=n, kind=kind)), whole(n, x) / x**n, rtol=1e-10)


@pytest.mark.parametrize(("name", "arrays"), ROWS, ids=IDS)
def test_every_library(name: str, arrays: tuple[np.ndarray, ...], make: Any, device: Any, library: str) -> None:
    if library == "cupy" and name in ABSENT_FROM_SPECIAL:
        pytest.skip("CuPy has no such function")
    function = getattr(special, name)
    found = function(*map(make, arrays))
    assert found.device == device
    np.testing.assert_allclose(host(found), host(function(*map(ag.asarray, arrays))), rtol=1e-10, atol=1e-15, strict=True)
    seed = np.linspace(0.5, 1.5, host(found).size).reshape(found.shape)
    for other, plain in zip(_gradients(function, arrays, seed, make), _gradients(function, arrays, seed, ag.tensor), strict=True):
        np.testing.assert_allclose(other, plain, rtol=1e-9, atol=1e-12, strict=True)


@pytest.mark.parametrize(("name", "function", "arrays"), PARTIAL, ids=[row[0] for row in PARTIAL])
def test_every_library_partial(name: str, function: Callable[..., Any], arrays: tuple[np.ndarray, ...], make: Any, library: str) -> None:
    if library == "cupy" and name.partition("-")[0] in ABSENT_FROM_SPECIAL:
        pytest.skip("CuPy has no such function")

    def on(library_make: Any) -> Callable[..., Any]:
        return lambda *xs: function(special, library_make, *xs)

    plain = host(on(ag.asarray)(*map(ag.asarray, arrays)))
    found = on(make)(*map(make, arrays))
    np.testing.assert_allclose(host(found), plain, rtol=1e-10, atol=1e-15, strict=True)
    seed = np.linspace(0.5, 1.5, plain.size).reshape(plain.shape)
    for other, wanted in zip(_gradients(on(make), arrays, seed, make), _gradients(on(ag.tensor), arrays, seed, ag.tensor), strict=True):
        np.testing.assert_allclose(other, wanted, rtol=1e-9, atol=1e-12, strict=True)


def _gradients(function: Callable[..., Any], arrays: tuple[np.ndarray, ...], seed: np.ndarray, make: Any) -> list[np.ndarray]:
    """First and second derivatives."""
    xs = [make(a, requires_grad=True) for a in arrays]
    first = ag.autograd.grad(function(*xs), xs, make(seed), create_graph=True)
    total = sum(ag.sum(g * g) for g in first)
    return [host(g) for g in (*first, *(ag.autograd.grad(total, xs) if total.requires_grad else ()))]  # radian is linear


@pytest.mark.parametrize(("name", "arrays"), ROWS, ids=IDS)
def test_integers_are_computed_in_the_default_dtype(name: str, arrays: tuple[np.ndarray, ...]) -> None:
    xs = [ag.asarray([1, 2]) for _ in arrays]
    with np.errstate(all="ignore"):
        y, wanted = getattr(special, name)(*xs), getattr(special, name)(*[ag.astype(x, ag.float32) for x in xs])
    assert y.dtype == ag.float32
    np.testing.assert_allclose(host(y), host(wanted), rtol=1e-6)


def test_without_scipy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what to install, and what is made of the standard's functions works all the same."""
    for module in [m for m in sys.modules if m.split(".")[0] == "scipy"]:
        monkeypatch.setitem(sys.modules, module, None)
    x = ag.tensor([0.5], requires_grad=True)
    with pytest.raises(ImportError, match="pip install scipy"):
        special.erf(x)
    for name in ("expit", "logit", "log_expit", "softplus", "entr", "sinc", "exprel", "cosm1", "logsumexp", "softmax", "log_softmax"):
        ag.sum(getattr(special, name)(x)).backward()
    for name in ("xlogy", "xlog1py", "rel_entr", "kl_div", "huber"):
        ag.sum(getattr(special, name)(x, x)).backward()
