"""What the namespace can do: the inspection API of the standard."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._backends import as_device, device, get_default_device, known_devices
from .._dtypes import DTYPE_NAMES
from .._generic import GenericBackend
from .._scalars import default_complex, get_default_dtype
from . import data_types

_KINDS = {
    "bool": ("bool",),
    "signed integer": ("int8", "int16", "int32", "int64"),
    "unsigned integer": ("uint8", "uint16", "uint32", "uint64"),
    "real floating": ("float32", "float64"),
    "complex floating": ("complex64", "complex128"),
}
_KINDS["integral"] = _KINDS["signed integer"] + _KINDS["unsigned integer"]
_KINDS["numeric"] = _KINDS["integral"] + _KINDS["real floating"] + _KINDS["complex floating"]


class NamespaceInfo:
    """What `__array_namespace_info__()` returns."""

    def capabilities(self) -> dict[str, Any]:
        """What is supported of what the standard leaves open."""
        return {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": 64}

    def default_device(self) -> device:
        """Where constructors without `device=` create."""
        return get_default_device()

    def default_dtypes(self, *, device: Any = None) -> dict[str, np.dtype]:
        """The dtypes of constructors without `dtype=`: the same on every device."""
        as_device(device)
        return {"real floating": get_default_dtype(), "complex floating": default_complex(), "integral": data_types.int64, "indexing": data_types.int64}

    def dtypes(self, *, device: Any = None, kind: Any = None) -> dict[str, np.dtype]:
        """The dtypes of the standard that a device has, by name, of one kind or of several."""
        place = as_device(device)
        there = place.backend.dtype_names(place.raw) if isinstance(place.backend, GenericBackend) else DTYPE_NAMES
        kinds = ("bool", "numeric") if kind is None else kind if isinstance(kind, tuple) else (kind,)
        unknown = [k for k in kinds if k not in _KINDS]
        if unknown:
            raise ValueError(f"dtypes: there is no kind {unknown[0]!r}; there are {', '.join(map(repr, _KINDS))}")
        return {name: getattr(data_types, name) for k in kinds for name in _KINDS[k] if name in there}

    def devices(self) -> tuple[device, ...]:
        """The devices that are there: the CPU, CUDA's, and those of other array libraries that are in use."""
        return tuple(known_devices())


def __array_namespace_info__() -> NamespaceInfo:
    """What the namespace can do."""
    return NamespaceInfo()
