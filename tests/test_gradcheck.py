"""gradcheck and gradgradcheck: what passes, what is caught, and what the errors say."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import anygrad as ag
from anygrad.autograd import Function, gradcheck, gradgradcheck
from anygrad.autograd.gradcheck import GradcheckError

Make = Callable[..., ag.Tensor]


def reals(*values: Any) -> ag.Tensor:
    return ag.tensor(values, dtype=ag.float64, requires_grad=True)


def complexes(*values: complex) -> ag.Tensor:
    return ag.tensor(values, dtype=ag.complex128, requires_grad=True)


def function(forward: Callable[..., Any], backward: Callable[..., Any]) -> Callable[..., Any]:
    """A Function of one input; `backward(x, g)`."""

    class Made(Function):
        @staticmethod
        def forward(ctx: Any, x: ag.Tensor) -> Any:
            ctx.save_for_backward(x)
            return forward(x)

        @staticmethod
        def backward(ctx: Any, *g: ag.Tensor) -> Any:
            return backward(ctx.saved_tensors[0], *g)

    return Made.apply


wrong = function(lambda x: x * x, lambda x, g: g * 3 * x)
wrong_second = function(lambda x: x**3, lambda x, g: g * 3 * x * x.detach())
not_conjugated = function(lambda z: z * z, lambda z, g: g * 2 * z)


@pytest.mark.parametrize("fast_mode", [False, True])
@pytest.mark.parametrize("check", [gradcheck, gradgradcheck])
class TestPasses:
    def test_on_every_library(self, make: Make, check: Any, fast_mode: bool) -> None:
        x, y = make([[1.0, 2.0], [3.0, 4.0]], requires_grad=True), make([0.5, 2.0], requires_grad=True)
        assert check(lambda a, b: (a @ b, ag.sin(a) * b, ag.sum(a)), (x, y), fast_mode=fast_mode)
        assert x.grad is None
        assert y.grad is None

    def test_complex(self, check: Any, fast_mode: bool) -> None:
        x, z = reals(1.0, 2.0), complexes(1 + 2j, 3 - 1j)
        assert check(lambda a, b: (a * b, ag.abs(b) * ag.conj(b), ag.sum(a * ag.real(b))), (x, z), fast_mode=fast_mode)

    @pytest.mark.parametrize("x", [reals(), ag.tensor(2.0, dtype=ag.float64, requires_grad=True), reals([[1.0], [2.0]])], ids=["empty", "scalar", "3d"])
    def test_shapes(self, check: Any, fast_mode: bool, x: ag.Tensor) -> None:
        assert check(lambda v: v**3, x, fast_mode=fast_mode)

    def test_constants_and_other_arguments(self, check: Any, fast_mode: bool) -> None:
        assert check(lambda a, b, n: a**n * b, [reals(1.0, 2.0), ag.tensor([3.0, 4.0]), 3], fast_mode=fast_mode)

    def test_outputs_that_are_not_floating(self, check: Any, fast_mode: bool) -> None:
        assert check(lambda a: [a * a, a > 1.5, ag.tensor([1, 2])], reals(1.0, 2.0), fast_mode=fast_mode)

    def test_inputs_that_the_function_does_not_get_from_its_arguments(self, check: Any, fast_mode: bool) -> None:
        w, x = reals(1.0, 2.0), reals(3.0, 4.0)
        assert check(lambda *_: w * w * x, (w, x), fast_mode=fast_mode)

    def test_writes_in_place(self, check: Any, fast_mode: bool) -> None:
        def write(x: ag.Tensor) -> ag.Tensor:
            y = x * 1
            y[0] = x[1] ** 3
            return y * y

        assert check(write, reals(1.0, 2.0), fast_mode=fast_mode)


def test_awkward_inputs() -> None:
    spread = ag.broadcast_to(ag.tensor([1.0, 2.0], dtype=ag.float64), (3, 2)).requires_grad_()
    base = reals(1.0, 2.0, 3.0) * 1
    view = base[1:]
    base.mul_(2)
    for x in (spread, view, ag.matrix_transpose(reals([1.0, 2.0])).detach().requires_grad_()):
        before = x.tolist()
        assert gradcheck(lambda v: v**3, x)
        assert x.tolist() == before
    assert gradcheck(lambda v: v, reals(1.0, 2.0))
    assert gradcheck(lambda v: ag.unstack(v), reals(1.0, 2.0))


def test_inputs_are_left_as_they_are() -> None:
    x = reals(1.0, 2.0)
    alias, y = x.detach(), x * x
    array = x._data
    assert gradcheck(lambda v: v**3, x)
    assert not gradcheck(lambda v: v.detach() * 1, x, raise_exception=False)
    with pytest.raises(ZeroDivisionError):
        gradcheck(lambda v: v if v is not x or x._data is array else 1 / 0, x)
    assert x._data is array
    assert alias.tolist() == [1, 2]
    with ag.no_grad():
        alias *= 0  # still the same memory, and still set aside for y
    assert x.tolist() == [0, 0]
    (g,) = ag.autograd.grad(ag.sum(y), x)
    assert g.tolist() == [2, 4]


def test_message_names_input_output_element_and_numbers() -> None:
    with pytest.raises(GradcheckError) as caught:
        gradcheck(lambda k, v: (v * 1, wrong(v)), (2, reals(1.0, 2.0)))
    text = str(caught.value)
    assert "Jacobian mismatch for output 1 with respect to input 1, at output element [1] and input element [1]: numerical 4.0" in text
    assert "analytical 6.0 (2 of 4 elements differ" in text
    assert text.endswith("\nanalytical:\n[[3. 0.]\n [0. 6.]]")


def test_fast_mode_explains_element_by_element() -> None:
    with pytest.raises(GradcheckError, match="at output element \\[1\\] and input element"):
        gradcheck(wrong, reals(1.0, 2.0), fast_mode=True)
    assert gradcheck(wrong, reals(1.0, 2.0), fast_mode=True, raise_exception=False) is False


def test_fast_mode_where_the_elements_are_within_tolerance() -> None:
    # every element is off by less than rtol allows; in the sum the elements cancel, and what they are off by does not
    nearly = function(lambda x: x * 1, lambda x, g: g + 9e-4 * ag.tensor([1.0, 0.0], dtype=ag.float64) * g)
    alternating = lambda x: nearly(x) @ ag.tensor([[1.0, -1.0], [-1.0, 1.0]], dtype=ag.float64)  # noqa: E731
    assert gradcheck(alternating, reals(1.0, 2.0), atol=0)
    with pytest.raises(GradcheckError, match="fast mode.*`fast_mode=False` passes"):
        gradcheck(alternating, reals(1.0, 2.0), atol=0, fast_mode=True)


def test_complex_functions_need_the_conjugate() -> None:
    with pytest.raises(GradcheckError, match="While considering the imaginary part of complex outputs only, Jacobian mismatch"):
        gradcheck(not_conjugated, complexes(1 + 2j))
    with pytest.raises(GradcheckError, match="Jacobian mismatch for output 0 with respect to input 0"):
        gradcheck(lambda z: ag.real(not_conjugated(z)), complexes(1 + 2j))
    assert not gradcheck(not_conjugated, complexes(1 + 2j), fast_mode=True, raise_exception=False)


@pytest.mark.parametrize("fast_mode", [False, True])
def test_second_derivative_that_is_wrong(fast_mode: bool) -> None:
    x = reals(1.0, 2.0)
    assert gradcheck(wrong_second, x, fast_mode=fast_mode)
    assert not gradgradcheck(wrong_second, x, fast_mode=fast_mode, raise_exception=False)
    with pytest.raises(GradcheckError, match="output 0 with respect to input 0"):
        gradgradcheck(wrong_second, x, fast_mode=fast_mode)


@pytest.mark.parametrize("fast_mode", [False, True])
def test_detached_output(fast_mode: bool) -> None:
    with pytest.raises(GradcheckError, match="expected to be zero: output 1 does not require grad, but changes with input 0"):
        gradcheck(lambda v: (v.detach() * 0, v.detach()), reals(1.0, 2.0), fast_mode=fast_mode)
    assert gradcheck(lambda v: (v > 1).astype(ag.int64), reals(1.0, 2.0), fast_mode=fast_mode)


def test_nan_is_a_mismatch() -> None:
    bad = function(lambda x: x * 2, lambda x, g: g * ag.tensor([2.0, ag.nan], dtype=ag.float64))
    with pytest.raises(GradcheckError, match="input element \\[1\\]: numerical .*, analytical nan"):
        gradcheck(bad, reals(1.0, 2.0))


def test_backward_that_is_not_linear() -> None:
    bad = function(lambda x: x * 2, lambda x, g: g * 0 + 2)
    with pytest.raises(GradcheckError, match="backward not multiplied by grad_output: the gradient of input 0"):
        gradcheck(bad, ag.tensor(1.0, dtype=ag.float64, requires_grad=True))


def test_backward_that_changes() -> None:
    random = np.random.default_rng(0)
    bad = function(lambda x: x * 2, lambda x, g: g * (2 + 1e-7 * random.random()))
    with pytest.raises(GradcheckError, match="not reentrant.*nondet_tol=0.0"):
        gradcheck(bad, reals(1.0, 2.0))
    assert gradcheck(bad, reals(1.0, 2.0), nondet_tol=1e-6)


class TwoOutputs(Function):
    """Gets None for an output without a gradient, and cannot take it."""

    @staticmethod
    def forward(ctx: Any, x: ag.Tensor) -> Any:
        ctx.set_materialize_grads(False)
        return x * 2, x * 3

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        if all(g is None for g in grads):
            return None
        return grads[0] * 2 if grads[1] is None else grads[1] * 3 + (0 if grads[0] is None else grads[0] * 2)


class NoneIsRefused(TwoOutputs):
    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return grads[0] * 2 + grads[1] * 3


class NoneIsOne(TwoOutputs):
    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        a, b = (1 if g is None else g for g in grads)
        return a * 2 + b * 3 if isinstance(a, ag.Tensor) or isinstance(b, ag.Tensor) else ag.ones(2, dtype=ag.float64)


def test_outputs_without_a_gradient() -> None:
    x = reals(1.0, 2.0)
    assert gradcheck(lambda v: tuple(t * 1 for t in TwoOutputs.apply(v)), x)
    both = lambda made: lambda v: (lambda a, b: a + b)(*made.apply(v))  # noqa: E731
    with pytest.raises(GradcheckError, match="handle undefined output grads: .*TypeError"):
        gradcheck(both(NoneIsRefused), x)
    with pytest.raises(GradcheckError, match="undefined or zero; that of input 0 is not"):
        gradcheck(both(NoneIsOne), x)
    assert gradcheck(both(NoneIsRefused), x, check_undefined_grad=False)


def test_no_gradient_at_all_for_several_outputs() -> None:
    nothing = function(lambda x: x * 1, lambda x, g: None)
    x = reals(1.0, 2.0)
    first, second = ag.unstack(x)
    assert ag.autograd.grad(nothing(first) + nothing(second), x, allow_unused=True) == (None,)


def test_batched_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    x, z = reals(1.0, 2.0), complexes(1 + 1j, 2 - 1j)
    assert gradcheck(lambda a, b, c: (a * b, a), (x, z, reals(1.0)), check_batched_grad=True)
    assert gradgradcheck(lambda a: a**3, x, check_batched_grad=True)
    module = importlib.import_module("anygrad.autograd._gradient_check")
    right = module.grad

    def grad(*args: Any, is_grads_batched: bool = False, **kwargs: Any) -> Any:
        grads = right(*args, is_grads_batched=is_grads_batched, **kwargs)
        return tuple(g * 2 for g in grads) if is_grads_batched else grads

    monkeypatch.setattr(module, "grad", grad)
    with pytest.raises(GradcheckError, match="batched gradients differ for output 0 and input 0"):
        gradcheck(lambda a: a * a, x, check_batched_grad=True)


def test_shape_that_depends_on_the_values() -> None:
    with pytest.raises(GradcheckError, match="the same shape and dtype"):
        gradcheck(lambda v: v[v > 1], reals(1.0, 2.0))


def test_given_gradients_of_the_outputs() -> None:
    x, g = reals(1.0, 2.0), reals(3.0, 4.0)
    assert gradgradcheck(lambda v: v**3, x, g)
    assert gradgradcheck(lambda v: v**3, x, g.detach())
    assert gradgradcheck(lambda v: v**3, x, gen_non_contig_grad_outputs=True)
    assert gradgradcheck(lambda v: v > 1.5, x)


def test_single_precision_warns() -> None:
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    with pytest.warns(UserWarning, match="Input #1 requires gradient and is not a double precision .*float32") as caught:
        assert gradcheck(lambda k, v: v * v, (1, x), eps=1e-2, atol=1e-2, rtol=1e-2)
    assert caught[0].filename == __file__


def test_misuse() -> None:
    x = reals(1.0, 2.0)
    with pytest.raises(ValueError, match="at least one input tensor to require gradient"):
        gradcheck(lambda v: v, x.detach(), raise_exception=False)
    with pytest.raises(TypeError, match="output 1 is int"):
        gradcheck(lambda v: (v, 5), x)
    with pytest.raises(ValueError, match="nothing is checked"):
        gradcheck(lambda v: v, x, check_backward_ad=False)
    with pytest.raises(ValueError, match="nothing is checked"):
        gradgradcheck(lambda v: v, x, check_rev_over_rev=False)
    with pytest.raises(ValueError, match="needs check_forward_ad"):
        gradcheck(lambda v: v, x, check_batched_forward_grad=True)


def test_names() -> None:
    assert issubclass(GradcheckError, RuntimeError)
    assert callable(ag.autograd.gradcheck)
    assert callable(ag.autograd.gradgradcheck)
