"""Call patterns of xarray: a DataArray over a Tensor."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from patterns import Table

TABLE = Table()
DEEP = "it makes a deep copy, and that of a leaf is another leaf (in strict mode an error): give it `x + 0`"


def add(id: str, function: Any, *inputs: Any, **kwargs: Any) -> None:
    """A function of DataArrays with the dimensions (t, s), or of a shorter array's first ones."""

    def wrapped(*arrays: Any) -> Any:
        out = function(*[xr.DataArray(a, dims=("t", "s", "r")[: a.ndim], coords={"t": np.arange(a.shape[0])}) for a in arrays])
        return out.data if isinstance(out, (xr.DataArray, xr.Variable)) else out

    TABLE.add(id, wrapped, *inputs, **kwargs)


X = (4, 3)
LABELS = xr.DataArray([0, 1, 0, 1], dims="t")

add("add", lambda x, y: x + 2 * y, X, X)
add("broadcast", lambda x, y: x * y, X, (4,))
add("divide", lambda x, y: x / y, X, X)
add("power", lambda x: x**2 - 1, X)
add("negative", lambda x: -abs(x), X)
add("comparison", lambda x: x * (x > 1), X)
add("np.sin", lambda x: np.sin(x), X)
add("np.exp", lambda x: np.exp(-x), X)
add("xr.ufunc", lambda x: xr.ufuncs.log(x), X)
add("np.maximum", lambda x, y: np.maximum(x, y), X, X)
for name in "sum mean std var max min prod median cumsum cumprod".split():
    add(f"{name}", lambda x, f=name: getattr(x, f)("t"), X)
    if "cum" not in name:
        add(f"{name}-all", lambda x, f=name: getattr(x, f)(), X)
for name in "sum mean max min prod".split():
    add(f"{name}-skipna=False", lambda x, f=name: getattr(x, f)("s", skipna=False), X)
for name in "sum mean max min std var".split():
    add(f"{name}-nan", lambda x, f=name: getattr(x.where(x > 0.7), f)("t"), (6, 2), domain=(0.4, 1.8))
for name in "std var".split():
    add(f"{name}-skipna=False", lambda x, f=name: getattr(x, f)("s", skipna=False), X, refused="xarray gives the namespace NumPy's `ddof`", says="ddof")
add("std-ddof", lambda x: x.std("t", ddof=1), X)
add("quantile", lambda x: x.quantile(0.3, "t"), X)
add("where", lambda x: x.where(x > 1, 0.0), X)
add("where-other", lambda x, y: x.where(x > 1, y), X, X)
add("xr.where", lambda x, y: xr.where(x > y, x, y * 2), X, X)
add("clip", lambda x: x.clip(0.5, 1.2), X)
add("fillna", lambda x: x.where(x > 1).fillna(2.0), X)
add("isel", lambda x: x.isel(t=1), X)
add("isel-slice", lambda x: x.isel(t=slice(1, 3), s=[0, 2]), X)
add("sel", lambda x: x.sel(t=[1, 3]), X)
add("getitem", lambda x: x[1:, 0], X)
add("transpose", lambda x: x.transpose("s", "t"), X)
add("T", lambda x: x.T, X)
add("expand_dims", lambda x: x.expand_dims("r"), X)
add("squeeze", lambda x: x.squeeze("s"), (4, 1))
add("stack", lambda x: x.stack(z=("t", "s")), X)
add("concat", lambda x, y: xr.concat([x, y], "t"), X, X)
add("concat-new", lambda x, y: xr.concat([x, y], "n"), X, X)
add("shift", lambda x: x.shift(t=1, fill_value=0.0), X)
add("roll", lambda x: x.roll(t=1), X)
add("diff", lambda x: x.diff("t"), X)
add("pad", lambda x: x.pad(t=(1, 2), constant_values=0.5), X)
add("dot", lambda x, y: xr.dot(x, y, dim="s"), X, X)
add("matmul", lambda x, y: x @ y, X, X)
add("weighted", lambda x, w: x.weighted(w).mean("t"), X, (4,))
add(
    "rolling",
    lambda x: x.rolling(t=2).mean().isel(t=slice(1, None)),
    X,
    refused="xarray asks the namespace for np.lib.stride_tricks",
    says="no attribute 'lib'",
)
add("coarsen", lambda x: x.coarsen(t=2).mean(), X)
add("groupby", lambda x: x.groupby(LABELS.rename("g")).mean(), X)
add("groupby-sum", lambda x: x.groupby(LABELS.rename("g")).sum(), X)
add("groupby-map", lambda x: x.groupby(LABELS.rename("g")).map(lambda g: g - g.mean("t")), X)
add("integrate", lambda x: x.integrate("t"), X)
add(
    "differentiate",
    lambda x: x.differentiate("t"),
    X,
    refused="xarray takes np.gradient of the namespace, which the standard does not have",
    says="no attribute 'gradient'",
)
add("interp", lambda x: x.interp(t=[0.5, 1.5]), X, refused=DEEP, says="deep copy of a leaf")
add("apply_ufunc", lambda x: xr.apply_ufunc(lambda a: a * a, x), X)
add("cov", lambda x, y: xr.cov(x, y, dim="t"), X, X)
add("corr", lambda x, y: xr.corr(x, y, dim="t"), X, X)
add("astype", lambda x: x.astype("float64") * 2, X)
add("copy", lambda x: x.copy() * 2, X, refused=DEEP, says="deep copy of a leaf")
add("copy-shallow", lambda x: x.copy(deep=False) * 2, X)
add("sortby", lambda x: x.sortby("t", ascending=False), X, refused=DEEP, says="deep copy of a leaf")
add("Dataset", lambda x, y: xr.Dataset({"a": x, "b": y}).sum()["a"], X, X)
add("Dataset.map", lambda x: (xr.Dataset({"a": x}) * 2).mean("t")["a"], X)
add("assignment", lambda x: assigned(x, 2.0), X)
add("polyval", lambda x: xr.polyval(x, xr.DataArray([1.0, 0.5], dims="degree", coords={"degree": [0, 1]})), X)


def assigned(x: Any, value: float) -> Any:
    x = x * 1
    x[0] = value
    return x
