"""The exception classes. Where NumPy and PyTorch raise different classes for one
mistake, ours is both, so that code written for either still catches it. Mistakes
about the graph itself are plain `RuntimeError`, as in PyTorch."""

import numpy as np


class ShapeError(ValueError, RuntimeError):
    """Shapes do not fit together."""


class DTypeError(TypeError, RuntimeError):
    """A dtype that the operation cannot work with."""


class DeviceError(ValueError, RuntimeError):
    """A device that is not there, or arrays on different devices."""


class AxisError(IndexError, ValueError):
    """An axis out of range, or given twice."""


class LinAlgError(np.linalg.LinAlgError, RuntimeError):
    """A matrix that the decomposition or solver cannot work with."""


class ReadOnlyError(ValueError, RuntimeError):
    """A write to memory that cannot be written to."""


class OutOfMemoryError(MemoryError, RuntimeError):
    """A device ran out of memory."""


class GradcheckError(RuntimeError):
    """What `gradcheck` and `gradgradcheck` raise for a derivative that is wrong."""
