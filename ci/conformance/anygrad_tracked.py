"""anygrad for the conformance suite, with every floating and complex array that it creates on the record.

They are not leaves, since leaves refuse writes: each is the result of a copy from a leaf.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import anygrad
from anygrad import *  # noqa: F403
from anygrad import Tensor, __array_api_version__, __array_namespace_info__, __version__  # noqa: F401


def _tracked(create: Callable[..., Tensor]) -> Callable[..., Tensor]:
    @functools.wraps(create)
    def function(*args: Any, **kwargs: Any) -> Tensor:
        x = create(*args, **kwargs)
        if x.dtype.kind in "fc" and not x.requires_grad:
            x.copy_(x.clone().requires_grad_())
        return x

    return function


arange, asarray, empty, empty_like, eye = map(_tracked, (anygrad.arange, anygrad.asarray, anygrad.empty, anygrad.empty_like, anygrad.eye))
from_dlpack, full, full_like, linspace = map(_tracked, (anygrad.from_dlpack, anygrad.full, anygrad.full_like, anygrad.linspace))
ones, ones_like, zeros, zeros_like = map(_tracked, (anygrad.ones, anygrad.ones_like, anygrad.zeros, anygrad.zeros_like))
