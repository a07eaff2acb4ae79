"""Call patterns of array-api-extra."""

from __future__ import annotations

from typing import Any

import array_api_extra as xpx
import numpy as np
from patterns import Fixed, Table


def xp_of(x: Any) -> Any:
    return x.__array_namespace__()


TABLE = Table()
add = TABLE.add

add("angle", lambda z: xpx.angle(z), [1.0 + 0.5j, -0.3 + 0.8j])
add("apply_where", lambda x, y: xpx.apply_where(x > 1, (x, y), lambda x, y: x * y, lambda x, y: x / y), (6,), (6,))
add("apply_where-fill", lambda x: xpx.apply_where(x > 1, x, lambda x: x**2, fill_value=0.0), (6,))
add("apply_where-masked-nan", lambda x: xpx.apply_where(x > 1, x, lambda x: (x - 1) ** 0.5, fill_value=0.0), (6,))
add("atleast_nd", lambda x: xpx.atleast_nd(x, ndim=3), (2,))
add("at-set", lambda x, y: xpx.at(x * 1)[1].set(y), (3,), ())
add("at-set-leaf", lambda x: xpx.at(x)[1].set(0.0), (3,), refused="it writes to its argument, a leaf; give copy=True", says="leaf that requires grad")
add("at-set-mask", lambda x: xpx.at(x, x > 1).set(0.0, copy=True), (6,))
add("at-set-copy", lambda x, y: xpx.at(x)[1:3].set(y, copy=True), (4,), (2,))
add("at-add", lambda x, y: xpx.at(x)[1:3].add(y, copy=True), (4,), (2,))
add("at-multiply", lambda x, y: xpx.at(x)[0].multiply(y, copy=True), (4, 2), (2,))
add("at-divide", lambda x: xpx.at(x)[::2].divide(3.0, copy=True), (4,))
add("at-power", lambda x: xpx.at(x)[::2].power(3, copy=True), (4,))
add("at-min", lambda x, y: xpx.at(x)[:].min(y, copy=True), (4,), (4,))
add("at-max", lambda x, y: xpx.at(x)[:].max(y, copy=True), (4,), (4,))
add("atleast_nd-0d", lambda x: xpx.atleast_nd(x, ndim=1), ())
add("cov", xpx.cov, (3, 6))
add("cov-2d", lambda m: xpx.cov(m) ** 2, (2, 5))
add("create_diagonal", xpx.create_diagonal, (3,))
add("create_diagonal-offset", lambda x: xpx.create_diagonal(x, offset=-1), (3,))
add("default_dtype", lambda x: x * xp_of(x).ones(2, dtype=xpx.default_dtype(xp_of(x))), (2,))
add("kron", xpx.kron, (2, 3), (3, 2))
add("kron-vectors", xpx.kron, (2,), (3,))
add("nan_to_num", xpx.nan_to_num, (3,))
add("one_hot", lambda x: xpx.one_hot(xp_of(x).argsort(x), 3) * x, (3,))
add("pad", lambda x: xpx.pad(x, 2), (3, 2))
add("pad-constant", lambda x: xpx.pad(x, ((1, 0), (0, 2)), constant_values=1.5), (3, 2))
add("partition", lambda x: xpx.partition(x, 2)[:2] * 1.0, (5,))
add("searchsorted", lambda x, y: xpx.searchsorted(xp_of(x).sort(x), y) * y, (5,), (2,))
add("setdiff1d", xpx.setdiff1d, [0.5, 1.5, 2.5], Fixed([1.6]))
add("sinc", xpx.sinc, (4,))
add("union1d", xpx.union1d, [0.5, 1.5], [2.5])
add("isclose", lambda x: xp_of(x).where(xpx.isclose(x, x + 1e-12), x, 0.0), (4,))
add("nunique", lambda x: x * float(xpx.nunique(x)), (4,))
add("lazy_apply", lambda x: xpx.lazy_apply(lambda x: x * 2, x), (4,))
add("argpartition", lambda x: xp_of(x).take(x, xpx.argpartition(x, 2)[:2]).sum(), (5,))
add("deg2rad", xpx.deg2rad, (3,))
add("rad2deg", xpx.rad2deg, (3,))
add("nanmax", lambda x: xpx.nanmax(x, axis=0), (3, 4))
add("nanmin", lambda x: xpx.nanmin(x), (3, 4))
add("nanmean", lambda x: xpx.nanmean(x, axis=1), (3, 4))
add("nansum", lambda x: xpx.nansum(x, axis=1), (3, 4))
for name in "nanmax nanmin nanmean nansum".split():
    add(f"{name}-nan", lambda x, f=name: getattr(xpx, f)(xp_of(x).where(x > 1, xp_of(x).asarray(np.nan), x), axis=0), (5, 2), domain=(0.1, 1.4))
add("tril_indices", lambda x: x[tuple(xpx.tril_indices(3, xp=xp_of(x)))], (3, 3))
add("triu_indices", lambda x: x[tuple(xpx.triu_indices(3, xp=xp_of(x)))], (3, 3))
add("diag_indices", lambda x: x[tuple(xpx.diag_indices(3, ndim=2, xp=xp_of(x)))], (3, 3))
add("unravel_index", lambda x: x[tuple(xpx.unravel_index(xp_of(x).argsort(xp_of(x).reshape(x, (-1,)))[:2], (2, 3)))], (2, 3))
