"""One row for each function: the function, what NumPy computes in its place, and sample inputs.

A row with several samples gives several cases; test_ops.py turns each case into tests of value,
derivatives, dtypes, layouts and libraries. An input is named by its shape, and then random (all
values of a case differ, so there are no ties), or given as an array. Floating arrays are
differentiated, integer and boolean arrays are not. Points where a derivative does not exist are
`kinks`: random values keep away from them (what happens there is in test_kinks.py).
"""

from __future__ import annotations

import builtins
import functools
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

import anygrad as ag
from anygrad import ops

Domain = tuple[float, float]


@dataclass(frozen=True)
class Sample:
    """Inputs (shapes, or arrays) and keyword arguments of one call."""

    inputs: tuple[Any, ...]
    kwargs: dict[str, Any]


def s(*inputs: Any, **kwargs: Any) -> Sample:
    return Sample(inputs, kwargs)


@dataclass(frozen=True, eq=False)
class Case:
    """One call of one function.

    Attributes
    ----------
    function, reference : functions
        Of Tensors, and of NumPy arrays; both give an array or a tuple of arrays.
    arrays : tuple of arrays
        The inputs, float64 where they are differentiated.
    complex : bool
        The same call makes sense with complex inputs.
    standard : bool
        The call is within the Array API standard; if not, only NumPy and CuPy take it.
    """

    id: str
    function: Callable[..., Any]
    reference: Callable[..., Any]
    arrays: tuple[np.ndarray, ...]
    kwargs: dict[str, Any] = field(default_factory=dict)
    complex: bool = False
    standard: bool = True

    def as_complex(self) -> Case:
        """The same call on complex inputs, with imaginary parts of their own."""
        rng = np.random.default_rng(7)
        return replace(self, arrays=tuple(np.asarray(a + 1j * rng.uniform(0.2, 0.8, a.shape)) if a.dtype.kind == "f" else a for a in self.arrays))

    def __repr__(self) -> str:
        return self.id


CASES: list[Case] = []
NOT_DIFFERENTIABLE: list[Case] = []


def op(
    name: str,
    reference: Callable[..., Any],
    *samples: Sample,
    function: Callable[..., Any] | None = None,
    domain: Domain = (-2, 2),
    kinks: tuple[float, ...] = (),
    complex: bool = False,
    standard: bool = True,
    into: list[Case] = CASES,
) -> None:
    """Add a row."""
    function = function or getattr(ag, name)
    seed = zlib.crc32(name.encode())
    for i, sample in enumerate(samples):
        arrays = _arrays(sample.inputs, domain, kinks, np.random.default_rng((seed, i)))
        shapes = "-".join("x".join(map(str, a.shape)) or "0d" for a in arrays)
        words = [name, shapes, *(f"{k}={v}".replace(" ", "") for k, v in sample.kwargs.items())]
        into.append(Case("-".join(words), function, reference, arrays, sample.kwargs, complex, standard))


def _arrays(inputs: tuple[Any, ...], domain: Domain, kinks: tuple[float, ...], rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Random values for the shapes, all different, none near a kink."""
    sizes = [int(np.prod(shape)) for shape in inputs if isinstance(shape, tuple)]
    n, (low, high) = builtins.sum(sizes), domain
    values = low + (high - low) * (rng.permutation(n) + rng.uniform(0.25, 0.75, n)) / max(n, 1)
    for kink in kinks:
        away = values - kink
        values = np.where(np.abs(away) < 0.1, kink + np.copysign(0.1, away) + 0.2 * away, values)
    parts = iter(np.split(values, np.cumsum(sizes)))
    return tuple(next(parts).reshape(shape) if isinstance(shape, tuple) else np.asarray(shape) for shape in inputs)


ONE = [s((3,)), s((2, 3)), s(()), s((0,)), s((2, 0, 3))]
TWO = [s((3,), (3,)), s((2, 3), (3,)), s((2, 1), (1, 3)), s((), (2,)), s((2, 1, 2), (3, 1)), s((0, 3), (3,)), s((), ())]
AXES = [s((3,)), s((2, 3)), s((2, 3), axis=0), s((2, 3), axis=-1, keepdims=True), s((2, 2, 3), axis=(0, 2)), s((2, 2, 2), axis=(-1,), keepdims=True), s(())]
INTEGERS = np.array([[3, 0, 5], [6, 2, 3]])
BOOLEANS = np.array([[True, False, True], [False, False, True]])
WITH_ZEROS = [np.array([2.0, 0.0, 3.0]), np.array([[0.0, 1.5, 2.0], [3.0, 0.0, 0.0], [1.0, 2.0, -1.0]])]
HALVES = tuple(np.arange(-2, 2.5, 0.5))


# ---------------------------------------------------------------------------
# elementwise
# ---------------------------------------------------------------------------

for _name in "sin cos sinh cosh tanh exp expm1 asinh negative positive square".split():
    op(_name, getattr(np, _name), *ONE, complex=True)
op("abs", np.abs, *ONE, kinks=(0.0,), complex=True)
op("tan", np.tan, *ONE, domain=(-1.2, 1.2), complex=True)
op("atan", np.atan, *ONE, complex=True)
op("asin", np.asin, *ONE, domain=(-0.9, 0.9), complex=True)
op("acos", np.acos, *ONE, domain=(-0.9, 0.9), complex=True)
op("atanh", np.atanh, *ONE, domain=(-0.9, 0.9), complex=True)
op("acosh", np.acosh, *ONE, domain=(1.2, 3), complex=True)
op("sqrt", np.sqrt, *ONE, domain=(0.2, 3), complex=True)
op("log", np.log, *ONE, domain=(0.2, 3), complex=True)
op("log2", np.log2, *ONE, domain=(0.2, 3), complex=True)
op("log10", np.log10, *ONE, domain=(0.2, 3), complex=True)
op("log1p", np.log1p, *ONE, domain=(-0.8, 2), complex=True)
op("reciprocal", np.reciprocal, *ONE, domain=(0.4, 2), complex=True)
op("conj", np.conj, *ONE, complex=True)
op("real", np.real, *ONE, complex=True)
op("imag", np.imag, *[s(np.asarray(x.astype(complex) * (1 - 2j))) for x in (np.arange(3.0), np.array(2.0), np.ones((0, 2)))])
op("sign", np.sign, *ONE, kinks=(0.0,))
op("sign", np.sign, *[s(np.array([1 + 2j, -0.5 + 1j])), s(np.array(2 - 1j))])
for _name in "floor ceil trunc round".split():
    op(_name, getattr(np, _name), *ONE, kinks=HALVES)

op("add", np.add, *TWO, complex=True)
op("subtract", np.subtract, *TWO, complex=True)
op("multiply", np.multiply, *TWO, complex=True)
op("divide", np.divide, *TWO, domain=(0.4, 2), complex=True)
op("pow", np.pow, *TWO, domain=(0.4, 2), complex=True)
op("pow", np.pow, s(np.array([0.5, 2.0]), np.array([0.0, 1.0])))
op("maximum", np.maximum, *TWO)
op("minimum", np.minimum, *TWO)
op("maximum of a number", lambda x: np.maximum(x, 0.5), s((2, 3)), s(()), function=lambda x: ag.maximum(x, 0.5), kinks=(0.5,))
op("minimum of a number", lambda x: np.minimum(1, x), s((2, 3)), s((0,)), function=lambda x: ag.minimum(1, x), kinks=(1.0,))
op("remainder of a number", lambda x: np.remainder(x, 0.75), s((2, 3)), function=lambda x: ag.remainder(x, 0.75), kinks=(-1.5, -0.75, 0.0, 0.75, 1.5))
op("remainder by x", lambda x: np.remainder(3, x), s(np.array([0.7, -0.8, 4.0])), function=lambda x: ag.remainder(3, x))
op("hypot of a number", lambda x: np.hypot(x, 2.0), s((2, 3)), function=lambda x: ag.hypot(x, 2.0))
op("atan2 of a number", lambda x: np.arctan2(2, x), s((2, 3)), function=lambda x: ag.atan2(2, x))
op("hypot", np.hypot, *TWO)
op("atan2", np.atan2, *TWO, domain=(0.3, 2))
op("atan2", np.atan2, s(np.array([1.0, -1.0, -1.0, 1.0, 0.0, 2.0]), np.array([-2.0, -2.0, 2.0, 2.0, 1.0, 0.0])))
op("logaddexp", np.logaddexp, *TWO)
op("copysign", np.copysign, *TWO, kinks=(0.0,))
op("nextafter", np.nextafter, *TWO)
op("remainder", np.remainder, s(np.array([5.2, -5.2, 5.2, -5.2]), np.array([1.7, 1.7, -1.7, -1.7])), s(np.array([[7.3], [-0.4]]), np.array([2.0, 3.0])))
op("floor_divide", np.floor_divide, s(np.array([5.2, -5.2, 5.2, -5.2]), np.array([1.7, 1.7, -1.7, -1.7])), s(np.array([[7.3], [-0.4]]), np.array([2.0, 3.0])))

# operators: the same expression on Tensors and on NumPy arrays


def operator(text: str, *samples: Sample, **more: Any) -> None:
    expression = eval(f"lambda *x: {text}")
    op(text.replace(" ", "").replace("x[0]", "x").replace("x[1]", "y"), expression, *samples, function=expression, **more)


for _sign in "+ - * / **".split():
    operator(f"x[0] {_sign} x[1]", s((2, 3), (3,)), domain=(0.4, 2), complex=True)
    operator(f"2.5 {_sign} x[0]", s((2, 3)), s(()), domain=(0.4, 2), complex=True)
    operator(f"x[0] {_sign} 3", s((2, 3)), s(()), domain=(0.4, 2), complex=True)
for _sign in ("//", "%"):
    operator(f"x[0] {_sign} x[1]", s(np.array([5.2, -5.2]), np.array([[1.7], [-1.7]])))
    operator(f"2.5 {_sign} x[0]", s(np.array([0.7, -0.4])))
    operator(f"x[0] {_sign} 2", s(np.array([0.7, -3.1])))
operator("x[0] @ x[1]", s((2, 3), (3, 2)), complex=True)
operator("-x[0]", *ONE, complex=True)
operator("+x[0]", *ONE, complex=True)
operator("abs(x[0])", *ONE, kinks=(0.0,))
for _power in ("0", "1", "2", "3.0", "0.5", "(-1)", "2.5"):
    operator(f"x[0] ** {_power}", s((3,)), s(()), domain=(0.4, 2), complex=True)
operator("x[0] ** 3", s(np.array([-1.5, 0.0, 2.0])))
operator("x[0] ** x[1]", s(np.array([-1.5, 2.0]), np.array([2, 3])), standard=False)

# ---------------------------------------------------------------------------
# statistical
# ---------------------------------------------------------------------------

op("sum", np.sum, *AXES, s((0, 3), axis=0), s((0,)), s((2, 3), axis=()), complex=True)
op("mean", np.mean, *AXES, s((0, 3), axis=1), complex=True)
op("max", np.max, *AXES, s((0, 3), axis=1))
op("min", np.min, *AXES, s((0, 3), axis=1))
op("prod", np.prod, *AXES, s((0, 3), axis=0), s((0,)), s((2, 3), axis=()), complex=True)
op("prod", np.prod, *[s(a) for a in WITH_ZEROS], s(WITH_ZEROS[1], axis=0), s(WITH_ZEROS[1], axis=1, keepdims=True), s(WITH_ZEROS[1], axis=(0, 1)))
_COMPLEX_ZEROS = np.array([2 + 1j, 0, 3 - 1j, 0.5j]), np.array([[0, 1 - 1j], [2j, 0], [0, 3 + 0j]])
op("prod", np.prod, s(_COMPLEX_ZEROS[0]), s(_COMPLEX_ZEROS[1]), s(_COMPLEX_ZEROS[1], axis=1))
_SPREAD = [s((3,)), s((2, 3)), s((3, 2), axis=0), s((2, 3), axis=-1, keepdims=True), s((2, 2, 3), axis=(0, 2)), s((2, 3), axis=1, correction=1)]


def _spread(name: str) -> Callable[..., Any]:
    return lambda x, *, correction=0, **kw: getattr(np, name)(x, ddof=correction, **kw)


op("var", _spread("var"), *_SPREAD, s(()), complex=True)
op("std", _spread("std"), *_SPREAD, s((3,), correction=0.5), complex=True)
_RUNNING = [
    s((3,)),
    s((2, 3), axis=0),
    s((2, 3), axis=-1),
    s((3, 2), axis=0, include_initial=True),
    s((2, 0), axis=1),
    s((0, 2), axis=1),
    s((1,)),
    s((2, 5), axis=1),
]
op("cumulative_sum", np.cumulative_sum, *_RUNNING, complex=True)
op("cumulative_prod", np.cumulative_prod, *_RUNNING, complex=True)
op("cumulative_prod", np.cumulative_prod, s(_COMPLEX_ZEROS[0]), s(_COMPLEX_ZEROS[1], axis=0), s(_COMPLEX_ZEROS[1], axis=1))
op("cumulative_prod", np.cumulative_prod, s(WITH_ZEROS[0]), s(WITH_ZEROS[1], axis=0), s(WITH_ZEROS[1], axis=1))

# ---------------------------------------------------------------------------
# products
# ---------------------------------------------------------------------------

_RANKS = [((3,), (3,)), ((3,), (3, 2)), ((2, 3), (3,)), ((2, 3), (3, 2)), ((3,), (2, 3, 2)), ((2, 2, 3), (3,)), ((2, 2, 3), (3, 2)), ((2, 3), (2, 3, 2))]
_RANKS += [
    ((2, 2, 3), (2, 3, 1)),
    ((2, 1, 1, 3), (3, 3, 2)),
    ((1, 2, 2), (2, 2, 1)),
    ((0, 3), (3, 2)),
    ((2, 0), (0, 3)),
    ((0,), (0,)),
    ((2, 0, 3), (3,)),
    ((1, 1), (1, 1)),
]
op("matmul", np.matmul, *[s(a, b) for a, b in _RANKS], complex=True)
op("tensordot", np.tensordot, s((2, 3), (3, 2), axes=1), s((2, 3), (2, 3)), s((2,), (3,), axes=0), s((2, 3, 2), (3, 2), axes=((1,), (0,))), s((2, 3, 2), (2, 3), axes=((1, 0), (1, 0))), s((), (2,), axes=0), complex=True)  # fmt: skip
op("vecdot", np.vecdot, s((3,), (3,)), s((2, 3), (3,)), s((2, 1, 3), (2, 3)), s((2, 3), (2, 3), axis=-2), s((2, 0), (2, 0)), complex=True)

op(
    "einsum",
    lambda *x, form: np.einsum(form, *x),
    s((2, 3), (3, 2), form="ij,jk->ik"),
    s((2, 3), (4, 3), form="ij,kj->ki"),
    s((2, 2, 3), (2, 3, 2), form="bij,bjk->kib"),
    s((2, 1, 2, 3), (2, 1, 3, 3), form="bhqd,bhkd->bhqk"),
    s((2, 3, 2), (2, 3, 2), form="bij,bik->jk"),
    s((2, 3), (2, 3), form="ij,ij->"),
    s((2, 3), (2, 3), form="bi,bi->b"),
    s((2, 2, 3), (2, 3), form="bij,bj->bi"),
    s((2,), (3,), form="i,j->ji"),
    s((2, 3), (2, 2), form="bi,bj->bij"),
    s((2, 3), (3,), form="ij,j->ij"),
    s((2, 3), (), form="ij,->j"),
    s((3, 3), form="ii"),
    s((3, 3), form="ii->i"),
    s((2, 2, 3), form="aab->ba"),
    s((2, 3, 3, 2), form="abba->ab"),
    s((2, 3), form="ij->ji"),
    s((2, 3), form="ij->ij"),
    s((2, 3, 2), form="ijk->j"),
    s((), form="->"),
    s((2, 3), (2, 3, 2), (2, 2), form="bi,oij,bj->bo"),
    s((2,), (3,), (2,), form="a,b,c->cab"),
    s((2, 3), (3, 2), (2, 2), (2, 1), form="ij,jk,kl,lm->im"),
    s((2, 2, 3), (3, 2), form="...ij,jk->...ik"),
    s((2, 2, 3), (2, 1, 3), form="i...,i...->..."),
    s((1, 3), (2, 1), form="ij,ij->i"),
    s((2, 1), (3, 2), form="ij,jk->ik"),
    s((0, 3), (3, 2), form="ij,jk->ik"),
    s((2, 0), (0, 3), form="ij,jk->ik"),
    function=lambda *x, form: ag.einsum(form, *x),
    complex=True,
)

# ---------------------------------------------------------------------------
# shapes
# ---------------------------------------------------------------------------

op("reshape", np.reshape, s((2, 3), shape=(3, 2)), s((2, 3), shape=(-1,)), s((), shape=(1, 1)), s((0, 2), shape=(2, 0)), s((1,), shape=()), complex=True)
op(
    "permute_dims",
    np.transpose,
    s((2, 3), axes=(1, 0)),
    s((2, 1, 3), axes=(2, 0, 1)),
    s((2, 2, 3), axes=(-1, 0, 1)),
    s((), axes=()),
    s((0, 2), axes=(1, 0)),
    complex=True,
)
op("transpose", np.transpose, s((2, 3)), s((2, 1, 3)), s(()), function=ag.transpose)
op("transpose axes", lambda x: np.transpose(x, (2, 0, 1)), s((2, 1, 3)), function=lambda x: ag.transpose(x, (2, 0, 1)))
op("matrix_transpose", np.matrix_transpose, s((2, 3)), s((2, 1, 3)), s((2, 0)), complex=True)
op("moveaxis", lambda x: np.moveaxis(x, (0, 2), (-1, 0)), s((2, 1, 3)), function=lambda x: ag.moveaxis(x, (0, 2), (-1, 0)))
op("moveaxis one", lambda x: np.moveaxis(x, 0, -1), s((2, 1, 3)), s((2,)), function=lambda x: ag.moveaxis(x, 0, -1))
op(
    "broadcast_to",
    np.broadcast_to,
    s((3,), shape=(2, 3)),
    s((2, 1), shape=(2, 2, 3)),
    s((), shape=(2,)),
    s((), shape=()),
    s((1, 3), shape=(0, 3)),
    complex=True,
)
op("broadcast_arrays", lambda *x: tuple(np.broadcast_arrays(*x)), s((3,), (2, 1)), s((), (2,), (1, 1)), s((2,), (2,)))
op("expand_dims", np.expand_dims, s((2, 3), axis=0), s((2, 3), axis=-1), s((2,), axis=(0, 2)), s((), axis=0), complex=True)
op("squeeze", np.squeeze, s((2, 1), axis=1), s((1, 2, 1), axis=(0, -1)), s((1, 0), axis=0), complex=True)
op("flip", np.flip, s((3,)), s((2, 3)), s((2, 3), axis=0), s((2, 2, 2), axis=(0, -1)), s(()), s((0,)), complex=True)
op("roll", np.roll, s((3,), shift=1), s((2, 3), shift=-2), s((2, 3), shift=1, axis=-1), s((2, 3), shift=(1, 2), axis=(0, 1)), s((2, 3), shift=(1, 1), axis=(1, 1)), s((), shift=1), s((0,), shift=2), s((2, 3), shift=7, axis=1), s((2, 3), shift=1, axis=(0, 1)), complex=True)  # fmt: skip
op("roll by several", lambda x: np.roll(x, (1, 1)), s((2, 3)), function=lambda x: ag.roll(x, (1, 1)))


def _together(name: str) -> dict[str, Any]:
    return {"reference": lambda *x, **kw: getattr(np, name)(x, **kw), "function": lambda *x, **kw: getattr(ag, name)(x, **kw)}


_CONCAT = [s((2,), (3,)), s((2, 3), (1, 3)), s((2, 1), (2, 2), (2, 3), axis=-1), s((2, 2), (3,), axis=None), s((0, 2), (1, 2)), s((2,))]
op("concat", _together("concat")["reference"], *_CONCAT, function=_together("concat")["function"], complex=True)
op("stack", _together("stack")["reference"], s((3,), (3,)), s((2, 3), (2, 3), axis=1), s((2,), (2,), (2,), axis=-1), s((), ()), s((0,), (0,)), function=_together("stack")["function"], complex=True)  # fmt: skip
op("unstack", lambda x, axis=0: tuple(np.unstack(x, axis=axis)), s((3,)), s((2, 3), axis=0), s((2, 3), axis=-1), s((2, 0)), complex=True)
op("unstack some", lambda x: x[1], s((3, 2)), function=lambda x: ag.unstack(x)[1])
op("tile", lambda x, reps: np.tile(x, reps), s((2,), reps=(3,)), s((2, 3), reps=(2, 1)), s((3,), reps=(2, 2)), s((2, 1, 2), reps=(2,)), s((), reps=(2,)), s((0,), reps=(2,)), s((2,), reps=(0,)), s((2, 3), reps=3), s((2, 3), reps=()), s((2, 2), reps=(1, 2, 2)), function=lambda x, reps: ag.tile(x, reps), complex=True)  # fmt: skip
op("repeat", lambda x, n, axis=None: np.repeat(x, n, axis=axis), s((3,), n=2), s((2, 3), n=2), s((2, 3), n=2, axis=1), s((2, 2), n=3, axis=-2), s((2,), n=0), s((), n=2), function=lambda x, n, axis=None: ag.repeat(x, n, axis=axis), complex=True)  # fmt: skip
op("repeat each", np.repeat, s((3,), np.array([2, 0, 1])), s((2, 3), np.array([1, 2]), axis=0), s((2, 3), np.array([2, 0, 1]), axis=-1), s((2, 2), np.array([1, 0, 3, 2])), s((2, 3), np.array([2]), axis=1), s((2,), np.array([0, 0])), s((0,), np.array([], dtype=int)), s((), np.array([3])), function=ag.repeat, complex=True)  # fmt: skip
op("repeat list", lambda x: np.repeat(x, [2, 0, 1], axis=1), s((2, 3)), function=lambda x: ag.repeat(x, [2, 0, 1], axis=1))
op("repeat list of one", lambda x: np.repeat(x, [2], axis=0), s((2, 3)), function=lambda x: ag.repeat(x, [2], axis=0))
op(
    "meshgrid",
    lambda *x, **kw: tuple(np.meshgrid(*x, **kw)),
    s((2,), (0,)),
    s((), (2,)),
    s((1,), (1,), (1,), indexing="ij"),
    s((2,), (3,)),
    s((2,), (3,), indexing="ij"),
    s((2,), (1,), (3,)),
    s((2,)),
)
op("flatten", np.ravel, s((2, 3)), s(()), s((0, 2)), function=ag.flatten)
op(
    "diff",
    np.diff,
    s((5,), n=3),
    s((3, 2), axis=0, n=2),
    s((2,), n=3),
    s((0,)),
    s((4,)),
    s((2, 3), axis=0),
    s((2, 4), n=2),
    s((2, 3), n=0),
    s((1,)),
    complex=True,
)
op(
    "diff around",
    lambda x, a, b: np.diff(x, prepend=a, append=b),
    s((3,), (1,), (2,)),
    s((2, 2), (2, 1), (2, 1)),
    function=lambda x, a, b: ag.diff(x, prepend=a, append=b),
)
op("diff by numbers", lambda x: np.diff(x, n=2, axis=0, prepend=x.dtype.type(0.5), append=x.dtype.type(3)), s((2, 2)), s((3,)), s((0, 2)), function=lambda x: ag.diff(x, n=2, axis=0, prepend=0.5, append=3), complex=True)  # fmt: skip
op("tril", np.tril, s((3, 3)), s((2, 3), k=1), s((2, 2, 2), k=-1), s((0, 2)), complex=True)
op("triu", np.triu, s((3, 3)), s((2, 3), k=1), s((2, 2, 2), k=-1), s((0, 2)), complex=True)
op("clone", np.copy, *ONE, complex=True)

# ---------------------------------------------------------------------------
# choosing
# ---------------------------------------------------------------------------

op("where", np.where, s(BOOLEANS, (2, 3), (2, 3)), s(BOOLEANS, (3,), ()), s(np.array([True, False]), (3, 1), (2,)), s(np.array(True), (2,), (2,)), s(np.zeros((0, 2), bool), (2,), (2,)), complex=True)  # fmt: skip
op("where number", lambda c, x: np.where(c, x, 2.0), s(BOOLEANS, (2, 3)), function=lambda c, x: ag.where(c, x, 2.0), complex=True)
op("where a number", lambda c, x: np.where(c, 2, x), s(BOOLEANS, (2, 3)), function=lambda c, x: ag.where(c, 2, x), complex=True)
op("number where", lambda c, x: np.where(c, 2, x), s(BOOLEANS, (3,)), function=lambda c, x: ag.where(c, 2, x))
op("clip", lambda x, **kw: np.clip(x, kw.get("min"), kw.get("max")), s((6,), min=-1.0, max=1.0), s((2, 3), min=-0.5), s((2, 3), max=0.5), s((3,)), s((), min=0.0), s((0,), min=0.0, max=1.0), kinks=(-1.0, -0.5, 0.0, 0.5, 1.0))  # fmt: skip
op("clip between", np.clip, s(np.array([[-1.5, 0.3, 1.5], [0.5, 2.0, -2.0]]), np.array([-1.0, -0.2, 0.1]), np.array([[1.0], [1.7]])), function=ag.clip)
op("clip between wide bounds", np.clip, s(np.array([-1.5, 0.3, 1.7]), np.array([[-1.0], [0.5]]), np.array([[1.0, 0.2, 1.1]])), s(np.array(0.4), np.array([-1.0, 0.5]), np.array([0.2, 2.0])), s(np.zeros((0, 2)), np.array([-1.0, 0.5]), np.array(1.0)), function=ag.clip)  # fmt: skip
op("clip crossed bounds", np.clip, s(np.array([-1.5, 0.3, 1.7]), np.array(1.0), np.array(-1.0)), function=ag.clip)
op("clip from below", lambda x, low: np.clip(x, low, None), s(np.array([-1.5, 0.3, 1.7]), np.array([[-1.0], [0.5]])), s(np.array([[2.0], [-2.0]]), np.array([-1.0, 1.0])), function=lambda x, low: ag.clip(x, low))  # fmt: skip
op("clip from above", lambda x, high: np.clip(x, None, high), s(np.array([-1.5, 0.3, 1.7]), np.array([[-1.0], [0.5]])), s(np.array([[2.0], [-2.0]]), np.array(1.0)), function=lambda x, high: ag.clip(x, max=high))  # fmt: skip
op("take", np.take, s((3,), np.array([2, 0, 2])), s((2, 3), np.array([1, 1, 0]), axis=0), s((2, 3), np.array([0, -1]), axis=-1), s((2, 2, 3), np.array([1]), axis=1), s((3,), np.array([], dtype=int)), complex=True)  # fmt: skip
op("take 2-D", np.take, s((2, 3), np.array([[0, 2], [1, 1]]), axis=1), function=ag.take, standard=False)
op("take_along_axis", np.take_along_axis, s((2, 3), np.array([[2, 0], [1, 1]])), s((2, 3), np.array([[0, 1, 1]]), axis=0), s((3,), np.array([0, 0, 2]), axis=0), s((2, 2, 2), np.array([[[1], [0]], [[0], [0]]]), axis=-1), s((2, 3), np.array([[1, 0]]), axis=1), s((1, 3), np.array([[2, 0], [1, -1]]), axis=1), s((2, 3), np.zeros((2, 0), int)), s((0, 3), np.zeros((0, 2), int)), complex=True)  # fmt: skip
op("sort", np.sort, s((5,)), s((2, 3)), s((3, 2), axis=0), s((0,)), s((1, 2), axis=0))
op(
    "sort descending",
    lambda x, axis=-1: np.flip(np.sort(x, axis=axis), axis=axis),
    s((5,)),
    s((2, 3), axis=0),
    function=lambda x, axis=-1: ag.sort(x, axis=axis, descending=True),
)
op("astype", lambda x: x.astype(np.float64), s((2, 3)), s(()), function=lambda x: ag.astype(x, ag.float64))
op("asarray", np.array, s((2, 3)), function=lambda x: ag.asarray(x, copy=True))
op("as_tensor", np.array, s((2, 3)), function=lambda x: ag.as_tensor([x[0], x[1]]))
op("astype complex", lambda x: x.astype(np.complex128), s((2, 3)), s(()), function=lambda x: ag.astype(x, ag.complex128))


def _scattered(g: np.ndarray, *index: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    out = np.zeros(shape, dtype=g.dtype)
    np.add.at(out, index, g)
    return out


def _zeroed(x: np.ndarray, key: Any) -> np.ndarray:
    out = x.copy()
    out[key] = 0
    return out


op("scatter_add", _scattered, s((3,), np.array([0, 2, 0]), shape=(4,)), s((2,), np.array([1, 1]), np.array([0, 2]), shape=(2, 3)), function=lambda g, *index, shape: ops.scatter_add(shape, index, g), complex=True)  # fmt: skip
op("scatter_add slice", lambda g: np.pad(g, ((0, 0), (1, 0))), s((2, 2)), function=lambda g: ops.scatter_add((2, 3), (slice(None), slice(1, None)), g))
op("zero_at", lambda x: _zeroed(x, (slice(None), 1)), s((2, 3)), function=lambda x: ops.zero_at(x, (slice(None), 1)), complex=True)
op("zero_at indices", _zeroed, s((3,), np.array([0, 2, 0])), function=ops.zero_at)

# ---------------------------------------------------------------------------
# beyond the standard
# ---------------------------------------------------------------------------

for _mode in ("constant", "edge", "reflect", "symmetric", "wrap"):
    op(f"pad {_mode}", functools.partial(np.pad, mode=_mode), s((3,), pad_width=2), s((2, 3), pad_width=((1, 0), (0, 2))), s((2, 2), pad_width=(0, 1)), s((3,), pad_width=(4, 7)), s((1,), pad_width=2), s((3,), pad_width=0), s((0, 2), pad_width=((0, 0), (1, 1))), s((), pad_width=1), function=functools.partial(ag.pad, mode=_mode), complex=True)  # fmt: skip
op("pad", np.pad, s((2, 3), pad_width=1, constant_values=2.5), s((2, 2), pad_width=((1, 1), (2, 0)), constant_values=((1, 2), (3, 4))), s((0,), pad_width=1), complex=True)  # fmt: skip
op("split", np.split, s((4,), indices_or_sections=2), s((2, 6), indices_or_sections=3, axis=1), s((5,), indices_or_sections=(1, 3)), s((3, 2), indices_or_sections=[2], axis=-2), s((4,), indices_or_sections=[3, 1, -1, 9]), complex=True)  # fmt: skip
op("split some", lambda x: np.split(x, [1, 3])[1], s((4, 2)), function=lambda x: ag.split(x, [1, 3])[1], complex=True)
op("array_split", np.array_split, s((5,), indices_or_sections=3), s((2, 3), indices_or_sections=2, axis=1), s((2,), indices_or_sections=3), complex=True)
op("chunk", lambda x, chunks, axis=0: np.split(x, range(-(-x.shape[axis] // chunks), x.shape[axis], -(-x.shape[axis] // chunks)), axis), s((5,), chunks=3), s((5,), chunks=4), s((2, 4), chunks=2, axis=-1), complex=True)  # fmt: skip
for _name in ("hstack", "vstack", "column_stack"):
    op(_name, lambda *x, name=_name: getattr(np, name)(x), s((2,), (2,)), s((2, 1), (2, 1)), s((2,)), function=lambda *x, name=_name: getattr(ag, name)(x), complex=True)  # fmt: skip
op("hstack 0-d", lambda *x: np.hstack(x), s((), (2,), ()), function=lambda *x: ag.hstack(x))
op("column_stack mixed", lambda *x: np.column_stack(x), s((2,), (2, 3)), function=lambda *x: ag.column_stack(x))
op("ravel", np.ravel, s((2, 3)), s(()), s((0, 2)), complex=True)
op("flatten between", lambda x: x.reshape(2, 6, 2), s((2, 2, 3, 2)), function=lambda x: ag.flatten(x, 1, -2))
op("swapaxes", np.swapaxes, s((2, 3), axis1=0, axis2=1), s((2, 1, 3), axis1=-1, axis2=0), s((2, 3), axis1=1, axis2=1), complex=True)
op("diag", np.diag, s((3,)), s((2,), k=1), s((2,), k=-2), s((0,)), s((0,), k=1), s((3, 3)), s((2, 4), k=2), s((3, 2), k=-1), s((2, 2), k=5), complex=True)
op("diagonal", np.diagonal, s((3, 3)), s((2, 3), offset=1), s((3, 2), offset=-1), s((2, 2, 3), axis1=1, axis2=-1), s((2, 3, 2), axis1=2, axis2=0), s((2, 0)), complex=True)  # fmt: skip
op("trace", np.trace, s((3, 3)), s((2, 3), offset=1), s((2, 2, 3), axis1=1, axis2=-1), complex=True)
op("outer", np.outer, s((2,), (3,)), s((0,), (2,)), complex=True)
op("cross", np.cross, s((3,), (3,)), s((2, 3), (3,)), s((3, 2), (3, 2), axis=-2), complex=True)
op("dot", np.dot, s((3,), (3,)), s((2, 3), (3, 2)), s((2, 2, 3), (3,)), s((2, 3), (2, 3, 2)), s((), (2,)), s((2, 2), ()), s((0,), (0,)), complex=True)
op("kron", np.kron, s((2,), (3,)), s((2, 1), (2, 3)), s((2,), (2, 2)), s((), (2,)), s((2, 2, 1), (2,)), complex=True)
op("relu", lambda x: np.maximum(x, 0), *ONE, kinks=(0.0,))
op("nan_to_num", np.nan_to_num, *ONE, s(np.array([1.0, np.nan, -2.0]), nan=3.0), s(np.array([np.inf, 1.0, -np.inf]), posinf=5.0, neginf=-7.0), complex=True)


def _softmax(x: np.ndarray, axis: Any = None) -> np.ndarray:
    return np.exp(x) / np.sum(np.exp(x), axis=axis, keepdims=True)


op("softmax", _softmax, *[s(*sample.inputs, **{k: v for k, v in sample.kwargs.items() if k == "axis"}) for sample in AXES], s((0, 2), axis=0))
op("log_softmax", lambda x, axis=None: np.log(_softmax(x, axis)), *[s((3,)), s((2, 3)), s((2, 3), axis=0), s((2, 2, 2), axis=(0, 2)), s(()), s((2, 0), axis=0)])
op("logsumexp", lambda x, **kw: np.log(np.sum(np.exp(x), **kw)), *AXES)

# indexing: the text is the key, `i`, `j` and `mask` are arrays beside x


def index(text: str, x: Any = (3, 4), *arrays: np.ndarray, standard: bool = True) -> None:
    read = eval(f"lambda x, i=None, j=None: x[{text}]")
    op(f"x[{text}]", read, s(x, *arrays), function=read, complex=standard, standard=standard)


for _key in "0;-1;1, 2;1:;:, 1;::-1;::2, ::-1;-1:0:-1, 1;...;..., 0;0, ..., 1:3;None;None, :, None, 0;:, ..., None;1:1;2, None".split(";"):
    index(_key)
index("()", ())
index("...", ())
index("None", ())
index("0, ...")
index("1:, 0, ::-1", (2, 2, 3))
index("i", (3, 4), BOOLEANS.T[:, :1].repeat(4, 1))
index("i", (3,), np.array([True, False, True]))
index("i", (3, 4), np.array([True, False, True]))
index("i", (3,), np.array([False, False, False]))
index("i", (), np.array(True), standard=False)
index("i", (3,), np.array([0, 2, 0, -1]))
index("i, j", (3, 4), np.array([0, 2, 0]), np.array([1, 1, 1]))
index("i, j", (3, 4), np.array([[0], [2]]), np.array([0, 3, -1]))
index("i, 1", (3, 4), np.array([0, 2, 2]))
index("i", (3, 4), np.array([2, 0, 2]), standard=False)
index("i", (3, 4), np.array([[2, 0], [1, 1]]), standard=False)
index("i", (3,), np.array([], dtype=int))
index(":, i", (3, 4), np.array([0, 3, 0]), standard=False)
index("i, :, 0", (2, 2, 3), np.array([1, 1]), standard=False)
index("i, None, 1:, j", (2, 3, 2), np.array([1, 0, 1]), np.array([0, 0, 1]), standard=False)
index("..., i", (2, 3), np.array([True, False, True]), standard=False)
index("0, i", (2, 3), np.array([True, False, True]), standard=False)
index("i, ::-1", (3, 2), np.array([True, False, True]), standard=False)
index("[0, 2, 0]", (3,), standard=False)

# ---------------------------------------------------------------------------
# declared to have no derivative
# ---------------------------------------------------------------------------


op("full", lambda x: np.full((2, 3), x), s(()), function=lambda x: ag.full((2, 3), x, device=x.device), complex=True)
op("full_like", lambda x, value: np.full_like(x, value) * x, s((2, 3), ()), function=lambda x, value: ag.full_like(x, value) * x, complex=True)
op("linspace", lambda start, stop: np.linspace(start, stop, 5), s((), ()), function=lambda start, stop: ag.linspace(start, stop, 5, device=start.device))
op(
    "arange",
    lambda start, step: np.arange(start, 3.0, step).astype(start.dtype),
    s(np.asarray(0.3), np.asarray(0.5)),
    function=lambda *args: ag.arange(args[0], 3.0, args[1], device=args[0].device),
)
op("unique_values", np.unique, s((4,)), s((2, 3)), s((0,)))
for _name in "unique_all unique_counts unique_inverse".split():
    op(_name, np.unique, s((4,)), s((2, 3)), function=(lambda name: lambda x: getattr(ag, name)(x).values)(_name))


def fixed(name: str, reference: Callable[..., Any], *samples: Sample, **more: Any) -> None:
    op(name, reference, *samples, into=NOT_DIFFERENTIABLE, **more)


_ODD = np.array([1.0, np.nan, -np.inf, -0.0])
for _name in "equal not_equal less less_equal greater greater_equal".split():
    fixed(_name, getattr(np, _name), s((2, 3), (3,)), s((), ()), s(INTEGERS, INTEGERS[0]))
for _name in "isfinite isinf isnan signbit".split():
    fixed(_name, getattr(np, _name), s(_ODD), s(()))
fixed("isclose", np.isclose, s((2, 3), (3,)), s(_ODD, _ODD), s(_ODD, _ODD, equal_nan=True), s(_ODD, -_ODD), s(np.array([1.0, 100.0, 1e-9, 1 + 1e-5]), np.array([1.00001, 100.1, 0.0, 1.0])), s(np.array([1.0, 2.0]), np.array([1.1, 3.0]), rtol=0.0, atol=0.2), s(INTEGERS, INTEGERS + 1, rtol=0.2), s(np.array([1 + 1j, np.nan]), np.array([1 + 1.1j, np.nan]), atol=0.2, equal_nan=True))  # fmt: skip
for _name in "logical_and logical_or logical_xor".split():
    fixed(_name, getattr(np, _name), s(BOOLEANS, BOOLEANS[0]))
fixed("logical_not", np.logical_not, s(BOOLEANS))
for _name in "bitwise_and bitwise_or bitwise_xor bitwise_left_shift bitwise_right_shift".split():
    fixed(_name, getattr(np, _name), s(INTEGERS, INTEGERS[1]))
fixed("bitwise_invert", np.bitwise_invert, s(INTEGERS))
fixed("argmax", np.argmax, s((4,)), s((2, 3), axis=0), s((2, 3), axis=-1, keepdims=True))
fixed("argmin", np.argmin, s((4,)), s((2, 3), axis=0), s((2, 3), axis=-1, keepdims=True))
fixed("argsort", np.argsort, s((5,)), s((3, 2), axis=0))
_TIES = np.array([[2.0, 1.0, 2.0, 1.0, 3.0, 1.0], [0.0, 0.0, -1.0, -1.0, 0.0, 5.0]])
fixed("argsort ties", lambda x, axis=-1: np.argsort(x, axis=axis, stable=True), s(_TIES), s(_TIES, axis=0), function=ag.argsort)
fixed(
    "argsort descending ties",
    lambda x, axis=-1: np.argsort(-x, axis=axis, stable=True),
    s(_TIES),
    s(_TIES, axis=0),
    function=lambda x, axis=-1: ag.argsort(x, axis=axis, descending=True),
)
fixed(
    "count_nonzero",
    np.count_nonzero,
    s(INTEGERS),
    s(INTEGERS, axis=1),
    s(INTEGERS, axis=(0, 1), keepdims=True),
    s(BOOLEANS, axis=-2, keepdims=True),
    s(np.zeros((0, 2)), axis=0),
    s(np.array(3.0)),
    s(np.array([np.nan, 0.0, 1j])),
)
fixed("nonzero", np.nonzero, s(INTEGERS), s(np.array([0.0, 2.0])))
fixed(
    "searchsorted",
    np.searchsorted,
    s(np.array([1.0, 2.0, 4.0]), np.array([2.0, 3.0, 9.0])),
    s(np.array([1.0, 2.0, 4.0]), np.array([2.0]), side="right"),
    s(np.array([1.0, 2.0]), np.array([[0.0], [3.0]])),
    s(np.array([1.0, 2.0]), np.array(1.5)),
    s(np.zeros(0), np.array([1.0])),
)
fixed(
    "searchsorted unsorted",
    lambda x1, x2, sorter: np.searchsorted(x1, x2, sorter=sorter),
    s(np.array([4.0, 1.0, 2.0]), np.array([2.0, 3.0, 9.0]), np.array([1, 2, 0])),
    function=lambda x1, x2, sorter: ag.searchsorted(x1, x2, sorter=sorter),
)
fixed("all", np.all, s(BOOLEANS), s(BOOLEANS, axis=0), s(np.zeros(0, bool)))
fixed("any", np.any, s(BOOLEANS), s(BOOLEANS, axis=1, keepdims=True), s(np.zeros(0, bool)))
fixed("isin", np.isin, s(INTEGERS, np.array([2, 3])), s(INTEGERS, np.array([2, 3]), invert=True))
fixed("unique_values", np.unique, s(INTEGERS), s(BOOLEANS))
for _name in "unique_all unique_counts unique_inverse".split():
    fixed(_name, (lambda name: lambda x: tuple(getattr(np, name)(x)))(_name), s(INTEGERS), s(BOOLEANS))
fixed("astype integer", lambda x: x.astype(np.int64), s((2, 3)), function=lambda x: ag.astype(x, ag.int64))
fixed("zeros_like", np.zeros_like, s((2, 3)))
fixed("ones_like", np.ones_like, s((2, 3)), s(INTEGERS))
fixed("full_like", np.full_like, s((2, 3), fill_value=1.5))
