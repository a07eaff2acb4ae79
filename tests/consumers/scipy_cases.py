"""Call patterns of SciPy."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from patterns import NAN, Fixed, Table
from scipy import constants, differentiate, fft, integrate, interpolate, linalg, ndimage, optimize, signal, special, stats
from scipy.cluster import vq
from scipy.optimize import elementwise
from scipy.spatial import distance
from scipy.spatial.transform import RigidTransform, Rotation, Slerp

TABLE = Table()
COMPILED = "SciPy does this in compiled code, or converts with np.asarray"
NUMPY_ALONE = "SciPy has this function for NumPy alone"
MASKED = "an infinite weight times a value that is masked afterwards: 0 times infinity is NaN"
add = TABLE.add


def xp_of(x: Any) -> Any:
    return x.__array_namespace__()


# ---------------------------------------------------------------------------
# special
# ---------------------------------------------------------------------------


def of_special(name: str, *inputs: Any, function: Any = None, **kwargs: Any) -> None:
    """A function that SciPy takes from `anygrad.special`."""
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
for name in "gammainc gammaincc chdtr chdtrc stdtr".split():
    of_special(name, (4,), (4,))
for name in "gammaincinv gammainccinv chdtri stdtrit".split():
    of_special(name, Fixed((4,)), (4,), domain=(0.3, 0.8), atol=1e-6)
for name in "betainc betaincc fdtr fdtrc".split():
    of_special(name, (4,), (4,), (4,), domain=(0.2, 0.8))
for name in "betaincinv fdtri".split():
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
    add(f"stats.{name}-axis", partial(getattr(stats, name), axis=1), ROWS)
for name in "gmean hmean".split():
    add(f"stats.{name}-weights", lambda x, w, name=name: getattr(stats, name)(x, weights=w), SAMPLE, SAMPLE)
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
for method in "fisher pearson stouffer mudholkar_george tippett".split():
    add(f"stats.combine_pvalues-{method}", lambda p, method=method: stats.combine_pvalues(p, method=method).statistic, (4,), domain=(0.1, 0.6))
add("stats.combine_pvalues-weights", lambda p, w: stats.combine_pvalues(p, method="stouffer", weights=w).pvalue, (4,), (4,), domain=(0.1, 0.6))
add("stats.false_discovery_control", stats.false_discovery_control, [0.01, 0.22, 0.03, 0.15], atol=1e-7)
for method in "linear hazen weibull median_unbiased".split():
    add(f"stats.quantile-{method}", lambda x, p, method=method: stats.quantile(x, p, method=method), ORDERED, Fixed([0.21, 0.55, 0.83]))
add("stats.quantile-probability", lambda x, p: stats.quantile(x, p), ORDERED, [0.21, 0.55, 0.83])
add("stats.quantile-axis", lambda x: stats.quantile(x, 0.3, axis=1), ROWS)
add("stats.lmoment", lambda x: stats.lmoment(x, order=2), ORDERED)
add("stats.sigmaclip", lambda x: stats.sigmaclip(x, 2.5, 2.5).clipped, SAMPLE)
add("stats.epps_singleton_2samp", lambda x, y: stats.epps_singleton_2samp(x, y).statistic, SAMPLE, (7,))
add(
    "stats.monte_carlo_test",
    lambda x: stats.monte_carlo_test(x, lambda size: np.random.default_rng(1).normal(size=size), lambda x, axis: x.mean(axis=axis)).statistic,
    SAMPLE,
)

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
add("integrate.simpson", lambda y: integrate.simpson(y, dx=0.25), (9,), refused=NUMPY_ALONE)


def exp_of(x: Any) -> Any:
    return xp_of(x).exp(x)


add("integrate.tanhsinh", lambda a, b: integrate.tanhsinh(exp_of, a, b).integral, [0.1], [1.3])
add("integrate.tanhsinh-args", lambda k: integrate.tanhsinh(lambda x, k: exp_of(k * x), k * 0, k * 0 + 1, args=(k,)).integral, (2,))
add(
    "integrate.tanhsinh-infinite",
    lambda k: integrate.tanhsinh(lambda x, k: exp_of(-k * x * x), xp_of(k).zeros_like(k), xp_of(k).full_like(k, np.inf), args=(k,)).integral,
    (2,),
    refused=MASKED,
    says=NAN,
)
add(
    "integrate.nsum",
    lambda k: integrate.nsum(lambda n, k: 1 / (n * n + k), xp_of(k).asarray(1.0), xp_of(k).asarray(np.inf), args=(k,)).sum,
    [0.7],
    refused=MASKED,
    says=NAN,
)
add("integrate.nsum-finite", lambda k: integrate.nsum(lambda n, k: 1 / (n * n + k), xp_of(k).asarray(1.0), xp_of(k).asarray(20.0), args=(k,)).sum, [0.7])
add("integrate.cubature", lambda k: integrate.cubature(lambda x: exp_of(k * x[:, 0]), xp_of(k).asarray([0.0]), xp_of(k).asarray([1.0])).estimate, ())
add("integrate.cubature-limits", lambda a, b: integrate.cubature(lambda x: exp_of(x[:, 0] + x[:, 1]), a, b).estimate, [0.0, 0.1], [1.0, 0.8])
add(
    "integrate.qmc_quad",
    lambda a, b: integrate.qmc_quad(lambda x: exp_of(x[0] + x[1]), a, b, n_points=64, qrng=stats.qmc.Halton(2, rng=1)).integral,
    [0.0, 0.1],
    [1.0, 0.8],
)

add("differentiate.derivative", lambda x: differentiate.derivative(lambda x: exp_of(x) * x, x).df, (3,), rtol=1e-4)
add("differentiate.derivative-args", lambda x, k: differentiate.derivative(lambda x, k: exp_of(k * x), x, args=(k,)).df, (3,), (3,), rtol=1e-4)
add(
    "differentiate.jacobian",
    lambda x: differentiate.jacobian(lambda x: xp_of(x).stack([exp_of(x[0, ...]) * x[1, ...], x[0, ...] * x[1, ...] ** 2]), x).df,
    (2,),
    rtol=1e-4,
    atol=1e-5,
)
add("differentiate.hessian", lambda x: differentiate.hessian(lambda x: exp_of(x[0, ...]) * x[1, ...] ** 2, x).ddf, (2,), rtol=1e-3, atol=1e-3)

add("optimize.rosen", optimize.rosen, (5,))
add("optimize.rosen-batch", optimize.rosen, (3, 4))
add("optimize.rosen_der", optimize.rosen_der, (5,))
add("optimize.rosen_hess", optimize.rosen_hess, (5,))
add("optimize.rosen_hess_prod", optimize.rosen_hess_prod, (5,), (5,))
add("optimize.find_root", lambda k: elementwise.find_root(lambda x, k: exp_of(x) - k - 1, (k * 0, k * 0 + 2), args=(k,)).x, (3,), rtol=1e-5)
add("optimize.bracket_root", lambda k: elementwise.bracket_root(lambda x, k: exp_of(x) - k, k * 0, args=(k,)).f_bracket, (3,))
add("optimize.bracket_minimum", lambda k: elementwise.bracket_minimum(lambda x, k: (x - k) ** 2, k * 0, args=(k,)).f_bracket, (3,))
add(
    "optimize.find_minimum",
    lambda k: elementwise.find_minimum(lambda x, k: (x - k) ** 2 + x**4, (k * 0 - 1, k * 0 + 0.1, k * 0 + 2), args=(k,)).f_x,
    (3,),
    rtol=1e-5,
)
add(
    "optimize.find_minimum-x",
    lambda k: elementwise.find_minimum(lambda x, k: (x - k) ** 2 + x**4, (k * 0 - 1, k * 0 + 0.1, k * 0 + 2), args=(k,)).x,
    (3,),
    rtol=1e-5,
)

# ---------------------------------------------------------------------------
# fft, signal
# ---------------------------------------------------------------------------

COMPLEX = np.asarray([0.3 + 0.8j, 1.1 - 0.4j, -0.7 + 0.2j, 0.5 + 1.3j, 0.9 - 0.6j, -0.2 - 1.1j])

for name in "fft ifft rfft ihfft".split():
    add(f"fft.{name}", getattr(fft, name), (6,))
for name in "fft ifft irfft hfft".split():
    add(f"fft.{name}-complex", getattr(fft, name), COMPLEX)
for name in "fft2 fftn ifft2 ifftn rfft2 rfftn ihfft2 ihfftn".split():
    add(f"fft.{name}", getattr(fft, name), (4, 3))
for name in "irfft2 irfftn hfft2 hfftn".split():
    add(f"fft.{name}", getattr(fft, name), COMPLEX.reshape(2, 3))
add("fft.fft-norm", lambda x: fft.fft(x, n=8, norm="ortho"), (6,))
add("fft.rfft-axis", lambda x: fft.rfft(x, axis=0), (6, 2))
for name in "fftshift ifftshift".split():
    add(f"fft.{name}", getattr(fft, name), (5, 4))
add("fft.fht", lambda x: fft.fht(x, dln=0.1, mu=0.5), (8,))
add("fft.ifht", lambda x: fft.ifht(x, dln=0.1, mu=0.5, bias=0.2), (8,))
for name in "dct dst idct idst dctn".split():
    add(f"fft.{name}", getattr(fft, name), (6,), refused=COMPILED)

for mode in "full same valid".split():
    add(f"signal.fftconvolve-{mode}", lambda x, h, mode=mode: signal.fftconvolve(x, h, mode=mode), (8,), (3,))
    add(f"signal.oaconvolve-{mode}", lambda x, h, mode=mode: signal.oaconvolve(x, h, mode=mode), (40,), (3,))
    add(f"signal.convolve-{mode}", lambda x, h, mode=mode: signal.convolve(x, h, mode=mode, method="fft"), (8,), (3,))
    add(f"signal.correlate-{mode}", lambda x, h, mode=mode: signal.correlate(x, h, mode=mode, method="fft"), (8,), (3,))
add("signal.fftconvolve-2d", signal.fftconvolve, (4, 5), (2, 3))
add("signal.fftconvolve-axes", lambda x, h: signal.fftconvolve(x, h, axes=1), (2, 6), (2, 3))
add("signal.detrend", signal.detrend, (8,), refused=COMPILED)
add("signal.detrend-constant", lambda x: signal.detrend(x, type="constant", axis=0), (8, 2), refused=COMPILED)
add("signal.hilbert", signal.hilbert, (8,))
add("signal.hilbert-axis", lambda x: signal.hilbert(x, axis=0), (7, 2))
add("signal.hilbert2", signal.hilbert2, (4, 6))
add("signal.envelope", lambda x: signal.envelope(x, residual=None), (16,), atol=1e-7)
add("signal.resample", lambda x: signal.resample(x, 12), (8,))
add("signal.resample-down", lambda x: signal.resample(x, 5, axis=0), (8, 2))
add("signal.gauss_spline", lambda x: signal.gauss_spline(x, 3), (5,))
add("signal.vectorstrength", lambda t: signal.vectorstrength(t, 2.0)[0], (6,))
add("signal.freqz", lambda b, a: signal.freqz(b, a, worN=8)[1], (3,), (3,))
add("signal.freqz-polynomial", lambda b: signal.freqz(b, worN=7)[1], (3,))
add("signal.freqz-at", lambda b, w: signal.freqz(b, worN=w)[1], (3,), (5,))
add("signal.freqz_sos", lambda b, a: signal.freqz_sos(xp_of(b).concat([b, a], axis=1), worN=8)[1], (2, 3), Fixed(np.asarray([[1.0, 0.1, 0.2]] * 2)))
add("signal.freqs", lambda b, a, w: signal.freqs(b, a, worN=w)[1], (3,), (3,), (5,))
add("signal.freqs_zpk", lambda z, p, w: signal.freqs_zpk(z, p, 1.3, worN=w)[1], (1,), (2,), (5,))
add("signal.freqz_zpk", lambda z, p, w: signal.freqz_zpk(z, p, 1.3, worN=w)[1], (1,), (2,), (5,))
add("signal.lp2lp_zpk", lambda z, p: signal.lp2lp_zpk(z, p, 0.7, wo=0.4)[:2], (1,), (2,))
add("signal.lp2hp_zpk", lambda z, p: signal.lp2hp_zpk(z, p, 0.7, wo=0.4)[1], (1,), (2,))
add("signal.bilinear_zpk", lambda z, p: signal.bilinear_zpk(z, p, 0.7, fs=2.0)[:2], (1,), (2,))
add("signal.lp2bp_zpk", lambda z, p: signal.lp2bp_zpk(z, p, 0.7, wo=1.4, bw=0.3)[1], (1,), (2,))
add("signal.lp2bs_zpk", lambda z, p: signal.lp2bs_zpk(z, p, 0.7, wo=1.4, bw=0.3)[1], (1,), (2,))
add("signal.zpk2tf", lambda z, p: signal.zpk2tf(z, p, 0.7), (2,), (3,), refused=COMPILED, says="ends its graph|lose its graph")
add("signal.sos2tf", signal.sos2tf, np.asarray([[0.2, 0.3, 0.4, 1.0, 0.1, 0.2], [0.5, 0.1, 0.6, 1.0, 0.3, 0.4]]), refused=COMPILED)
add("signal.bilinear", lambda b, a: signal.bilinear(b, a, fs=2.0), (2,), (3,), refused=COMPILED)
add("signal.lp2lp", lambda b, a: signal.lp2lp(b, a, wo=0.6), (2,), (3,))
add("signal.lp2hp", lambda b, a: signal.lp2hp(b, a, wo=0.6), (2,), (3,))
add("signal.normalize", signal.normalize, (2,), (3,))
add("signal.wiener", lambda x: signal.wiener(x, 3), (9,), refused=COMPILED)
add("signal.lfilter", lambda b, a, x: signal.lfilter(b, a, x), (3,), (3,), (8,), refused=COMPILED)
add("signal.filtfilt", signal.filtfilt, [0.5, 0.5], [1.0], (12,), refused=COMPILED)
add("signal.sosfilt", signal.sosfilt, Fixed(np.asarray([[0.2, 0.3, 0.4, 1.0, 0.1, 0.2]])), (8,), refused=COMPILED)
add("signal.medfilt", lambda x: signal.medfilt(x, 3), (8,), refused=COMPILED)
add("signal.savgol_filter", lambda x: signal.savgol_filter(x, 5, 2), (9,), refused=COMPILED)
add("signal.upfirdn", lambda h, x: signal.upfirdn(h, x, up=2), (3,), (8,), refused=COMPILED)
add("signal.convolve-direct", lambda x, h: signal.convolve(x, h, method="direct"), (8,), (3,), refused=COMPILED)
add("signal.convolve2d", signal.convolve2d, (4, 4), (2, 2), refused=COMPILED)
add("signal.cspline1d", signal.cspline1d, (8,), refused=COMPILED)
add("signal.tf2zpk", lambda b, a: signal.tf2zpk(b, a)[0].imag ** 2, (3,), (3,))
add("signal.welch", lambda x: signal.welch(x, nperseg=8)[1], (16,), refused="SciPy's spectral functions are for NumPy alone")

# ---------------------------------------------------------------------------
# cluster, constants, linalg, spatial, interpolate, ndimage
# ---------------------------------------------------------------------------

add("cluster.whiten", vq.whiten, (5, 3))
add("cluster.vq", lambda x, c: vq.vq(x, c)[1], (6, 2), (2, 2), refused=COMPILED)
add("cluster.kmeans", lambda x: vq.kmeans(x, 2, rng=1)[0], (6, 2), refused=COMPILED)
add("constants.convert_temperature", lambda t: constants.convert_temperature(t, "Celsius", "Fahrenheit"), (3,))
add("constants.lambda2nu", constants.lambda2nu, (3,), rtol=1e-5)
add("constants.nu2lambda", constants.nu2lambda, (3,), rtol=1e-5)

add("linalg.block_diag", linalg.block_diag, (2, 2), (1, 3))
add("linalg.fiedler", linalg.fiedler, [0.3, 1.1, 2.4])
add("linalg.orthogonal_procrustes", linalg.orthogonal_procrustes, (5, 3), (5, 3), atol=1e-7)
for name in "inv det expm sqrtm svdvals pinv".split():
    add(f"linalg.{name}", getattr(linalg, name), (3, 3), refused=COMPILED)
add("linalg.solve", linalg.solve, (3, 3), (3,), refused=COMPILED)
add("linalg.cholesky", linalg.cholesky, np.eye(3), refused=COMPILED)

QUATERNIONS, VECTORS = np.asarray([[0.1, 0.4, -0.3, 0.9], [0.5, -0.2, 0.3, 0.7]]), np.asarray([[0.3, -0.5, 0.8], [0.1, 0.9, -0.4]])
MATRICES = Rotation.from_quat(QUATERNIONS).as_matrix()
for name in "as_matrix as_rotvec as_mrp as_quat magnitude inv.as_matrix".split():
    call = lambda q, name=name: getattr(Rotation.from_quat(q).inv(), name[4:])() if name.startswith("inv.") else getattr(Rotation.from_quat(q), name)()  # noqa: E731
    add(f"spatial.Rotation.{name}", call, QUATERNIONS)
add("spatial.Rotation.from_rotvec", lambda v: Rotation.from_rotvec(v).as_matrix(), VECTORS)
add("spatial.Rotation.from_mrp", lambda v: Rotation.from_mrp(v).as_matrix(), VECTORS)
add("spatial.Rotation.from_euler", lambda a: Rotation.from_euler("xyz", a).as_matrix(), VECTORS)
add("spatial.Rotation.from_matrix", lambda m: Rotation.from_matrix(m * 1).as_quat(), MATRICES + 0.1, atol=1e-7)
add("spatial.Rotation.as_euler", lambda q: Rotation.from_quat(q).as_euler("xyz"), QUATERNIONS)
add("spatial.Rotation.as_davenport", lambda q: Rotation.from_quat(q).as_davenport([[1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0]], "extrinsic"), QUATERNIONS)
add("spatial.Rotation.apply", lambda q, v: Rotation.from_quat(q).apply(v), QUATERNIONS, VECTORS)
add("spatial.Rotation.mul", lambda q, v: (Rotation.from_quat(q) * Rotation.from_rotvec(v)).as_matrix(), QUATERNIONS, VECTORS)
add("spatial.Rotation.pow", lambda q: (Rotation.from_quat(q) ** 0.3).as_matrix(), QUATERNIONS)
add("spatial.Rotation.mean", lambda q: Rotation.from_quat(q).mean().as_matrix(), QUATERNIONS, atol=1e-7)
add("spatial.Rotation.align_vectors", lambda a, b: Rotation.align_vectors(a, b)[0].as_matrix(), (4, 3), (4, 3), atol=1e-7)
add("spatial.Rotation.index", lambda q: Rotation.from_quat(q)[1].as_matrix(), QUATERNIONS)
add("spatial.RigidTransform.from_matrix", lambda v: RigidTransform.from_translation(v).as_matrix(), VECTORS)
add("spatial.RigidTransform.from_components", lambda q, v: RigidTransform.from_components(v, Rotation.from_quat(q)).as_matrix(), QUATERNIONS, VECTORS)
add("spatial.RigidTransform.apply", lambda q, v: RigidTransform.from_components(v, Rotation.from_quat(q)).apply(v), QUATERNIONS, VECTORS)
add("spatial.RigidTransform.inv", lambda q, v: RigidTransform.from_components(v, Rotation.from_quat(q)).inv().as_matrix(), QUATERNIONS, VECTORS)
add("spatial.RigidTransform.exp_coords", lambda q, v: RigidTransform.from_components(v, Rotation.from_quat(q)).as_exp_coords(), QUATERNIONS, VECTORS)
add("spatial.Slerp", lambda q: Slerp([0.0, 1.0], Rotation.from_quat(q))([0.3, 0.6]).as_matrix(), QUATERNIONS)
add("spatial.cdist", distance.cdist, (3, 2), (4, 2), refused=COMPILED)
add("spatial.pdist", distance.pdist, (3, 2), refused=COMPILED)

add("interpolate.CubicSpline", lambda x, y: interpolate.CubicSpline(x, y)(0.4), GRID, (9,), refused=COMPILED)
add("interpolate.make_interp_spline", lambda x, y: interpolate.make_interp_spline(x, y)(0.4), GRID, (9,), refused=COMPILED)
add("interpolate.PchipInterpolator", lambda x, y: interpolate.PchipInterpolator(x, y)(0.4), GRID, (9,), refused=COMPILED)
for kernel in "gaussian cubic linear multiquadric".split():
    add(
        f"interpolate.RBFInterpolator-{kernel}",
        lambda y, d, x, kernel=kernel: interpolate.RBFInterpolator(y, d, kernel=kernel, epsilon=1.1)(x),
        (6, 2), (6,), (3, 2), rtol=1e-5, atol=1e-6,
    )  # fmt: skip
add("ndimage.gaussian_filter", lambda x: ndimage.gaussian_filter(x, 1.0), (6, 6), refused=COMPILED)
add("ndimage.zoom", lambda x: ndimage.zoom(x, 2), (4, 4), refused=COMPILED)
add("ndimage.map_coordinates", lambda x, c: ndimage.map_coordinates(x, c), (4, 4), (2, 3), refused=COMPILED)
add("ndimage.vectorized_filter", lambda x: ndimage.vectorized_filter(x, lambda w, axis: w.mean(axis=axis), size=3), (8,), refused=COMPILED)
