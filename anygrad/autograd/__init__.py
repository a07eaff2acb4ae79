"""The public autograd surface, in PyTorch's names."""

from .._backward import backward, grad
from .._modes import enable_grad, inference_mode, no_grad, set_grad_enabled
from . import function, functional, graph
from .function import Function

__all__ = ["Function", "backward", "enable_grad", "function", "functional", "grad", "graph", "inference_mode", "no_grad", "set_grad_enabled"]
