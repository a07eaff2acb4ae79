"""CuPy for anygrad: the Array API namespace over NVIDIA GPUs, and what the standard lacks.

Most functions of the standard are CuPy's own. Those for which CuPy differs from the
standard come from array_api_compat, save where that waits for the GPU or ignores
`device=`: these are in `_standard.py`. The package imports without a driver and without
a GPU; `unavailable` says what is missing.
"""

from __future__ import annotations

import types
from typing import Any

try:
    import cupy as cp
except ImportError as error:
    _CURE = 'Run `pip install "anygrad[cuda13]"`, or `pip install "anygrad[cuda12]"` for a driver of CUDA 12.'
    if isinstance(error, ModuleNotFoundError) and error.name == "cupy":
        raise ImportError(f"the package CuPy is missing. {_CURE}", name="cupy") from error
    raise ImportError(f"the package CuPy is installed but cannot be used ({error}). {_CURE}", name="cupy") from error

from ._devices import (
    device_guard,
    device_name,
    device_of,
    devices,
    parse_device,
    properties,
    set_device,
    synchronize,
    to_device,
    unavailable,
)
from ._elementwise import floor_divide, remainder, share, where
from ._extra import astype, copy, number, owns_memory, raw_dtype, shares_memory
from ._indexing import gather, places_along, scatter_add, take, use_deterministic_algorithms, zero_at
from ._matmul import matmul
from ._memory import empty_cache, from_host, is_pinned, memory_stats, peak, pinned, to_host
from ._random import random_dropout, random_integers, random_normal, random_uniform
from ._rows import fused
from ._standard import (
    arange,
    asarray,
    by_way_of_single,
    clip,
    empty,
    empty_like,
    eye,
    full,
    full_like,
    linalg,
    linspace,
    not_of_bool,
    of_truth,
    ones,
    ones_like,
    zeros,
    zeros_like,
)
from ._streams import Event, current_stream, default_stream, elapsed_time, in_stream, new_stream, stream_from, use_stream
from ._sums import mean, sum, sum_leading

name = "cupy"
device_type = "cuda"
array_type = cp.ndarray
scalar_types: tuple[type, ...] = ()  # CuPy gives 0-d arrays where the standard does
writes_in_place = True
checks_indices = False  # CuPy wraps indices around; anygrad.cuda.check_indices sets it
like_numpy = True  # also where the standard leaves it open
computes_on_current_device = True

# Where cupy.NAME is not what the standard asks for: array_api_compat.cupy.NAME is. It also has what older CuPys lack.
_FROM_COMPAT = frozenset(
    """argsort broadcast_arrays ceil count_nonzero fft finfo floor iinfo isin meshgrid nonzero searchsorted sort std
    take_along_axis trunc unstack var vecdot""".split()
)
# What CuPy does not have in bfloat16, or makes float32 of.
_BY_WAY_OF_SINGLE = frozenset(
    "argsort cumulative_prod cumulative_sum isin round searchsorted tril triu unique_all unique_counts unique_inverse unique_values".split()
)
# What CuPy does not have of complex numbers.
_OF_TRUTH = frozenset("logical_and logical_not logical_or logical_xor".split())
# What neither the standard nor NumPy has of booleans.
_NOT_OF_BOOL = frozenset("positive sign".split())
if cp.__version__.startswith("13."):
    _FROM_COMPAT |= {"sign"}  # that of CuPy 13 is 0 for NaN


def __getattr__(attribute: str) -> Any:
    if attribute.startswith("__"):
        raise AttributeError(attribute)
    source = cp
    if attribute in _FROM_COMPAT or not hasattr(cp, attribute):
        import array_api_compat.cupy as source
    try:
        value = getattr(source, attribute)
    except AttributeError:
        raise AttributeError(f"CuPy {cp.__version__} has no {attribute}", name=attribute, obj=source) from None
    if attribute in _BY_WAY_OF_SINGLE:
        value = by_way_of_single(value)
    if attribute in _OF_TRUTH:
        value = of_truth(value)
    if attribute in _NOT_OF_BOOL:
        value = not_of_bool(value)
    globals()[attribute] = value
    return value


def load_special() -> Any:
    """cupyx.scipy.special, imported on first use, with what it gets wrong put right."""
    from . import _special

    return _special


def version() -> str:
    return f"cupy {cp.__version__}"
