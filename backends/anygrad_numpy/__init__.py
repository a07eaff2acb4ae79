"""NumPy for anygrad: the Array API namespace over NumPy, and what the standard lacks.

Most functions of the standard are NumPy's own. Those for which NumPy differs from the
standard come from array_api_compat, which is imported when the first of them is used
(it imports every submodule of NumPy, which takes longer than NumPy itself).
"""

from __future__ import annotations

import contextlib
import importlib
import types
from typing import Any

import numpy as np

from ._extra import (
    astype,
    copy,
    gather,
    keep_freed_memory,
    matmul,
    owns_memory,
    share,
    shares_memory,
    sum_leading,
    zero_at,
)
from ._random import random_dropout, random_integers, random_kept, random_normal, random_uniform
from ._scatter import scatter_add
from ._standard import (
    all,
    any,
    argmax,
    argmin,
    broadcast_to,
    cumulative_prod,
    cumulative_sum,
    full_like,
    matrix_transpose,
    max,
    mean,
    min,
    ones_like,
    permute_dims,
    prod,
    reshape,
    roll,
    squeeze,
    stack,
    sum,
    take,
    zeros_like,
)

__all__ = [
    "all", "any", "argmax", "argmin", "astype", "broadcast_to", "copy", "cumulative_prod", "cumulative_sum", "full_like", "gather", "matmul",
    "matrix_transpose", "max", "mean", "min", "ones_like", "owns_memory", "permute_dims", "prod", "random_dropout", "random_integers",
    "random_kept", "random_normal", "random_uniform", "reshape", "roll", "scatter_add", "share", "shares_memory", "squeeze", "stack", "sum", "sum_leading",
    "take", "zero_at", "zeros_like",
]  # fmt: skip

name = "numpy"
device_type = "cpu"
array_type = np.ndarray
# what NumPy returns where the standard has 0-d arrays
scalar_types: tuple[type, ...] = tuple({np.dtype(c).type for c in "?bhilqBHILQefdFD"})
writes_in_place = True
checks_indices = False  # NumPy raises for indices out of range
like_numpy = True  # also where the standard leaves it open
computes_on_current_device = False
fused = places_along = None  # NumPy has no kernels that take several of its functions' places

# Where numpy.NAME is not what the standard asks for: array_api_compat.numpy.NAME is.
_FROM_COMPAT = frozenset(
    """argsort asarray clip count_nonzero finfo iinfo nonzero sort std
    take_along_axis tensordot unique_all unique_counts unique_inverse unique_values var
    ceil floor trunc linalg fft""".split()
)


def __getattr__(attribute: str) -> Any:
    if attribute.startswith("__"):
        raise AttributeError(attribute)
    source = importlib.import_module("array_api_compat.numpy") if attribute in _FROM_COMPAT else np
    try:
        value = getattr(source, attribute)
    except AttributeError:
        raise AttributeError(f"NumPy {np.__version__} has no {attribute}", name=attribute, obj=source) from None
    globals()[attribute] = value
    return value


def devices() -> list[str]:
    """The devices that NumPy arrays can be on."""
    return ["cpu"]


def parse_device(text: str) -> str:
    """The device that "cpu:TEXT" names; PyTorch has "cpu:0" as well."""
    return "cpu"


def device_of(array: np.ndarray) -> str:
    return "cpu"


def device_name(where: str) -> str:
    return where


def raw_dtype(dtype: np.dtype) -> np.dtype:
    """NumPy's dtypes are those of anygrad."""
    return dtype


def number(value: Any, dtype: np.dtype, like: np.ndarray) -> np.ndarray:
    """A 0-d array."""
    return np.array(value, dtype)


def to_device(array: np.ndarray, device: str) -> np.ndarray:
    return array


_NO_GUARD = contextlib.nullcontext()


def device_guard(where: Any) -> contextlib.AbstractContextManager[object]:
    """NumPy has one device: nothing to switch to."""
    return _NO_GUARD


def to_host(array: np.ndarray) -> np.ndarray:
    return np.asarray(array)


def from_host(array: np.ndarray, device: str) -> np.ndarray:
    return array


def synchronize(device: str | None = None) -> None:
    """NumPy computes at once: nothing to wait for."""


def memory_stats(device: str | None = None) -> dict[str, int]:
    """NumPy does not count what it holds."""
    return {}


def load_special() -> types.ModuleType:
    """scipy.special, imported on first use."""
    import scipy.special

    return scipy.special


def version() -> str:
    return f"numpy {np.__version__}"


keep_freed_memory()
