"""Functions that turn a function into its derivative: `torch.func` in anygrad.

They nest, so that `grad(grad(f))` is the second derivative. Arguments and results may be dicts,
lists and tuples of tensors. A function is run on tensors of its own over the memory of the
arguments, so a derivative is taken with respect to its arguments and nothing else; tensors that it
captures are constants. The results are part of the surrounding graph if there is one: they require
grad if an argument or a captured tensor does, and grad mode is on where the transform is called.
"""

from .._vmap import vmap
from .forward import jacfwd, jvp, linearize
from .reverse import grad, grad_and_value, hessian, jacrev, value_and_grad, vjp

__all__ = ["grad", "grad_and_value", "hessian", "jacfwd", "jacrev", "jvp", "linearize", "value_and_grad", "vjp", "vmap"]
