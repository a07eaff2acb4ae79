"""anygrad: gradients over array libraries. PyTorch's autograd rules on NumPy, CuPy and Array API arrays."""

from . import autograd
from ._backends import device, get_default_device, set_default_device
from ._errors import AxisError, DeviceError, DTypeError, LinAlgError, OutOfMemoryError, ShapeError
from ._modes import enable_grad, inference_mode, is_grad_enabled, is_inference_mode_enabled, no_grad, set_grad_enabled
from ._primitive import primitive
from ._scalars import get_default_dtype, set_default_dtype
from ._tensor import Tensor
from .ops import *  # noqa: F403
