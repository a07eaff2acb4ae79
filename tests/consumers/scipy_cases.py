"""Call patterns of SciPy."""

from __future__ import annotations

from typing import Any

import numpy as np
from patterns import Fixed, Table
from scipy import constants, differentiate, fft, integrate, interpolate, linalg, ndimage, optimize, signal, special, stats
from scipy.cluster import vq
from scipy.optimize import elementwise
from scipy.spatial import distance
from scipy.spatial.transform import RigidTransform, Rotation, Slerp

import anygrad as ag

TABLE = Table()
COMPILED = "SciPy does this in compiled code"
add = TABLE.add


def xp_of(x: Any) -> Any:
    return x.__array_namespace__()


# ---------------------------------------------------------------------------
# special
# ---------------------------------------------------------------------------


def of_special(name: str, *inputs: Any, function: Any = None, needs: str = "", **kwargs: Any) -> None:
    """A function that SciPy takes from `anygrad.special`; refused while that has none."""
    if not hasattr(ag.special, needs or name):
        kwargs["refused"] = "anygrad.special has no such function"
    add(f"special.{name}", function or getattr(special, name), *inputs, **kwargs)


for name in """cbrt cosdg cosm1 cotdg ellipk ellipkm1 entr erf erfc erfcx erfinv exp1 exp10 exp2 expi expit exprel gamma gammaln i0 i0e i1 i1e
j0 j1 k0 k0e k1 k1e log_ndtr loggamma logit ndtr ndtri psi digamma rgamma sinc sindg spence tandg y0 y1""".split():
    of_special(name, (4,), domain=(0.15, 0.85))
of_special("zetac", (3,), domain=(1.5, 3.0))
of_special("logsumexp", (3, 4), function=lambda x: special.logsumexp(x, axis=1))
add("special.logsumexp-all", special.logsumexp, (3, 4))
add("special.logsumexp-weights", lambda x, b: special.logsumexp(x, axis=0, b=b), (3, 4), (3, 4))
add("special.logsumexp-sign", lambda x, b: special.logsumexp(x, axis=0, b=b, return_sign=True)[0], (3, 4), [[1.0], [-0.2], [0.5]])
of_special("softmax", (3, 4), function=lambda x: special.softmax(x, axis=1))
of_special("log_softmax", (3, 4), function=lambda x: special.log_softmax(x, axis=0))
of_special("multigammaln", (3,), function=lambda x: special.multigammaln(x, 2), domain=(2, 4))
of_special("polygamma", (4,), function=lambda x: special.polygamma(1, x))
of_special("zeta", (4,), function=lambda q: special.zeta(xp_of(q).full_like(q, 2.5), q))
for name in "betaln binom boxcox boxcox1p inv_boxcox inv_boxcox1p huber kl_div poch pseudo_huber rel_entr xlog1py xlogy".split():
    of_special(name, (4,), (4,), domain=(0.3, 1.4))
for name, needs in {"gammainc": "", "gammaincc": "", "chdtr": "gammainc", "chdtrc": "gammaincc", "stdtr": "betainc"}.items():
    of_special(name, Fixed((4,)), (4,), needs=needs)
for name in "gammaincinv gammainccinv chdtri stdtrit".split():
    of_special(name, Fixed((4,)), (4,), domain=(0.3, 0.8), atol=1e-6)
for name in "betainc betaincc betaincinv fdtr fdtrc fdtri".split():
    of_special(name, Fixed((4,)), Fixed((4,)), (4,), domain=(0.2, 0.8))
of_special("hyp1f1", Fixed((4,)), Fixed((4,)), (4,))
of_special("gdtr", Fixed((4,)), Fixed((4,)), (4,))
of_special("gdtrc", Fixed((4,)), Fixed((4,)), (4,))
of_special("expn", [1, 2, 3], (3,))
of_special("yn", [0, 1, 2], (3,))
of_special("radian", (3,), (3,), (3,))
of_special("pdtr", Fixed(np.asarray([1.0, 2.0, 3.0])), (3,))
of_special("bdtr", Fixed(np.asarray([1.0, 2.0, 3.0])), [4, 4, 5], (3,), domain=(0.2, 0.8))


# ---------------------------------------------------------------------------
# stats
# ---------------------------------------------------------------------------

SAMPLE, ROWS = (9,), (3, 9)
ORDERED = np.asarray([0.3, 1.9, 0.7, 1.1, 2.6, 0.5, 3.1, 1.4, 2.2])  # far enough apart that no difference changes the order
LABELS = np.asarray([1.2, 0.9, 1.6, 0.2, 2.4, 1.8, 0.6, 3.3, 2.7])

for name in """describe.mean describe.variance describe.skewness describe.kurtosis gmean hmean kurtosis skew sem variation moment zscore gzscore
gstd tmean tvar tstd tsem tmin tmax iqr median_abs_deviation kstat kstatvar differential_entropy circmean circvar circstd trim_mean entropy""".split():
    function, _, part = name.partition(".")
    call = getattr(stats, function)
    extra: dict[str, Any] = {"moment": {"order": 3}, "trim_mean": {"proportiontocut": 0.2}, "differential_entropy": {"method": "vasicek"}}.get(function, {})
    add(f"stats.{name}", lambda x, call=call, part=part, extra=extra: getattr(call(x, **extra), part) if part else call(x, **extra), ORDERED)
for name in "gmean hmean kurtosis skew sem variation zscore circmean entropy median_abs_deviation".split():
    add(f"stats.{name}-axis", lambda x, call=getattr(stats, name): call(x, axis=1), ROWS)
for name in "gmean hmean".split():
    add(f"stats.{name}-weights", lambda x, w, call=getattr(stats, name): call(x, weights=w), SAMPLE, SAMPLE)
add("stats.pmean", lambda x: stats.pmean(x, 3), SAMPLE)
add("stats.pmean-weights", lambda x, w: stats.pmean(x, 2, weights=w), SAMPLE, SAMPLE)
add("stats.entropy-relative", lambda p, q: stats.entropy(p, q), SAMPLE, SAMPLE)
add("stats.moment-centre", lambda x, c: stats.moment(x, 2, center=c), SAMPLE, ())
add("stats.kurtosis-unbiased", lambda x: stats.kurtosis(x, bias=False), SAMPLE)
add("stats.skew-unbiased", lambda x: stats.skew(x, bias=False), SAMPLE)
add("stats.zmap", stats.zmap, (4,), SAMPLE)
add("stats.boxcox_llf", lambda x: stats.boxcox_llf(0.4, x), SAMPLE)
add("stats.yeojohnson_llf", lambda x: stats.yeojohnson_llf(0.4, x), SAMPLE)
add("stats.directional_stats", lambda x: stats.directional_stats(x).mean_direction, (5, 3))
add("stats.directional_stats-length", lambda x: stats.directional_stats(x).mean_resultant_length, (5, 3))
add("stats.ttest_1samp", lambda x: stats.ttest_1samp(x, 0.5).statistic, SAMPLE)
add("stats.ttest_ind", lambda x, y: stats.ttest_ind(x, y).statistic, SAMPLE, (7,))
add("stats.ttest_ind-welch", lambda x, y: stats.ttest_ind(x, y, equal_var=False).statistic, SAMPLE, (7,))
add("stats.ttest_rel", lambda x, y: stats.ttest_rel(x, y).statistic, SAMPLE, SAMPLE)
add("stats.ttest_ind_from_stats", lambda m, s: stats.ttest_ind_from_stats(m, s, 9, m + 0.3, s, 7).statistic, (2,), (2,))
add("stats.pearsonr", lambda x, y: stats.pearsonr(x, y).statistic, SAMPLE, SAMPLE)
add("stats.pearsonr-axis", lambda x, y: stats.pearsonr(x, y, axis=1).statistic, ROWS, ROWS)
add("stats.f_oneway", lambda x, y: stats.f_oneway(x, y).statistic, SAMPLE, (7,))
add("stats.bartlett", lambda x, y: stats.bartlett(x, y).statistic, SAMPLE, (7,))
add("stats.bartlett-pvalue", lambda x, y: stats.bartlett(x, y).pvalue, SAMPLE, (7,))
add("stats.levene", lambda x, y: stats.levene(x, y).statistic, ORDERED, (7,))
add("stats.alexandergovern", lambda x, y: stats.alexandergovern(x, y).statistic, SAMPLE, (7,))
add("stats.jarque_bera", lambda x: stats.jarque_bera(x).statistic, SAMPLE)
add("stats.jarque_bera-pvalue", lambda x: stats.jarque_bera(x).pvalue, SAMPLE)
add("stats.skewtest", lambda x: stats.skewtest(x).statistic, SAMPLE)
add("stats.skewtest-pvalue", lambda x: stats.skewtest(x).pvalue, SAMPLE)
add("stats.kurtosistest", lambda x: stats.kurtosistest(x).statistic, (24,))
add("stats.normaltest", lambda x: stats.normaltest(x).statistic, (24,))
add("stats.normaltest-pvalue", lambda x: stats.normaltest(x).pvalue, (24,))
add("stats.chisquare", lambda f: stats.chisquare(f).statistic, SAMPLE)
add("stats.chisquare-pvalue", lambda f: stats.chisquare(f).pvalue, SAMPLE)
for power in "pearson log-likelihood freeman-tukey mod-log-likelihood neyman cressie-read".split():
    add(f"stats.power_divergence-{power}", lambda f, power=power: stats.power_divergence(f, lambda_=power).statistic, SAMPLE)
for method in "fisher pearson mudholkar_george tippett stouffer".split():
    add(f"stats.combine_pvalues-{method}", lambda p, method=method: stats.combine_pvalues(p, method=method).statistic, (4,), domain=(0.1, 0.6))
add("stats.combine_pvalues-weights", lambda p, w: stats.combine_pvalues(p, method="stouffer", weights=w).pvalue, (4,), (4,), domain=(0.1, 0.6))
add("stats.false_discovery_control", stats.false_discovery_control, [0.01, 0.22, 0.03, 0.15], atol=1e-7)
for method in "linear hazen weibull median_unbiased".split():
    add(f"stats.quantile-{method}", lambda x, p, method=method: stats.quantile(x, p, method=method), ORDERED, Fixed([0.21, 0.55, 0.83]))
add("stats.quantile-probability", lambda x, p: stats.quantile(x, p), ORDERED, [0.21, 0.55, 0.83])
add("stats.quantile-axis", lambda x: stats.quantile(x, 0.3, axis=1), ROWS)
add("stats.lmoment", lambda x: stats.lmoment(x, order=2), ORDERED)
add("stats.sigmaclip", lambda x: stats.sigmaclip(x, 2.5, 2.5).clipped, SAMPLE)
add("stats.mood", lambda x, y: stats.mood(x, y).statistic, ORDERED, LABELS, refused="ranks are integers: they have no derivative", says="")
add("stats.epps_singleton_2samp", lambda x, y: stats.epps_singleton_2samp(x, y).statistic, SAMPLE, (7,))
add("stats.monte_carlo_test", lambda x: stats.monte_carlo_test(x, lambda size: np.random.default_rng(1).normal(size=size), lambda x, axis: x.mean(axis=axis)).statistic, SAMPLE)

# ---------------------------------------------------------------------------
# integrate, differentiate, optimize
# ---------------------------------------------------------------------------

GRID = np.linspace(0.0, 2.0, 9)
add("integrate.trapezoid", integrate.trapezoid, (3, 9))
add("integrate.trapezoid-x", lambda y, x: integrate.trapezoid(y, x), (9,), GRID)
add("integrate.trapezoid-axis", lambda y: integrate.trapezoid(y, dx=0.3, axis=0), (4, 3))
add("integrate.cumulative_trapezoid", lambda y, x: integrate.cumulative_trapezoid(y, x), (9,), GRID)
add("integrate.cumulative_trapezoid-initial", lambda y: integrate.cumulative_trapezoid(y, dx=0.5, initial=0, axis=0), (4, 3))
add("integrate.romb", lambda y: integrate.romb(y, dx=0.25), (9,))
add("integrate.romb-axis", lambda y: integrate.romb(y, dx=0.25, axis=0), (5, 3))
add("integrate.cumulative_simpson", lambda y: integrate.cumulative_simpson(y, dx=0.25), (9,))
add("integrate.cumulative_simpson-x", lambda y, x: integrate.cumulative_simpson(y, x=x), (9,), GRID)
add("integrate.cumulative_simpson-initial", lambda y, c: integrate.cumulative_simpson(y, dx=0.25, initial=c), (9,), (1,))
add("integrate.simpson", lambda y: integrate.simpson(y, dx=0.25), (9,))


def exp_of(x: Any) -> Any:
    return xp_of(x).exp(x)


add("integrate.tanhsinh", lambda a, b: integrate.tanhsinh(exp_of, a, b).integral, [0.1], [1.3])
add("integrate.tanhsinh-args", lambda k: integrate.tanhsinh(lambda x, k: exp_of(k * x), k * 0, k * 0 + 1, args=(k,)).integral, (2,))
add("integrate.tanhsinh-infinite", lambda k: integrate.tanhsinh(lambda x, k: exp_of(-k * x * x), xp_of(k).zeros_like(k), xp_of(k).full_like(k, np.inf), args=(k,)).integral, (2,))
add("integrate.nsum", lambda k: integrate.nsum(lambda n, k: 1 / (n * n + k), xp_of(k).asarray(1.0), xp_of(k).asarray(np.inf), args=(k,)).sum, [0.7], rtol=1e-5)
add("integrate.nsum-finite", lambda k: integrate.nsum(lambda n, k: 1 / (n * n + k), xp_of(k).asarray(1.0), xp_of(k).asarray(20.0), args=(k,)).sum, [0.7])
add("integrate.cubature", lambda k: integrate.cubature(lambda x: exp_of(k * x[:, 0]), xp_of(k).asarray([0.0]), xp_of(k).asarray([1.0])).estimate, ())
add("integrate.cubature-limits", lambda a, b: integrate.cubature(lambda x: exp_of(x[:, 0] + x[:, 1]), a, b).estimate, [0.0, 0.1], [1.0, 0.8])
add("integrate.qmc_quad", lambda a, b: integrate.qmc_quad(lambda x: exp_of(x[0] + x[1]), a, b, n_points=64, qrng=stats.qmc.Halton(2, rng=1)).integral, [0.0, 0.1], [1.0, 0.8])

add("differentiate.derivative", lambda x: differentiate.derivative(lambda x: exp_of(x) * x, x).df, (3,), rtol=1e-4)
add("differentiate.derivative-args", lambda x, k: differentiate.derivative(lambda x, k: exp_of(k * x), x, args=(k,)).df, (3,), (3,), rtol=1e-4)
add("differentiate.jacobian", lambda x: differentiate.jacobian(lambda x: xp_of(x).stack([exp_of(x[0, ...]) * x[1, ...], x[0, ...] * x[1, ...] ** 2]), x).df, (2,), rtol=1e-4, atol=1e-5)
add("differentiate.hessian", lambda x: differentiate.hessian(lambda x: exp_of(x[0, ...]) * x[1, ...] ** 2, x).ddf, (2,), rtol=1e-3, atol=1e-3)

add("optimize.rosen", optimize.rosen, (5,))
add("optimize.rosen-batch", optimize.rosen, (3, 4))
add("optimize.rosen_der", optimize.rosen_der, (5,))
add("optimize.rosen_hess", optimize.rosen_hess, (5,))
add("optimize.rosen_hess_prod", optimize.rosen_hess_prod, (5,), (5,))
add("optimize.find_root", lambda k: elementwise.find_root(lambda x, k: exp_of(x) - k - 1, (k * 0, k * 0 + 2), args=(k,)).x, (3,), rtol=1e-5)
add("optimize.bracket_root", lambda k: elementwise.bracket_root(lambda x, k: exp_of(x) - k, k * 0, args=(k,)).f_bracket, (3,))
add("optimize.bracket_minimum", lambda k: elementwise.bracket_minimum(lambda x, k: (x - k) ** 2, k * 0, args=(k,)).f_bracket, (3,))
add("optimize.find_minimum", lambda k: elementwise.find_minimum(lambda x, k: (x - k) ** 2 + x**4, (k * 0 - 1, k * 0 + 0.1, k * 0 + 2), args=(k,)).f_x, (3,), rtol=1e-5)
add("optimize.find_minimum-x", lambda k: elementwise.find_minimum(lambda x, k: (x - k) ** 2 + x**4, (k * 0 - 1, k * 0 + 0.1, k * 0 + 2), args=(k,)).x, (3,), rtol=1e-5)
