"""`anygrad.special`: scipy.special's spelling, differentiable.

Values come from SciPy (on CUDA from CuPy, elsewhere from SciPy by way of host memory), or are made of the standard's
functions where that is as accurate. Derivatives are with respect to all real arguments, save those that a docstring
excepts: these raise in backward.
"""

from __future__ import annotations

from ..elementwise import expm1, log1p
from .bessel import i0, i0e, i1, i1e, iv, ive, j0, j1, jv, k0, k0e, k1, k1e, kv, kve, y0, y1, yn, yv
from .distributions import (
    bdtr,
    bdtrc,
    bdtri,
    chdtr,
    chdtrc,
    chdtri,
    fdtr,
    fdtrc,
    fdtri,
    gdtr,
    gdtrc,
    nbdtr,
    nbdtrc,
    nbdtri,
    pdtr,
    pdtrc,
    pdtri,
    stdtr,
    stdtrit,
)
from .elementary import (
    boxcox,
    boxcox1p,
    cbrt,
    cosdg,
    cosm1,
    cotdg,
    exp2,
    exp10,
    expit,
    exprel,
    inv_boxcox,
    inv_boxcox1p,
    log_expit,
    logit,
    powm1,
    radian,
    sinc,
    sindg,
    softplus,
    tandg,
)
from .entropies import entr, huber, kl_div, pseudo_huber, rel_entr, xlog1py, xlogy
from .errors import dawsn, erf, erfc, erfcinv, erfcx, erfi, erfinv, fresnel, log_ndtr, ndtr, ndtri, ndtri_exp, owens_t, wofz
from .gamma_functions import (
    beta,
    betaln,
    binom,
    digamma,
    gamma,
    gammaln,
    gammasgn,
    loggamma,
    multigammaln,
    poch,
    polygamma,
    psi,
    rgamma,
    zeta,
    zetac,
)
from .incomplete import betainc, betaincc, betainccinv, betaincinv, gammainc, gammaincc, gammainccinv, gammaincinv
from .integrals import ellipe, ellipeinc, ellipk, ellipkinc, ellipkm1, exp1, expi, expn, hyp1f1, lpmv, shichi, sici, spence, wrightomega
from .reductions import log_softmax, logsumexp, softmax

__all__ = [
    "bdtr", "bdtrc", "bdtri", "beta", "betainc", "betaincc", "betainccinv", "betaincinv", "betaln", "binom", "boxcox", "boxcox1p", "cbrt", "chdtr",
    "chdtrc", "chdtri", "cosdg", "cosm1", "cotdg", "dawsn", "digamma", "ellipe", "ellipeinc", "ellipk", "ellipkinc", "ellipkm1", "entr", "erf",
    "erfc", "erfcinv", "erfcx", "erfi", "erfinv", "exp1", "exp10", "exp2", "expi", "expit", "expm1", "expn", "exprel", "fdtr", "fdtrc", "fdtri",
    "fresnel", "gamma", "gammainc", "gammaincc", "gammainccinv", "gammaincinv", "gammaln", "gammasgn", "gdtr", "gdtrc", "huber", "hyp1f1", "i0",
    "i0e", "i1", "i1e", "inv_boxcox", "inv_boxcox1p", "iv", "ive", "j0", "j1", "jv", "k0", "k0e", "k1", "k1e", "kl_div", "kv", "kve", "log1p",
    "log_expit", "log_ndtr", "log_softmax", "loggamma", "logit", "logsumexp", "lpmv", "multigammaln", "nbdtr", "nbdtrc", "nbdtri", "ndtr", "ndtri",
    "ndtri_exp", "owens_t", "pdtr", "pdtrc", "pdtri", "poch", "polygamma", "powm1", "pseudo_huber", "psi", "radian", "rel_entr", "rgamma", "shichi",
    "sici", "sinc", "sindg", "softmax", "softplus", "spence", "stdtr", "stdtrit", "tandg", "wofz", "wrightomega", "xlog1py", "xlogy", "y0", "y1",
    "yn", "yv", "zeta", "zetac",
]  # fmt: skip
