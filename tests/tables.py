"""The rows of all tables of functions, in one form: those of op_cases.py, and of the extensions' own tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import op_cases
import test_fft
import test_linalg
import test_random
import test_special

import anygrad as ag
from anygrad import fft, linalg, special
from anygrad._catalogue import public_functions

PUBLIC = public_functions()


@dataclass(frozen=True, eq=False)
class Row:
    """One call of a function.

    Attributes
    ----------
    name : str
        Of the public function that the row is about; empty for operators and indexing.
    function : function
        Of Tensors; gives one or a tuple of them.
    arrays : tuple of arrays
        float64 or complex128 where they are differentiated.
    """

    id: str
    name: str
    function: Callable[..., Any]
    arrays: tuple[np.ndarray, ...]

    def __repr__(self) -> str:
        return self.id

    @property
    def live(self) -> list[int]:
        """The positions of what is differentiated."""
        return [i for i, a in enumerate(self.arrays) if a.dtype.kind in "fcV"]


def of_op_cases() -> Iterator[Row]:
    for case in op_cases.CASES:
        for c in (case, case.as_complex()) if case.complex else (case,):
            yield Row(
                f"{c.id}{'' if c is case else '-complex'}",
                _public("", case.id.partition("-")[0].replace(" ", "_")),
                lambda *x, c=c: c.function(*x, **c.kwargs),
                c.arrays,
            )


def of_linalg() -> Iterator[Row]:
    for name, function, shapes in test_linalg.ROWS:
        for shape in shapes:
            yield from _real_and_complex("linalg", name, function, test_linalg.regular(*shape))
    for order in test_linalg.ORDERS:
        yield from _real_and_complex(
            "linalg", f"vector_norm_{order}", lambda x, order=order: linalg.vector_norm(x, axis=1, ord=order), test_linalg.random(2, 3)
        )
    for name, function, shape1, shape2 in test_linalg.PAIRS:
        x1 = test_linalg.regular(*shape1) if "solve" in name else test_linalg.random(*shape1)
        yield from _real_and_complex("linalg", name, function, x1, test_linalg.random(*shape2))


def of_fft() -> Iterator[Row]:
    for name, kind, kwargs in test_fft.ROWS:
        for norm in ("backward", "ortho"):
            id = f"fft.{name}-{kind.__name__}-{kwargs}-{norm}"
            yield Row(id, f"fft.{name}", lambda x, name=name, kwargs=kwargs, norm=norm: getattr(fft, name)(x, norm=norm, **kwargs), (kind(4, 5),))
    for name in ("fftshift", "ifftshift"):
        yield Row(f"fft.{name}", f"fft.{name}", getattr(fft, name), (test_fft.complex_(4, 5),))


def of_special() -> Iterator[Row]:
    for i, (name, arrays) in enumerate(test_special.ROWS):
        yield Row(f"special.{name}-{i}", f"special.{name}", getattr(special, name), arrays)
    for name, function, arrays in test_special.PARTIAL:
        yield Row(
            f"special.{name}",
            f"special.{name.partition('-')[0]}",
            lambda *xs, f=function: f(special, lambda a: ag.asarray(a, device=xs[0].device), *xs),
            arrays,
        )
    yield Row("special.wofz", "special.wofz", special.wofz, (test_special.LINE * (0.5 - 0.25j),))


def of_random() -> Iterator[Row]:
    for name, function, arrays in test_random.ROWS:
        yield Row(f"random.{name}", f"random.{name}", function, arrays)


def _real_and_complex(extension: str, name: str, function: Callable[..., Any], *arrays: np.ndarray) -> Iterator[Row]:
    shapes = "-".join("x".join(map(str, a.shape)) for a in arrays)
    for kind in ("real", "complex"):
        xs = arrays if kind == "real" else tuple(map(test_linalg.phase, arrays))
        yield Row(f"{extension}.{name}-{shapes}-{kind}", _public(extension, name), function, xs)


def _public(extension: str, words: str) -> str:
    """The public function that the name of a row begins with: "linalg.qr" for "qr_complete"."""
    parts = words.split("_")
    names = ("_".join(parts[:i]) for i in range(len(parts), 0, -1))
    return next((n for name in names if (n := f"{extension}.{name}" if extension else name) in PUBLIC), "")


ROWS = [*of_op_cases(), *of_linalg(), *of_fft(), *of_special(), *of_random()]
