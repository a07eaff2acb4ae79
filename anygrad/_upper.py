"""What lower modules need of higher ones. It is filled in when those are imported."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

wrap: Callable[..., Any]  # an array, and a node or None -> a Tensor; by _tensor.py
recorded_namespace: Any  # anygrad.ops: what rules compute with under `create_graph`; by _tensor.py
tensor_type: Any  # the class Tensor; by _tensor.py
add_in_place: Callable[[Any, Any], None]  # adds a raw array to a Tensor; by ops/inplace.py
view_step: Callable[..., Any]  # a primitive, its parameters, which of its outputs -> what makes that view; by _recording.py
backward: Callable[..., None]  # by _backward.py
