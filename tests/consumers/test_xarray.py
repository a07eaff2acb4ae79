"""xarray, handed Tensors: see xarray_cases.py."""

import pytest
from patterns import Pattern, check
from xarray_cases import TABLE


@pytest.mark.parametrize("pattern", TABLE, ids=repr)
def test_pattern(pattern: Pattern) -> None:
    check(pattern)
