"""Derivatives of special functions with respect to their parameters: reference numbers, edges, limits.

The numbers were computed with mpmath 1.3, at 30 digits: for gammainc and betainc the density times the derivatives of
its logarithm (log t - digamma(a), ...), integrated over the tail that x cuts off by `mpmath.quad` in log t or in
log(t / (1 - t)), between a dozen points up to where it has fallen to exp(-90); for stdtr the same in log t; for zeta by
`mpmath.zeta(x, q, n)` at 60 digits; for kv t**n times the integrand of DLMF 10.32.9, by `mpmath.quad` at 40 digits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from derivatives import host

import anygrad as ag
from anygrad import special

pytest.importorskip("scipy.special", reason="scipy is not installed")

INF, NAN = float("inf"), float("nan")

# a, x, first and second derivative of gammainc by a
GAMMAINC = [
    (0.001, 1e-08, -17.5294998590612, 311.2023492820536),
    (0.001, 0.5, -0.5603594001080031, -0.5848512398697082),
    (0.02, 1.5, -0.1053664202617574, -0.2679123264444747),
    (0.3, 150.0, -6.096533875244034e-67, -4.317849398922898e-66),
    (1.0, 1.0, -0.4317297106348987, 0.0336180352999592),
    (4.0, 4.5, -0.1864671069652924, -0.02143604912207042),
    (17.0, 5.0, -2.52907465027845e-5, 3.110588011119245e-5),
    (130.0, 130.0, -0.03501199464481554, 1.728616323287392e-7),
    (1000.0, 700.0, -3.65158894415994e-27, 1.302538904471268e-27),
    (1000.0, 1100.0, -0.0001104898778407939, -1.053167847157456e-5),
    (10000.0, 9900.0, -0.002423753368326244, 2.435974039604132e-5),
    (10000.0, 10200.0, -0.00054881723498989, -1.086811326835641e-5),
    (1000000.0, 1001000.0, -0.000241930409524133, -2.418095450330418e-7),
]
# a, b, x, derivatives of betainc by a, by b, twice by a, by a and b, twice by b
BETAINC = [
    (0.001, 0.001, 1e-08, -254.4788307682101, 245.4381945864783, 254645.3642669069, -4520.333518316523, -245436.5843801619),
    (0.001, 0.5, 0.9, -0.6530434139737397, 0.00278031593604275, 1.8516955366207, 2.773186500727152, -0.01438475060035278),
    (0.05, 100.0, 0.0001, -3.359968859778842, 0.0004057621511787876, 12.61835407169646, 0.00644477948866978, -3.913649047182938e-6),
    (0.5, 0.5, 0.5, -0.5831218080616376, 0.5831218080616376, 0.9442959579270792, 0.0, -0.9442959579270792),
    (1.0, 2.5, 0.999, -5.311544153949054e-8, 2.184424020063545e-7, -4.764521103172404e-8, 3.564642251839074e-7, -1.508946655612933e-6),
    (2.5, 0.001, 0.3, -3.980461714517868e-5, 0.02530639606312329, 6.631183550177149e-5, -0.03983387927850135, 0.05200991989147622),
    (10.0, 4.0, 0.6, -0.05018985903578035, 0.09962277485460299, 0.01251114808806855, -0.01980635036330226, 0.02604440185881294),
    (100.0, 0.05, 0.9999, -0.0004057621511787858, 3.359968859778913, 3.913649047182916e-6, -0.006444779488669707, -12.61835407169712),
    (1000.0, 10000.0, 0.08, -2.486122221389605e-6, 2.319540703641156e-7, 3.180597019178276e-7, -2.955658282116844e-8, 2.745794918346395e-9),
    (10000.0, 10000.0, 0.51, -5.111772459437201e-5, 5.215046675968456e-5, -1.009713473207539e-6, 1.032720646701465e-6, -1.056192638101885e-6),
    (10000.0, 2.5, 0.9998, -5.759108294682447e-5, 0.2745235281057925, 2.881353975494308e-9, 5.678175594386819e-7, -0.06702719164388347),
    (1000000.0, 1000.0, 0.999, -1.260201668425945e-5, 0.01259781097236424, 2.519145653490522e-11, -1.888518895313431e-8, 1.257892837633654e-5),
]
# x, q, first and second derivative of zeta by x
ZETA = [
    (1.000001, 1.0, -1000000000164.46, 2.0000000004936e18),
    (1.3, 0.001, 54859.20854367513, 379104.3267754649),
    (2.0, 1.0, -0.9375482543158438, 1.989280234298901),
    (3.5, 20.0, -0.0008022791323221966, 0.002742565950950507),
    (7.0, 0.7, 4.316917523594931, 1.552811928947931),
    (40.0, 1.5, -3.66693428002667e-8, 1.486813909935122e-8),
    (2.0, 10000.0, -0.001021080090351202, 0.01052552921561285),
]
# x, derivative of Riemann's zeta
RIEMANN = [
    (-30.5, -474329500.7901791),
    (-10.0, -0.01892992633814037),
    (-1.9999, -0.03045503382609062),
    (-0.5, -0.3608543395999476),
    (0.0, -0.9189385332046727),
    (0.999, -999999.9271744634),
    (1.001, -999999.9271940662),
    (5.0, -0.02857378050946295),
]
# df, t, derivative of stdtr by df
STDTR = [
    (0.1, -3.0, -0.8878383270343449),
    (1.0, -1e-06, -6.148065706078881e-8),
    (2.5, -40.0, -0.0002054520947157857),
    (10.0, -1.0, -0.001147975951113245),
    (29.0, -1.5, -0.0001850053508326083),
    (31.0, -1.5, -0.0001620610356751285),
    (100.0, -8.0, -6.1543590971261e-14),
    (10000.0, -0.3, -3.117761841632874e-10),
    (10000.0, -1.7, -1.55485468178158e-9),
    (1000000.0, -3.0, -3.323929851838475e-14),
]
# v, x, first and second derivative of kv by v
KV = [
    (1e-06, 1e-10, 0.004168398217732235, 4168.398218187555),
    (0.01, 3.0, 0.0001011885237602126, 0.01011912646288513),
    (0.5, 0.3, 1.403480516716853, 3.752433276068169),
    (2.5, 150.0, 1.244194418726727e-68, 5.18299454096723e-69),
    (10.0, 1.0, 532737284.2247357, 1589375707.412645),
    (50.0, 20.0, 674634923833.5309, 1113161141457.271),
    (300.0, 150.0, 2.608919142806766e41, 3.768248320801142e41),
    (1000.0, 1000.0, 1.143857344962354e-233, 1.008797731382239e-233),
]


def derivatives(function: Callable[..., Any], columns: list[np.ndarray], wrt: list[int]) -> tuple[list[np.ndarray], list[list[np.ndarray]]]:
    """The first derivatives of an elementwise function by some arguments, and the second ones."""
    xs = [ag.tensor(c, requires_grad=i in wrt) for i, c in enumerate(columns)]
    live = [xs[i] for i in wrt]
    first = ag.autograd.grad(ag.sum(function(*xs)), live, create_graph=True)
    second = [ag.autograd.grad(ag.sum(g), live, retain_graph=True) for g in first]
    return [host(g) for g in first], [[host(h) for h in row] for row in second]


def test_gammainc() -> None:
    a, x, first, second = np.array(GAMMAINC).T
    for function, sign in ((special.gammainc, 1), (special.gammaincc, -1)):
        (found,), ((found2,),) = derivatives(function, [a, x], [0])
        np.testing.assert_allclose(found, sign * first, rtol=2e-12)
        np.testing.assert_allclose(found2, sign * second, rtol=1e-11, atol=1e-16)  # they change their sign near a = x


def test_betainc() -> None:
    a, b, x, *expected = np.array(BETAINC).T
    for function, sign in ((special.betainc, 1), (special.betaincc, -1)):
        (by_a, by_b), ((aa, ab), (ba, bb)) = derivatives(function, [a, b, x], [0, 1])
        for found, wanted in zip((by_a, by_b, aa, ab, bb), expected, strict=True):
            np.testing.assert_allclose(found, sign * wanted, rtol=2e-11, atol=1e-15)
        np.testing.assert_array_equal(ab, ba)


def test_zeta() -> None:
    x, q, first, second = np.array(ZETA).T
    (found,), ((found2,),) = derivatives(special.zeta, [x, q], [0])
    np.testing.assert_allclose(found, first, rtol=1e-13)
    np.testing.assert_allclose(found2, second, rtol=1e-13)
    x, first = np.array(RIEMANN).T
    for function in (special.zeta, special.zetac):
        np.testing.assert_allclose(derivatives(function, [x], [0])[0][0], first, rtol=1e-12)


def test_stdtr() -> None:
    df, t, slope = np.array(STDTR).T
    leaf = ag.tensor(df, requires_grad=True)
    for sign in (1, -1):
        (found,) = ag.autograd.grad(ag.sum(special.stdtr(leaf, ag.asarray(sign * t))), leaf)
        np.testing.assert_allclose(host(found), sign * slope, rtol=1e-11)


def test_kv() -> None:
    v, x, first, second = np.array(KV).T
    (found,), ((found2,),) = derivatives(special.kv, [v, x], [0])
    np.testing.assert_allclose(found, first, rtol=1e-12)
    np.testing.assert_allclose(found2, second, rtol=1e-12)
    (scaled,), _ = derivatives(special.kve, [-v[:6], x[:6]], [0])  # beyond, exp(x) overflows
    np.testing.assert_allclose(scaled, -first[:6] * np.exp(x[:6]), rtol=1e-12)


# where the derivative by df comes from one formula or the other, and by gammainc or betainc from one tail or the other
SEAMS = [
    ("stdtr", [np.array([29.999999, 30.000001]), np.array([1.2, 1.2])], 0),
    ("stdtr", [np.array([50.0, 50.0]), np.array([1.5499999, 1.5500001])], 0),
    ("gammainc", [np.array([7.0, 7.0]), np.array([6.9999999, 7.0000001])], 0),
    ("gammainc", [np.array([0.2, 0.2]), np.array([0.9999999, 1.0000001])], 0),
    ("betainc", [np.array([3.0, 3.0]), np.array([2.0, 2.0]), np.array([0.5999999, 0.6000001])], 0),
    ("betainc", [np.array([3.0, 3.0]), np.array([2.0, 2.0]), np.array([0.5999999, 0.6000001])], 1),
    ("zeta", [np.array([-1.0000001, -0.9999999])], 0),
]


@pytest.mark.parametrize(("name", "columns", "wrt"), SEAMS)
def test_formulas_meet(name: str, columns: list[np.ndarray], wrt: int) -> None:
    leaves = [ag.tensor(c, requires_grad=i == wrt) for i, c in enumerate(columns)]
    (g,) = ag.autograd.grad(ag.sum(getattr(special, name)(*leaves)), leaves[wrt])
    before, after = host(g)
    assert before == pytest.approx(after, rel=2e-6)  # what it changes by itself in a step of 2e-7


# function, arguments, gradients by each of them: the limits
EDGES: list[tuple[str, list[list[float]], list[list[float]]]] = [
    (
        "gammainc",
        [[0, 0, 2, 2, -1, 2, NAN], [0.5, 1.5, 0, INF, 1, -1, 1]],
        [[-0.5597735947761608, -0.1000195824066327, 0, 0, NAN, NAN, NAN], [0, 0, 0, 0, NAN, NAN, NAN]],
    ),
    ("gammainc", [[0.5, 1, 3], [0, 0, 0]], [[0, 0, 0], [INF, 1, 0]]),
    ("gammaincc", [[INF, INF, INF, 0], [0, 2, INF, 0]], [[0, 0, NAN, NAN], [0, 0, NAN, NAN]]),
    (
        "betainc",
        [[2, 2, 1, 1, 0.5, -1, 2], [3, 3, 4, 4, 1, 1, 3], [0, 1, 0, 1, 0, 0.5, 1.5]],
        [[0, 0, 0, 0, 0, NAN, NAN], [0, 0, 0, 0, 0, NAN, NAN], [0, 0, 4, 0, INF, NAN, NAN]],
    ),
    ("bdtr", [[3, 0, 4], [3, 3, 3], [0.25, 0.25, 0.25]], [[0, 0, 0], [0, 0, 0], [0, -3 * 0.75**2, NAN]]),
    ("stdtr", [[2, 2, 2, -1, 2], [0, INF, -INF, 1, NAN]], [[0, 0, 0, NAN, NAN], [0.3535533905932738, 0, 0, NAN, NAN]]),
    ("stdtrit", [[2, 2], [0.5, 0.75]], [[0, -0.08069606834175673], [2.828427124746190, 4.354648431614539]]),
    ("rgamma", [[0, -1, -2, 1]], [[1, -1, 2, 0.5772156649015329]]),
    ("binom", [[3, 3, 200, 0], [5, -1, 203, 1]], [[-0.05, 0, 2.42653483788199e-7, 1], [0.05, 0.25, -2.42653483788199e-7, -1]]),
    ("poch", [[-2, 0, -1], [3, 1, 2.5]], [[2, 1, -np.sqrt(np.pi) / 2], [0, 0, 0]]),
    ("ellipk", [[0, 1, 2]], [[np.pi / 8, INF, NAN]]),
    ("ellipkm1", [[1, 0]], [[-np.pi / 8, -INF]]),
    ("ellipe", [[0, -0.1, 1]], [[-np.pi / 8, -0.3788310261203636, -INF]]),
    ("exprel", [[0, -INF, INF, -800]], [[0.5, 0, INF, 1 / 640000]]),
    ("spence", [[1, 1e-20]], [[-1, np.log(1e-20)]]),
    ("boxcox", [[2, 2], [0, 1]], [[0.5, 1], [np.log(2) ** 2 / 2, 2 * np.log(2) - 1]]),
    ("inv_boxcox", [[2, 2], [0, 1]], [[np.exp(2), 1], [-2 * np.exp(2), 3 * (2 / 3 - np.log(3))]]),
    ("pseudo_huber", [[1e3, 1], [1e-3, 0]], [[2.5e-22, 0], [1e-3, 0]]),
    ("cosm1", [[1e-9, 0]], [[-1e-9, 0]]),
    ("kv", [[0.0, 1.5, 1.5], [2.0, 0.0, -1.0]], [[0, NAN, NAN], [-0.1398658818165225, -INF, NAN]]),
    ("softplus", [[-1000, 1000, 0, NAN]], [[0, 1, 0.5, NAN]]),
    ("cbrt", [[0, -8]], [[INF, 1 / 12]]),
    ("gammasgn", [[-0.5, 1]], [[0, 0]]),
    ("erfcinv", [[0, 2, 1]], [[-INF, -INF, -np.sqrt(np.pi) / 2]]),
]


@pytest.mark.parametrize(("name", "arguments", "gradients"), EDGES, ids=[f"{row[0]}-{i}" for i, row in enumerate(EDGES)])
def test_edges(name: str, arguments: list[list[float]], gradients: list[list[float]]) -> None:
    xs = [ag.tensor(a, dtype=ag.float64, requires_grad=True) for a in arguments]
    y = getattr(special, name)(*xs)
    for g, wanted in zip(ag.autograd.grad(y, xs, ag.ones_like(y)), gradients, strict=True):
        np.testing.assert_allclose(host(g), wanted, rtol=1e-9, atol=1e-30)


@pytest.mark.parametrize(("name", "argument"), [("gammainc", "a"), ("betainc", "a"), ("stdtr", "df"), ("zeta", "x")])
def test_the_third_derivative_by_a_parameter_says_that_it_is_missing(name: str, argument: str) -> None:
    a = ag.tensor([2.5], dtype=ag.float64, requires_grad=True)
    g = getattr(special, name)(a, *([0.5, 0.5] if name == "betainc" else [0.5]))
    for _ in range(2):
        (g,) = ag.autograd.grad(ag.sum(g), a, create_graph=True)
    with pytest.raises(NotImplementedError, match=rf"^{name}: the third derivative with respect to `{argument}`"):
        ag.sum(g).backward()


@pytest.mark.parametrize(("name", "count"), [("gammainc", 2), ("gammaincinv", 2), ("betainc", 3), ("stdtr", 2), ("zeta", 2), ("chdtr", 2), ("fdtr", 3)])
def test_shapes(name: str, count: int) -> None:
    """Parameters broadcast; 0-d and empty arrays, numbers, integers."""
    function = getattr(special, name)
    shapes = [(3, 1), (4,), ()][:count]
    xs = [ag.full(shape, 0.75 + i / 8, dtype=ag.float64, requires_grad=True) for i, shape in enumerate(shapes)]
    if name == "zeta":
        xs[0] = ag.full((3, 1), 1.75, dtype=ag.float64, requires_grad=True)
    if count == 3:
        xs[2] = ag.full((), 0.4, dtype=ag.float64, requires_grad=True)
    y = function(*xs)
    assert y.shape == (3, 4)
    grads = ag.autograd.grad(ag.sum(y), xs)
    assert [g.shape for g in grads] == shapes
    flat = [ag.tensor(float(x.numpy(force=True).ravel()[0]), dtype=ag.float64, requires_grad=True) for x in xs]
    for g, one in zip(grads, ag.autograd.grad(function(*flat), flat), strict=True):
        np.testing.assert_allclose(np.sum(host(g)), 12 * host(one), rtol=1e-13)
    empty = [ag.zeros((0,), requires_grad=True) for _ in range(count)]
    assert [g.shape for g in ag.autograd.grad(ag.sum(function(*empty)), empty)] == [(0,)] * count
    number = function(flat[0], *[f.item() for f in flat[1:]])
    np.testing.assert_allclose(host(ag.autograd.grad(number, flat[0])[0]), host(ag.autograd.grad(function(*flat), flat[0])[0]), rtol=1e-14)


def test_parameters_of_other_dtypes() -> None:
    x = ag.tensor([0.5, 1.5], dtype=ag.float64, requires_grad=True)
    (g,) = ag.autograd.grad(ag.sum(special.gammainc(ag.asarray([1, 2]), x)), x)
    np.testing.assert_allclose(host(g), [np.exp(-0.5), 1.5 * np.exp(-1.5)], rtol=1e-14)
    a = ag.tensor([0.5, 1.5], dtype=ag.float32, requires_grad=True)
    (g,) = ag.autograd.grad(ag.sum(special.gammainc(a, ag.asarray([1.0, 2.0], dtype=ag.float64))), a)
    assert g.dtype == ag.float32
    narrow = ag.tensor(np.array([100.5, 9000.0], dtype=np.float32), requires_grad=True)
    wide = ag.tensor(np.array([100.5, 9000.0]), requires_grad=True)
    grads = [ag.autograd.grad(ag.sum(special.gammainc(a, a.detach() * 1.01)), a)[0] for a in (narrow, wide)]
    np.testing.assert_allclose(host(grads[0]), host(grads[1]), rtol=1e-3)  # 1.01 a is rounded to single precision
