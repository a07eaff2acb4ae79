"""Forward mode: dual numbers, `func.jvp` and its like; every row of op_cases.py against backward."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest
from derivatives import check_tangents, host
from op_cases import CASES, Case

import anygrad as ag

every_case = pytest.mark.parametrize("case", CASES, ids=repr)


@every_case
def test_tangents(case: Case, make: Any, library: str) -> None:
    if library == "array_api_strict" and not case.standard:
        pytest.skip("not in the Array API standard")
    check_case(case, make)


@pytest.mark.parametrize("case", [c for c in CASES if c.complex], ids=repr)
def test_complex_tangents(case: Case) -> None:
    check_case(case.as_complex(), ag.tensor)


def check_case(case: Case, make: Any) -> None:
    live = [i for i, a in enumerate(case.arrays) if a.dtype.kind in "fc"]
    check_tangents(functools.partial(case.function, **case.kwargs), [make(a) for a in case.arrays], live)
