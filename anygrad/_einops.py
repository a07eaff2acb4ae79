"""A backend for einops.

When einops meets a type for the first time, it looks through the subclasses of its
`AbstractBackend`. Ours has to be among them by then, whichever of the two packages is imported
first, and `import anygrad` must not import einops. So it is made as soon as both are there: at
once, or by a finder that waits for einops to be imported, and then goes away.
(`einops.array_api` needs none of this, but it has functions only, and not all of them.)
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from . import ops
from ._tensor import Tensor

_MODULE = "einops._backends"
_made: list[type] = []  # classes know their subclasses only as long as somebody holds these


def define(backends: Any) -> None:
    """Make the subclass, in which einops finds what it needs to work with Tensors."""

    class AnygradBackend(backends.AbstractBackend):
        framework_name = "anygrad"

        def is_appropriate_type(self, tensor: Any) -> bool:
            return isinstance(tensor, Tensor)

        def from_numpy(self, x: np.ndarray) -> Tensor:
            return ops.asarray(x)

        def to_numpy(self, x: Tensor) -> np.ndarray:
            return x.numpy(force=True)

        def arange(self, start: int, stop: int) -> Tensor:
            return ops.arange(start, stop)

        def reshape(self, x: Tensor, shape: Any) -> Tensor:
            return ops.reshape(x, tuple(shape))

        def transpose(self, x: Tensor, axes: Any) -> Tensor:
            return ops.permute_dims(x, tuple(axes))

        def reduce(self, x: Tensor, operation: str, axes: Any) -> Tensor:
            return getattr(ops, operation)(x, axis=tuple(axes))

        def stack_on_zeroth_dimension(self, tensors: list[Tensor]) -> Tensor:
            return ops.stack(tensors)

        def add_axis(self, x: Tensor, new_position: int) -> Tensor:
            return ops.expand_dims(x, axis=new_position)

        def tile(self, x: Tensor, repeats: Any) -> Tensor:
            return ops.tile(x, tuple(repeats))

        def concat(self, tensors: Any, axis: int) -> Tensor:
            return ops.concat(tensors, axis=axis)

        def is_float_type(self, x: Tensor) -> bool:
            return x.dtype.kind in "fcV"

        def einsum(self, pattern: str, *x: Tensor) -> Tensor:
            return ops.einsum(pattern, *x)

    _made.append(AnygradBackend)


class _WhenImported:
    """A finder that finds nothing, but has `define` called after einops' backends are loaded."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name != _MODULE:
            return None
        import importlib.util

        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def exec_module(module: Any) -> None:
                load(module)
                define(module)

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


if _MODULE in sys.modules:
    define(sys.modules[_MODULE])
else:
    sys.meta_path.insert(0, _WhenImported())
