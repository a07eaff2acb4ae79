"""Derivatives checked against differences: `gradcheck` and `gradgradcheck`.

How it is done is in _gradient_check.py and _tangent_check.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._backward import grad
from .._errors import GradcheckError
from .._tensor import Tensor
from .._tree import as_tuple
from ._gradient_check import Check, differentiable, random_like

__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]


def gradcheck(
    func: Callable[..., Any],
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Compare the gradients of a function with differences of its values.

    Parameters
    ----------
    func : function
        Takes `inputs`, returns a Tensor or a tuple of Tensors. Outputs that are not floating or
        complex are ignored.
    inputs : Tensor or tuple
        The gradients of the Tensors among them that require grad are checked. These should be
        float64 or complex128: differences are too coarse in lower precision.
    eps : float
        How far inputs are moved.
    atol, rtol : float
        Tolerances: |backward - differences| <= atol + rtol * |differences|.
    raise_exception : bool
        False returns False where the check fails.
    nondet_tol : float
        How far two backwards may be apart.
    check_undefined_grad : bool
        Check that gradients are None or 0 where no gradient comes to an output.
    check_batched_grad : bool
        Check that batched gradients are those of each row.
    fast_mode : bool
        Check a random projection of the Jacobian instead of all of it.
    check_grad_dtypes, masked : bool
        For PyTorch's programs, without effect: gradients always have the dtypes of their inputs,
        and no tensor is sparse.
    check_forward_ad, check_backward_ad : bool
        Which modes to check: forward mode's tangents, backward's gradients, or both.
    check_batched_forward_grad : bool
        Check that a batch of tangents gives what each of them does.

    Returns
    -------
    bool
        True if all derivatives are right.

    Raises
    ------
    GradcheckError
        If one is wrong; the message names output, input, element and both numbers.
    ValueError
        If no input requires grad.
    """
    if not (check_forward_ad or check_backward_ad):
        raise ValueError("gradcheck: nothing is checked with check_forward_ad=False and check_backward_ad=False (Expected at least one of them to be True)")
    if check_batched_forward_grad and not check_forward_ad:
        raise ValueError("gradcheck: check_batched_forward_grad=True needs check_forward_ad=True")
    try:
        check = Check(func, as_tuple(inputs), eps, atol, rtol, nondet_tol)
        if check_forward_ad:
            check.tangents(fast_mode)
        if check_batched_forward_grad:
            check.batched_tangents()
        if not check_backward_ad:
            return True
        if check.outputs:
            check.compare(fast_mode)
            check.zero_gradients()
        else:
            check.expect_zero(fast_mode)
        if check_batched_grad:
            check.batched_gradients()
        if check_undefined_grad and check.outputs:
            check.undefined_gradients()
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
) -> bool:
    """Compare the second derivatives of a function with differences of its gradients.

    The gradients are functions of the inputs and of the gradients of the outputs: both are checked.

    Parameters
    ----------
    func, inputs
        As in `gradcheck`.
    grad_outputs : Tensor or tuple of Tensors, optional
        The gradients of the outputs; they are checked if they require grad. Default: random, and
        checked.
    gen_non_contig_grad_outputs : bool
        Make the random ones views that are not contiguous.
    check_fwd_over_rev, check_rev_over_rev : bool
        How the second derivatives are computed: tangents of gradients, gradients of gradients, or both.
    eps, atol, rtol, raise_exception, nondet_tol, check_undefined_grad, check_grad_dtypes, check_batched_grad, fast_mode, masked
        As in `gradcheck`.

    Returns
    -------
    bool
        True if all second derivatives are right.

    Raises
    ------
    GradcheckError
        If one is wrong.
    """
    inputs = as_tuple(inputs)
    count = len(inputs)
    wrt = [i for i, x in enumerate(inputs) if isinstance(x, Tensor) and x.requires_grad]
    if grad_outputs is None:
        random = np.random.default_rng(0)
        outputs = differentiable(as_tuple(func(*inputs)))
        grad_outputs = tuple(random_like(out, random, gen_non_contig_grad_outputs).requires_grad_() for _, out in outputs)

    def gradients(*args: Any) -> tuple[Tensor, ...]:
        outputs = [out for _, out in differentiable(as_tuple(func(*args[:count])))]
        grads = grad(outputs, [args[i] for i in wrt], args[count:], create_graph=True, allow_unused=True) if outputs and wrt else ()
        return tuple(g for g in grads if g is not None)

    return gradcheck(
        gradients,
        inputs + as_tuple(grad_outputs),
        eps=eps,
        atol=atol,
        rtol=rtol,
        raise_exception=raise_exception,
        nondet_tol=nondet_tol,
        check_undefined_grad=check_undefined_grad,
        check_grad_dtypes=check_grad_dtypes,
        check_batched_grad=check_batched_grad,
        check_forward_ad=check_fwd_over_rev,
        check_backward_ad=check_rev_over_rev,
        fast_mode=fast_mode,
        masked=masked,
    )
