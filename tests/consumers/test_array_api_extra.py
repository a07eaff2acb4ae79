"""array-api-extra, handed Tensors: see extra_cases.py."""

import pytest
from extra_cases import TABLE
from patterns import Pattern, check


@pytest.mark.parametrize("pattern", TABLE, ids=repr)
def test_pattern(pattern: Pattern) -> None:
    check(pattern)
