"""Recording switched on and off: contexts, decorators, nesting, generators, threads."""

import concurrent.futures
import copy
import threading

import pytest

import anygrad as ag


class Oops(Exception):
    pass


def leaf(*values):
    return ag.tensor(list(values), dtype=ag.float64, requires_grad=True)


def recorded():
    """Whether an operation is recorded here, by what it does and by what is said."""
    y = leaf(1.0) * 2
    assert y.requires_grad == ag.is_grad_enabled()
    assert (y.grad_fn is not None) == ag.is_grad_enabled()
    return ag.is_grad_enabled()


@pytest.fixture(autouse=True)
def _as_it_was():
    assert ag.is_grad_enabled()
    yield
    assert ag.is_grad_enabled()
    assert not ag.is_inference_mode_enabled()


MODES = [
    (ag.no_grad, False),
    (ag.enable_grad, True),
    (lambda: ag.set_grad_enabled(False), False),
    (lambda: ag.set_grad_enabled(True), True),
    (ag.inference_mode, False),
    (lambda: ag.inference_mode(False), True),
]
every_mode = pytest.mark.parametrize(("mode", "inside"), MODES, ids=["no_grad", "enable_grad", "set(False)", "set(True)", "inference", "inference(False)"])


@every_mode
def test_contexts(mode, inside):
    with mode():
        assert recorded() is inside
    assert recorded()


@every_mode
def test_contexts_end_with_an_exception(mode, inside):
    with pytest.raises(Oops), mode():
        assert recorded() is inside
        raise Oops
    assert recorded()


@every_mode
def test_decorators(mode, inside):
    @mode()
    def function(a, b=2):
        """Says something."""
        return a, b, recorded()

    assert recorded()
    assert function(1, b=3) == (1, 3, inside)
    assert (function.__name__, function.__doc__) == ("function", "Says something.")

    @mode()
    def fail():
        raise Oops

    with pytest.raises(Oops):
        fail()
    assert recorded()


@pytest.mark.parametrize(("mode", "inside"), [(ag.no_grad, False), (ag.enable_grad, True), (ag.inference_mode, False)])
def test_decorators_without_parentheses(mode, inside):
    @mode
    def function(a):
        return a, recorded()

    assert function(1) == (1, inside)
    assert function.__name__ == "function"
    assert recorded()


@every_mode
def test_a_decorated_function_may_call_itself(mode, inside):
    @mode()
    def function(n):
        assert recorded() is inside
        if n:
            function(n - 1)
        return recorded()

    assert function(3) is inside


def test_decorated_methods():
    class Model:
        @ag.no_grad()
        def one(self):
            return recorded()

        @ag.no_grad
        def two(self):
            return recorded()

    assert (Model().one(), Model().two()) == (False, False)


@pytest.mark.parametrize("mode", [ag.no_grad, ag.enable_grad, ag.inference_mode])
def test_classes_are_not_decorated(mode):
    with pytest.raises(TypeError, match="decorate the methods of Model"):

        @mode()
        class Model:
            pass


@pytest.mark.parametrize("outer", [m for m, _ in MODES])
@every_mode
def test_nested(outer, mode, inside):
    with outer():
        before = recorded()
        with mode():
            assert recorded() is inside
        assert recorded() is before


def test_one_object_may_be_entered_again():
    off = ag.no_grad()
    with off:
        with off:
            assert not recorded()
        assert not recorded()
    with off:
        assert not recorded()
    assert recorded()


def test_set_grad_enabled_acts_at_once():
    ag.set_grad_enabled(False)
    try:
        assert not recorded()
        with ag.set_grad_enabled(True):
            assert recorded()
        assert not recorded()
        with ag.set_grad_enabled(False):
            pass
        assert not recorded()
    finally:
        ag.set_grad_enabled(True)


def test_generators():
    """The mode holds in the generator's own code, never in its consumer."""

    def run(mode, inside):
        log = []

        @mode
        def numbers():
            log.append(recorded() is inside)
            try:
                got = yield 1
                log.append((recorded() is inside, got))
                try:
                    yield 2
                except Oops:
                    log.append(recorded() is inside)
                yield 3
            finally:
                log.append(recorded() is inside)
            return "done"

        steps = numbers()
        assert recorded() is not inside
        assert next(steps) == 1
        assert recorded() is not inside
        assert steps.send("x") == 2
        assert steps.throw(Oops()) == 3
        with pytest.raises(StopIteration) as stop:
            next(steps)
        assert stop.value.value == "done"
        assert recorded() is not inside
        assert log == [True, (True, "x"), True, True]

    run(ag.no_grad(), False)
    run(ag.no_grad, False)
    with ag.no_grad():
        run(ag.enable_grad(), True)


def test_a_generator_that_is_closed():
    log = []

    @ag.no_grad()
    def numbers():
        try:
            yield 1
            yield 2
        finally:
            log.append(recorded())

    steps = numbers()
    next(steps)
    steps.close()
    assert log == [False]
    assert recorded()


def test_each_thread_has_its_own_mode():
    entered, checked = threading.Event(), threading.Event()
    seen = []

    def work():
        seen.append(recorded())  # threads start with recording on
        with ag.no_grad():
            entered.set()
            checked.wait(10)
            seen.append(recorded())
        seen.append(recorded())

    with ag.no_grad():
        thread = threading.Thread(target=work)
        thread.start()
        entered.wait(10)
    assert recorded()  # while the other thread is in no_grad
    checked.set()
    thread.join()
    assert seen == [True, False, True]


def test_no_grad_in_the_middle_of_a_graph():
    x = leaf(2.0)
    y = x * x
    with ag.no_grad():
        scale = y * 10
        w = ag.ones(1, dtype=ag.float64, requires_grad=True)  # still a leaf
    assert not scale.requires_grad
    (y * scale * w).backward()
    assert (x.grad.tolist(), w.grad.tolist()) == ([160.0], [160.0])


def test_a_parameter_update():
    x = leaf(3.0)
    (x * x).backward()
    with ag.no_grad():
        x -= 0.5 * x.grad
    assert (x.tolist(), x.requires_grad, x.is_leaf, x._version) == ([0.0], True, True, 1)


@pytest.mark.parametrize(
    "step", [lambda x: x.mul_(2), lambda x: x[0:1], lambda x: x.reshape(1, 1), lambda x: x.to(ag.float32), lambda x: x.clone(), lambda x: ag.concat([x, x])]
)
def test_nothing_is_recorded_under_no_grad(step):
    x = leaf(3.0)
    with ag.no_grad():
        y = step(x)
    assert (y.requires_grad, y.grad_fn) == ((True, None) if y is x else (False, None))


# ---------------------------------------------------------------------------
# inference mode
# ---------------------------------------------------------------------------


def test_what_inference_mode_makes_stays_out_of_graphs():
    x = leaf(2.0)
    with ag.inference_mode():
        assert ag.is_inference_mode_enabled()
        y = x * 3
        assert y.is_inference()
        y += 1
    assert not x.is_inference()
    assert (y.requires_grad, y.tolist()) == (False, [7.0])
    with pytest.raises(RuntimeError, match="inference tensor"):
        y.requires_grad_()
    with pytest.raises(RuntimeError, match="do not track version"):
        _ = y._version
    assert y.clone().requires_grad_().is_leaf
    for write in (lambda: y.add_(1), lambda: y[:1].zero_(), lambda: y.__setitem__(0, 1.0)):
        with pytest.raises(RuntimeError, match="inference tensor"):
            write()
        with ag.no_grad(), pytest.raises(RuntimeError, match="inference tensor"):
            write()
    assert y.tolist() == [7.0]


def test_inference_mode_off_inside():
    with ag.inference_mode():
        with ag.inference_mode(False):
            assert not ag.is_inference_mode_enabled()
            assert recorded()
        assert ag.is_inference_mode_enabled()


@pytest.mark.parametrize("end", [float, int, complex, copy.deepcopy])
def test_strict_mode_refuses_what_ends_a_graph_unnoticed(end):
    x = ag.tensor(2.0, requires_grad=True)
    with ag.set_strict(True):
        with pytest.raises(RuntimeError, match="a leaf that requires grad is another leaf" if end is copy.deepcopy else "converted to a Python number"):
            end(x)
        assert end(x.detach()) == 2
        assert x.item() == 2.0
        with ag.no_grad():
            if end is not copy.deepcopy:
                assert end(x) == 2
    assert copy.deepcopy(x).requires_grad


def test_strict_mode_is_of_this_thread_and_ends_with_its_context():
    x = ag.tensor(2.0, requires_grad=True)
    with ag.set_strict(True):
        with ag.set_strict(False):
            copy.deepcopy(x)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            assert pool.submit(copy.deepcopy, x).result() == 2.0
        with pytest.raises(RuntimeError):
            copy.deepcopy(x)
    ag.set_strict(True)
    with pytest.raises(RuntimeError):
        copy.deepcopy(x)
    ag.set_strict(False)
    copy.deepcopy(x)
    with pytest.raises(TypeError, match="strict must be a bool"):
        ag.set_strict(1)
