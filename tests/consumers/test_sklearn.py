"""scikit-learn, handed Tensors: see sklearn_cases.py."""

import pytest
from patterns import Pattern, check
from sklearn_cases import TABLE

# StandardScaler divides 0 by 0, and silences NumPy only where it computes with NumPy's arrays
pytestmark = pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")


@pytest.mark.parametrize("pattern", TABLE, ids=repr)
def test_pattern(pattern: Pattern) -> None:
    check(pattern)
