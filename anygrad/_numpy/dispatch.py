"""NumPy's own functions on Tensors: `np.sin(t)`, `ndarray * t`, `np.add.reduce(t)` (NEP 13), `np.mean(t)` (NEP 18).

NumPy hands a call with a Tensor among its arguments to `call_ufunc` or `call_function`, which look
up ours. What is not in the tables NumPy computes itself, on the values, as long as no Tensor
requires grad; if one does, it raises: a silent conversion would be a silent loss of gradient.
"""

from __future__ import annotations

import functools
import inspect
import operator
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .. import _modes, ops
from .._backends import is_array
from .._scalars import NUMBERS
from .._tensor import Tensor
from .arguments import FUNCTIONS
from .values import UFUNCS

# ---------------------------------------------------------------------------
# ufuncs
# ---------------------------------------------------------------------------

_SAME_NAME = """
add bitwise_and bitwise_or bitwise_xor ceil copysign cos cosh divide equal exp expm1 floor floor_divide greater greater_equal hypot isfinite
isinf isnan less less_equal log log10 log1p log2 logaddexp logical_and logical_not logical_or logical_xor matmul maximum minimum multiply
negative nextafter not_equal positive reciprocal remainder sign signbit sin sinh sqrt square subtract tan tanh trunc vecdot
""".split()
_RENAMED = {
    "absolute": "abs", "arccos": "acos", "arccosh": "acosh", "arcsin": "asin", "arcsinh": "asinh", "arctan": "atan", "arctan2": "atan2",
    "arctanh": "atanh", "conjugate": "conj", "fabs": "abs", "invert": "bitwise_invert", "left_shift": "bitwise_left_shift", "power": "pow",
    "right_shift": "bitwise_right_shift", "rint": "round",
}  # fmt: skip
_REDUCTIONS = {"add": "sum", "multiply": "prod", "maximum": "max", "minimum": "min", "logical_and": "all", "logical_or": "any"}
_ACCUMULATIONS = {"add": "cumulative_sum", "multiply": "cumulative_prod"}
_MEANINGLESS = {"casting": "same_kind", "order": "K", "subok": True, "where": True, "axes": None}  # keywords, and the values that ask for nothing


def call_ufunc(ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What `Tensor.__array_ufunc__` does: NotImplemented if an operand is of a kind that we do not know."""
    out = kwargs.pop("out", ())
    if not all(isinstance(x, (list, tuple)) or _known(x) for x in (*inputs, *out)):
        return NotImplemented
    name = f"{_name(ufunc)}.{method}" if method != "__call__" else _name(ufunc)
    function = _METHODS[method](ufunc) if method in _METHODS else None
    if function is None:
        return _on_host(getattr(ufunc, method), name, (*inputs,), kwargs | ({"out": out} if out else {}))
    dtype = kwargs.pop("dtype", None)
    if method == "reduce":
        function = functools.partial(function, **{k: kwargs.pop(k) for k in ("axis", "keepdims", "initial", "where") if k in kwargs})
    elif method == "accumulate":
        function = functools.partial(function, axis=kwargs.pop("axis", 0))
    for key, value in kwargs.items():
        if key not in _MEANINGLESS or value is not _MEANINGLESS[key] and value != _MEANINGLESS[key]:
            raise _unsupported(name, key)
    where = next(_tensors([*inputs, *out])).device
    result = function(*[ops.asarray(np.asarray(x), device=where) if isinstance(x, (list, tuple)) else x for x in inputs])
    if dtype is not None:
        result = result.astype(dtype, copy=False)
    return _write(name, out, result) if out and out[0] is not None else result


def _of_ufunc(ufunc: np.ufunc) -> Callable[..., Any] | None:
    """Our function for a ufunc of NumPy's or of scipy.special's."""
    name = ufunc.__name__
    if name in UFUNCS:
        return UFUNCS[name]
    if name in _SAME_NAME or name in _RENAMED:
        return getattr(ops, _RENAMED.get(name, name))
    return getattr(ops.special, name, None)


def _reduce(ufunc: np.ufunc) -> Callable[..., Any] | None:
    name = _REDUCTIONS.get(ufunc.__name__)
    if name is None:
        return None
    identity = {"add": 0, "multiply": 1, "logical_and": True, "logical_or": False}.get(ufunc.__name__)

    def function(x: Any, axis: Any = 0, keepdims: bool = False, initial: Any = np._NoValue, where: Any = True) -> Tensor:
        x = ops.asarray(x)
        if where is not True:
            neutral = identity if initial is np._NoValue or identity is not None else initial
            if neutral is None:
                raise ValueError(f"np.{ufunc.__name__}.reduce: a reduction without an identity needs `initial` where it has `where`")
            x = ops.where(ops.asarray(where, device=x.device), x, neutral)
        result = getattr(ops, name)(x, axis=axis, keepdims=keepdims)
        return result if initial is np._NoValue or initial is None else _of_ufunc(ufunc)(result, initial)  # type: ignore[misc]

    return function


def _accumulate(ufunc: np.ufunc) -> Callable[..., Any] | None:
    name = _ACCUMULATIONS.get(ufunc.__name__)
    return None if name is None else getattr(ops, name)


def _outer(ufunc: np.ufunc) -> Callable[..., Any] | None:
    function = _of_ufunc(ufunc)
    if function is None or ufunc.nin != 2:
        return None

    def outer(x1: Any, x2: Any) -> Any:
        x1, x2 = ops.asarray(x1), ops.asarray(x2)
        return function(ops.reshape(x1, x1.shape + (1,) * x2.ndim), x2)

    return outer


_METHODS = {"__call__": _of_ufunc, "reduce": _reduce, "accumulate": _accumulate, "outer": _outer}


# ---------------------------------------------------------------------------
# functions
# ---------------------------------------------------------------------------

# NumPy's function, ours, NumPy's names of our positional arguments, and of our keywords (NumPy's=ours where they differ).
_ROWS = """
all                   all               a               axis keepdims
allclose              allclose          a,b             rtol atol equal_nan
amax                  max               a               axis keepdims
amin                  min               a               axis keepdims
any                   any               a               axis keepdims
argmax                argmax            a               axis keepdims
argmin                argmin            a               axis keepdims
argsort               argsort           a               axis
array_split           array_split       ary,indices_or_sections  axis
broadcast_to          broadcast_to      array,shape     .
column_stack          column_stack      tup             .
copy                  clone             a               .
count_nonzero         count_nonzero     a               axis keepdims
diag                  diag              v               k
diagonal              diagonal          a               offset axis1 axis2
diff                  diff              a               axis n prepend append
expand_dims           expand_dims       a               axis
flip                  flip              m               axis
full_like             full_like         a,fill_value    dtype device
imag                  imag              val             .
isclose               isclose           a,b             rtol atol equal_nan
isin                  isin              element,test_elements  invert
kron                  kron              a,b             .
matrix_transpose      matrix_transpose  x               .
max                   max               a               axis keepdims
min                   min               a               axis keepdims
moveaxis              moveaxis          a,source,destination  .
nan_to_num            nan_to_num        x               nan posinf neginf
nonzero               nonzero           a               .
ones_like             ones_like         a               dtype device
prod                  prod              a               axis dtype keepdims
ravel                 ravel             a               .
real                  real              val             .
roll                  roll              a,shift         axis
searchsorted          searchsorted      a,v             side sorter
sort                  sort              a               axis
split                 split             ary,indices_or_sections  axis
squeeze               squeeze           a               axis
sum                   sum               a               axis dtype keepdims
swapaxes              swapaxes          a,axis1,axis2   .
take_along_axis       take_along_axis   arr,indices     axis
tensordot             tensordot         a,b             axes
tile                  tile              A,reps          .
trace                 trace             a               offset axis1 axis2 dtype
tril                  tril              m               k
triu                  triu              m               k
unstack               unstack           x               axis
zeros_like            zeros_like        a               dtype device
linalg.cholesky       linalg.cholesky   a               upper
linalg.det            linalg.det        a               .
linalg.eig            linalg.eig        a               .
linalg.eigh           linalg.eigh       a               .
linalg.eigvals        linalg.eigvals    a               .
linalg.eigvalsh       linalg.eigvalsh   a               .
linalg.inv            linalg.inv        a               .
linalg.matrix_norm    linalg.matrix_norm  x             keepdims ord
linalg.matrix_power   linalg.matrix_power a,n           .
linalg.matrix_rank    linalg.matrix_rank  A             rtol
linalg.pinv           linalg.pinv       a               rcond=rtol rtol
linalg.slogdet        linalg.slogdet    a               .
linalg.solve          linalg.solve      a,b             .
linalg.svdvals        linalg.svdvals    x               .
linalg.vector_norm    linalg.vector_norm  x             axis keepdims ord
linalg.diagonal       linalg.diagonal   x               offset
linalg.trace          linalg.trace      x               offset dtype
linalg.matmul         matmul            x1,x2           .
linalg.outer          linalg.outer      x1,x2           .
linalg.vecdot         vecdot            x1,x2           axis
fft.fft               fft.fft           a               n axis norm
fft.ifft              fft.ifft          a               n axis norm
fft.rfft              fft.rfft          a               n axis norm
fft.irfft             fft.irfft         a               n axis norm
fft.hfft              fft.hfft          a               n axis norm
fft.ihfft             fft.ihfft         a               n axis norm
fft.fftn              fft.fftn          a               s axes norm
fft.ifftn             fft.ifftn         a               s axes norm
fft.rfftn             fft.rfftn         a               s axes norm
fft.irfftn            fft.irfftn        a               s axes norm
fft.fftshift          fft.fftshift      x               axes
fft.ifftshift         fft.ifftshift     x               axes
"""


def _dotted(root: Any, path: str) -> Any:
    """What a name stands for; None where this version of NumPy does not have it."""
    return functools.reduce(lambda owner, name: getattr(owner, name, None), path.split("."), root)


def _translated(function: Any, ours: Callable[..., Any], positional: list[str], keywords: dict[str, str]) -> Callable[..., Any]:
    """Our function under NumPy's signature."""
    signature, name = inspect.signature(function), _name(function)

    def translated(*args: Any, **kwargs: Any) -> Any:
        given = signature.bind(*args, **kwargs).arguments
        out = given.pop("out", None)
        first = [given.pop(p) for p in positional]
        named = {}
        for key, value in given.items():
            if value is np._NoValue or value is signature.parameters[key].default:
                continue
            if key not in keywords:
                raise _unsupported(name, key)
            named[keywords[key]] = value
        result = ours(*first, **named)
        return result if out is None else _write(name, (out,), result)

    return translated


@functools.cache
def functions() -> dict[Any, Callable[..., Any]]:
    """NumPy's functions that work on Tensors, and what they do there."""
    table = dict(FUNCTIONS)
    for row in _ROWS.strip().splitlines():
        name, ours, positional, *keywords = row.split()
        if (function := _dotted(np, name)) is not None:
            renamed = {k.partition("=")[0]: k.rpartition("=")[2] for k in keywords if k != "."}
            table[name] = _translated(function, operator.attrgetter(ours)(ops), positional.split(","), renamed)
    return {function: ours for name, ours in table.items() if (function := _dotted(np, name)) is not None}


def call_function(function: Any, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What `Tensor.__array_function__` does."""
    if not all(issubclass(t, (Tensor, np.ndarray)) or t.__module__.partition(".")[0] == "cupy" for t in types):
        return NotImplemented
    ours = functions().get(function)
    return _on_host(function, _name(function), args, kwargs) if ours is None else ours(*args, **kwargs)


# ---------------------------------------------------------------------------
# what they have in common
# ---------------------------------------------------------------------------


def _name(function: Any) -> str:
    module = getattr(function, "__module__", None) or ("numpy" if hasattr(np, function.__name__) else "scipy.special")
    return f"{module.replace('numpy', 'np')}.{function.__name__}"


def _known(x: Any) -> bool:
    return x is None or isinstance(x, (Tensor, *NUMBERS)) or is_array(x)


def _unsupported(name: str, argument: str) -> TypeError:
    return TypeError(f"{name}: the argument `{argument}` is not supported for Tensors")


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for v in value:
            yield from _tensors(v)


def _values(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.numpy()
    return type(value)(map(_values, value)) if type(value) in (list, tuple) else value


def _on_host(function: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """NumPy's own result, where no gradient can get lost."""
    if _modes.local.grad_enabled and any(t.requires_grad for t in _tensors([*args, *kwargs.values()])):
        raise TypeError(
            f"{name} is not supported for a Tensor that requires grad: NumPy would compute it without a gradient. "
            "Use anygrad's functions; or, if no gradient is wanted, `t.detach()`."
        )
    return function(*_values(args), **{key: _values(value) for key, value in kwargs.items()})


def _write(name: str, out: tuple[Any, ...], result: Any) -> Any:
    """The result in the arrays given as `out=`: on the record into Tensors."""
    results = result if isinstance(result, tuple) else (result,)
    for target, value in zip(out, results, strict=True):
        if isinstance(target, Tensor):
            ops.copy_(target, value)
        elif value.requires_grad:
            raise TypeError(f"{name}: `out` is an array, but the result requires grad and would lose its graph there. Write `y = {name}(...)`.")
        else:
            target[...] = value.numpy()
    return out if isinstance(result, tuple) else out[0]
