"""What anygrad offers: the names of the Array API standard, documented, each differentiable or declared not to be."""

from __future__ import annotations

import dis
import inspect
import types
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import anygrad as ag

CONSTANTS = "e inf nan newaxis pi".split()
STANDARD = """
abs acos acosh add all any arange argmax argmin argsort asarray asin asinh astype atan atan2 atanh bitwise_and bitwise_invert
bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor broadcast_arrays broadcast_shapes broadcast_to can_cast ceil clip concat conj
copysign cos cosh count_nonzero cumulative_prod cumulative_sum diff divide empty empty_like equal exp expand_dims expm1 eye finfo flip
floor floor_divide from_dlpack full full_like greater greater_equal hypot iinfo imag isdtype isfinite isin isinf isnan less less_equal
linspace log log10 log1p log2 logaddexp logical_and logical_not logical_or logical_xor matmul matrix_transpose max maximum mean meshgrid
min minimum moveaxis multiply negative nextafter nonzero not_equal ones ones_like permute_dims positive pow prod real reciprocal
remainder repeat reshape result_type roll round searchsorted sign signbit sin sinh sort sqrt square squeeze stack std subtract sum take
take_along_axis tan tanh tensordot tile tril triu trunc unique_all unique_counts unique_inverse unique_values unstack var vecdot where
zeros zeros_like
""".split()
DTYPES = "bool complex128 complex64 float32 float64 int16 int32 int64 int8 uint16 uint32 uint64 uint8".split()

# Functions that take no part in a graph: they make tensors out of nothing or of data, or are about dtypes and shapes.
OUTSIDE_OF_GRAPHS = """
arange as_tensor asarray broadcast_arrays broadcast_shapes can_cast empty empty_like eye finfo from_dlpack from_numpy full full_like
iinfo isdtype linspace ones ones_like result_type tensor zeros zeros_like
""".split()


def functions() -> Iterator[str]:
    """The names of the public functions on Tensors."""
    for name in ag.__all__:
        value = getattr(ag, name)
        if inspect.isfunction(value) and value.__module__.startswith("anygrad.ops"):
            yield name


@pytest.mark.parametrize("name", STANDARD + DTYPES + CONSTANTS)
def test_name_of_the_standard(name: str) -> None:
    assert name in ag.__all__
    assert hasattr(ag, name)


def test_all_is_complete_and_has_no_repeats() -> None:
    assert len(set(ag.__all__)) == len(ag.__all__)
    assert not [name for name in ag.__all__ if name.startswith("_") or not hasattr(ag, name)]


@pytest.mark.parametrize("name", [n for n in ag.__all__ if callable(getattr(ag, n))])
def test_docstring(name: str) -> None:
    assert (getattr(ag, name).__doc__ or "").strip()


def primitives_of(function: Callable[..., Any], seen: set[int]) -> Iterator[Any]:
    """The primitives that a function is made of, as far as its code names them."""
    if id(function) in seen:
        return
    seen.add(id(function))
    if hasattr(function, "primitive"):
        yield function.primitive
        return
    named: dict[str, Any] = {}
    codes = [function.__code__, *(c for c in function.__code__.co_consts if isinstance(c, types.CodeType))]
    for code in codes:
        for instruction in dis.get_instructions(code):
            if instruction.opname == "IMPORT_NAME":
                source = str(instruction.argval).rpartition(".")[2]
            elif instruction.opname == "IMPORT_FROM":
                named[instruction.argval] = getattr(getattr(ag.ops, source, None), instruction.argval, None)
            elif instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
                named[instruction.argval] = function.__globals__.get(instruction.argval)
    for value in named.values():
        if hasattr(value, "primitive") or inspect.isfunction(value) and value.__module__.startswith("anygrad.ops"):
            yield from primitives_of(value, seen)


@pytest.mark.parametrize("name", sorted(functions()))
def test_differentiable_or_declared_not_to_be(name: str) -> None:
    found = list(primitives_of(getattr(ag, name), set()))
    if name in OUTSIDE_OF_GRAPHS:
        return
    assert found, f"{name} is made of no primitive; if it takes no part in a graph, say so in OUTSIDE_OF_GRAPHS"
    for made in found:
        ruled = any(rule is not None for rule in made.rules)
        assert ruled or not made.differentiable, f"{name}: the primitive {made.name} has no rule and is not declared differentiable=False"
        assert not (ruled and not made.differentiable), f"{name}: the primitive {made.name} has rules, but is declared differentiable=False"


def test_outside_of_graphs_names_functions() -> None:
    assert set(OUTSIDE_OF_GRAPHS) <= set(functions())


def test_every_function_has_a_row() -> None:
    """op_cases.py covers each public function, except those that take no part in a graph."""
    from op_cases import CASES, NOT_DIFFERENTIABLE

    rows = {case.id.partition("-")[0] for case in CASES + NOT_DIFFERENTIABLE}
    assert sorted(set(functions()) - set(OUTSIDE_OF_GRAPHS) - rows) == []
