"""The public autograd surface, in PyTorch's names."""

from .._backward import backward, grad

__all__ = ["backward", "grad"]
