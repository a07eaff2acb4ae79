"""Tools beside the engine, where PyTorch has them."""

from . import checkpoint

__all__ = ["checkpoint"]
