"""Anomaly mode: NaN and errors of backward are traced to the forward."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import anygrad as ag
from anygrad import _engine, _modes
from anygrad.autograd import Function, detect_anomaly, set_detect_anomaly

Make = Callable[..., ag.Tensor]

pytestmark = pytest.mark.filterwarnings("ignore:Anomaly Detection has been enabled")


@pytest.fixture(autouse=True)
def _off_again(request: pytest.FixtureRequest) -> Iterator[None]:
    if "library" in request.fixturenames:
        request.getfixturevalue("backend")  # where there are several GPUs, loading it takes the general path for good
    before = _modes.unusual
    yield
    assert not ag.is_anomaly_enabled()
    assert _modes.unusual == before


class Fails(Function):
    @staticmethod
    def forward(ctx: Any, x: ag.Tensor) -> ag.Tensor:
        return x * 1

    @staticmethod
    def backward(ctx: Any, g: ag.Tensor) -> Any:
        raise ZeroDivisionError("in backward")


def nan_below(x: ag.Tensor) -> ag.Tensor:
    return ag.sqrt(x) * 0  # the line that is named


def reports(function: Any, error: type[Exception]) -> list[str]:
    """The warnings that come with an error of `function`."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises(error):
            function()
    assert all(w.filename == __file__ for w in caught)
    return [str(w.message) for w in caught]


def test_nan_names_the_function_and_the_forward(make: Make) -> None:
    x = make([0.0, 1.0], requires_grad=True)
    with detect_anomaly():
        y = ag.sum(nan_below(x))
        with pytest.warns(UserWarning, match="Error detected in SqrtBackward0. Traceback of forward"), pytest.raises(RuntimeError) as caught:
            y.backward()
    text = str(caught.value)
    assert "Function 'SqrtBackward0' returned nan values in its 0th output, a gradient of shape (2,)" in text
    assert f"{__file__}:{nan_below.__code__.co_firstlineno + 1}, in nan_below: `return ag.sqrt(x) * 0" in text
    assert x.grad is None


def test_nan_in_a_complex_gradient_and_under_create_graph() -> None:
    x = ag.tensor([0j], requires_grad=True)
    with detect_anomaly(), pytest.warns(UserWarning, match="SqrtBackward0"), pytest.raises(RuntimeError, match="nan values in its 0th"):
        ag.autograd.grad(nan_below(x), x, ag.ones_like(x), create_graph=True)


def test_which_output() -> None:
    x, y = ag.tensor(ag.inf, requires_grad=True), ag.tensor(2.0, requires_grad=True)
    with (
        detect_anomaly(),
        pytest.warns(UserWarning, match="Error detected"),
        pytest.raises(RuntimeError, match="'MulBackward0' returned nan values in its 1th output"),
    ):
        (x * y).backward(ag.tensor(0.0))


def test_nan_from_a_hook_after_the_node() -> None:
    x = ag.tensor(2.0, requires_grad=True)
    with detect_anomaly():
        y = x * 2
        y.grad_fn.register_hook(lambda grads, _: (grads[0] * ag.nan, None))
        with pytest.warns(UserWarning, match="Error detected"), pytest.raises(RuntimeError, match="MulBackward0"):
            y.backward()


def test_infinity_is_no_nan() -> None:
    x = ag.tensor(0.0, requires_grad=True)
    with detect_anomaly():
        ag.sqrt(x).backward()
    assert x.grad.item() == ag.inf


def test_check_nan_false() -> None:
    x = ag.tensor(0.0, requires_grad=True)
    with detect_anomaly(check_nan=False):
        assert not ag.is_anomaly_check_nan_enabled()
        nan_below(x).backward()
    assert ag.isnan(x.grad)
    assert ag.is_anomaly_check_nan_enabled()


def test_forward_outside_of_the_mode() -> None:
    y = nan_below(ag.tensor(0.0, requires_grad=True))
    with detect_anomaly(), pytest.warns(UserWarning, match="No forward pass information available"), pytest.raises(RuntimeError, match="Run the forward"):
        y.backward()


def test_an_error_comes_with_the_forward() -> None:
    x = ag.tensor(1.0, requires_grad=True)
    with detect_anomaly():
        y = Fails.apply(x) * 2
        (report,) = reports(y.backward, ZeroDivisionError)
    assert report.startswith("Error detected in FailsBackward. Traceback of forward call that caused the error:")
    assert "y = Fails.apply(x) * 2" in report
    assert "anygrad/autograd" not in report  # the caller's lines alone


def test_errors_of_the_library_and_of_hooks() -> None:
    x = ag.tensor([1.0], requires_grad=True)
    x.register_hook(lambda g: 1 / 0)
    with detect_anomaly():
        y = ag.exp(x)
        assert reports(y.backward, ZeroDivisionError) == ["Error detected in AccumulateGrad, of a leaf of shape (1,)."]
        (report,) = reports(y.backward, RuntimeError)
        assert "ExpBackward0" in report
        assert "y = ag.exp(x)" in report


def test_a_hook_on_one_of_several_outputs() -> None:
    with detect_anomaly():
        first, _ = ag.unstack(ag.tensor([1.0, 2.0], requires_grad=True))
        first.register_hook(lambda g: 1 / 0)
        (report,) = reports(first.backward, ZeroDivisionError)
    assert "UnbindBackward0. Traceback" in report


def test_second_derivative_names_both_forwards() -> None:
    x = ag.tensor(2.0, requires_grad=True)
    with detect_anomaly():
        y = x * x
        (g,) = ag.autograd.grad(y, x, create_graph=True)
        g.grad_fn.register_prehook(lambda grads: 1 / 0)
        (report,) = reports(g.backward, ZeroDivisionError)
    made, induced = report.split("Previous calculation was induced by MulBackward0")
    assert "create_graph=True" in made
    assert "y = x * x" in induced


def test_nan_in_a_second_derivative_names_the_backward() -> None:
    x = ag.tensor(2.0, requires_grad=True)
    with detect_anomaly():
        (g,) = ag.autograd.grad(x * x * x, x, create_graph=True)
        with pytest.warns(UserWarning, match="Error detected"), pytest.raises(RuntimeError, match="in the backward of MulBackward0"):
            g.backward(ag.tensor(ag.nan))


def test_backward_inside_a_backward() -> None:
    class Inner(Function):
        @staticmethod
        def forward(ctx: Any, x: ag.Tensor) -> ag.Tensor:
            return x * 1

        @staticmethod
        def backward(ctx: Any, g: ag.Tensor) -> ag.Tensor:
            with ag.enable_grad():
                y = ag.tensor(1.0, requires_grad=True)
                (y * 2).backward()
            return g / 0 * 0

    x = ag.tensor(1.0, requires_grad=True)
    with detect_anomaly(), pytest.warns(UserWarning, match="InnerBackward"), pytest.raises(RuntimeError, match="InnerBackward"):
        Inner.apply(x).backward()


def test_writes_in_place() -> None:
    x = ag.tensor([0.0, 1.0], requires_grad=True)
    with detect_anomaly():
        y = x * 1
        y[:1] = ag.sqrt(x[:1])
        with pytest.warns(UserWarning, match="Error detected"), pytest.raises(RuntimeError, match="SqrtBackward0"):
            (y * 0).backward(ag.ones(2))


def test_gradients_are_the_same() -> None:
    def gradient() -> list[float]:
        x = ag.tensor([1.0, 2.0], requires_grad=True)
        ag.sum(Double.apply(ag.exp(x)) / x).backward()
        return x.grad.tolist()

    class Double(Function):
        @staticmethod
        def forward(ctx: Any, x: ag.Tensor) -> ag.Tensor:
            return x * 2

        @staticmethod
        def backward(ctx: Any, g: ag.Tensor) -> ag.Tensor:
            return g * 2

    with detect_anomaly():
        found = gradient()
    assert found == gradient()


def test_nothing_is_kept_when_off() -> None:
    y = ag.tensor(1.0, requires_grad=True) * 2
    assert y.grad_fn._extra is None
    assert _engine.watcher is None


def test_as_a_function_and_nested() -> None:
    set_detect_anomaly(True, check_nan=False)
    assert (ag.is_anomaly_enabled(), ag.is_anomaly_check_nan_enabled()) == (True, False)
    with set_detect_anomaly(False):
        assert not ag.is_anomaly_enabled()
        with detect_anomaly():
            assert (ag.is_anomaly_enabled(), ag.is_anomaly_check_nan_enabled()) == (True, True)
        assert not ag.is_anomaly_enabled()
    assert (ag.is_anomaly_enabled(), ag.is_anomaly_check_nan_enabled()) == (True, False)
    set_detect_anomaly(False)
    assert (ag.is_anomaly_enabled(), ag.is_anomaly_check_nan_enabled()) == (False, True)


def test_one_object_entered_twice() -> None:
    mode = detect_anomaly()
    with mode:
        with mode:
            pass
        assert ag.is_anomaly_enabled()


def test_it_says_that_it_is_slow() -> None:
    with pytest.warns(UserWarning, match="increase the runtime") as caught:
        detect_anomaly()
    assert caught[0].filename == __file__


def test_the_mode_is_a_bool() -> None:
    with pytest.raises(TypeError, match="mode must be a bool"):
        set_detect_anomaly("off")  # type: ignore[arg-type]
