"""What anygrad offers: the names of the Array API standard, documented."""

from __future__ import annotations

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
