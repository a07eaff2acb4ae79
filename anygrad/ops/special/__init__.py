"""`anygrad.special`: scipy.special's spelling, differentiable.

Values come from SciPy (on CUDA from CuPy, elsewhere from SciPy by way of host memory), or are made of the standard's
functions where that is as accurate. Derivatives are with respect to all real arguments, save those that a docstring
excepts: these raise in backward.

A chapter is imported when the first of its functions is used: all of them take about 15 ms, a good part of what
`import anygrad` takes.
"""

from __future__ import annotations

import importlib
from typing import Any

_CHAPTERS = {
    "bessel": "i0 i0e i1 i1e iv ive j0 j1 jv k0 k0e k1 k1e kv kve y0 y1 yn yv",
    "distributions": "bdtr bdtrc bdtri chdtr chdtrc chdtri fdtr fdtrc fdtri gdtr gdtrc nbdtr nbdtrc nbdtri pdtr pdtrc pdtri stdtr stdtrit",
    "elementary": "boxcox boxcox1p cbrt cosdg cosm1 cotdg exp10 exp2 expm1 exprel inv_boxcox inv_boxcox1p log1p powm1 radian sinc sindg tandg",
    "entropies": "entr huber kl_div pseudo_huber rel_entr xlog1py xlogy",
    "errors": "dawsn erf erfc erfcinv erfcx erfi erfinv fresnel log_ndtr ndtr ndtri ndtri_exp owens_t wofz",
    "gamma_functions": "beta betaln binom digamma gamma gammaln gammasgn loggamma multigammaln poch polygamma psi rgamma zeta zetac",
    "incomplete": "betainc betaincc betainccinv betaincinv gammainc gammaincc gammainccinv gammaincinv",
    "integrals": "ellipe ellipeinc ellipk ellipkinc ellipkm1 exp1 expi expn hyp1f1 lpmv shichi sici spence wrightomega",
    "logistic": "expit log_expit logit softplus",
    "reductions": "log_softmax logsumexp softmax",
}
_CHAPTER_OF = {name: chapter for chapter, names in _CHAPTERS.items() for name in names.split()}

__all__ = sorted(_CHAPTER_OF)


def __getattr__(name: str) -> Any:
    if name not in _CHAPTER_OF:
        raise AttributeError(f"anygrad.special has no {name!r}", name=name)
    value = getattr(importlib.import_module(f"{__name__}.{_CHAPTER_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
