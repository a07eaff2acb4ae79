"""NumPy's own functions on Tensors: `np.sin(t)`, `ndarray * t` (NEP 13), `np.mean(t)` (NEP 18)."""

from . import algebra, reductions, shapes, values  # they fill the table of functions
from .dispatch import call_function, call_ufunc

__all__ = ["call_function", "call_ufunc"]
