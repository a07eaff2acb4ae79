"""Random numbers: the published answers of Philox, one stream on every library, distributions, and what repeats draws."""

from __future__ import annotations

import copy
import math
import pickle
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import anygrad as ag
from anygrad import Generator, Tensor, random
from anygrad.autograd.gradcheck import gradcheck, gradgradcheck
from anygrad.func import grad, hessian, jacfwd, jacrev, jvp, vmap
from anygrad.utils.checkpoint import CheckpointError, checkpoint
from anygrad_numpy import _random as kernel


def host(t: Tensor | None) -> np.ndarray:
    assert t is not None
    return t.numpy(force=True)


# name, function of Tensors, arrays: rows for the tests of all functions. The numbers are those of one seed and dtype.
ROWS: list[tuple[str, Callable[..., Any], tuple[np.ndarray, ...]]] = [
    ("dropout", lambda x: random.dropout(x, 0.3, generator=Generator(1)), (np.linspace(-1.0, 2.0, 12).reshape(3, 4),)),
    ("normal", lambda mean, std: random.normal(mean, std, dtype="float64", generator=Generator(2)), (np.linspace(-1.0, 1.0, 3), np.ones((2, 3)) * 0.7)),
    ("uniform", lambda low, high: random.uniform(low, high, dtype="float64", generator=Generator(3)), (np.linspace(-1.0, 1.0, 3), np.full((2, 3), 2.5))),
    ("bernoulli", lambda p: p * random.bernoulli(ag.astype(p, "float64"), generator=Generator(4)), (np.linspace(0.1, 0.9, 6),)),
    ("permutation", lambda x: random.permutation(x, axis=1, generator=Generator(5)), (np.linspace(-1.0, 2.0, 12).reshape(3, 4),)),
    ("choice", lambda a: random.choice(a, (2, 3), generator=Generator(6)), (np.linspace(-1.0, 2.0, 4),)),
]

# ---------------------------------------------------------------------------
# the stream
# ---------------------------------------------------------------------------

# kat_vectors of Random123, "philox4x32 10": counter, key, words. This stream has counters whose upper half is 0.
ZEROS = "6627e8d5 e169c58d bc57ac4c 9b00dbd8"
ONES, PI = "408f276d 41c83b0e a20bc7c6 6d5451fd", "d16cfe09 94fdcceb 5001e420 24126ea1"


def plain_philox(counter: list[int], key: list[int]) -> list[int]:
    """As the paper has it, with Python's integers."""
    for _ in range(10):
        p, q = 0xD2511F53 * counter[0], 0xCD9E8D57 * counter[2]
        counter = [q >> 32 ^ counter[1] ^ key[0], q & 0xFFFFFFFF, p >> 32 ^ counter[3] ^ key[1], p & 0xFFFFFFFF]
        key = [(key[0] + 0x9E3779B9) & 0xFFFFFFFF, (key[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return counter


@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [
        ("00000000 00000000 00000000 00000000", "00000000 00000000", ZEROS),
        ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", ONES),
        ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", PI),
    ],
)
def test_published_answers(counter: str, key: str, words: str) -> None:
    c, k, w = ([int(v, 16) for v in text.split()] for text in (counter, key, words))
    assert plain_philox(c, k) == w


def test_the_first_published_answer_is_the_stream_of_seed_0() -> None:
    assert [f"{w:08x}" for w in kernel.random_words(4, 0, 0)] == ZEROS.split()


@pytest.mark.parametrize("seed", [0, 1, 2**32, 2**64 - 1, 0xA4093822299F31D0])
@pytest.mark.parametrize("counter", [0, 1, 2**32 - 2, 2**64 - 3])
def test_words_are_those_of_the_plain_algorithm(seed: int, counter: int) -> None:
    wanted = []
    for i in range(3000):
        c = (counter + i) % 2**64
        wanted += plain_philox([c & 0xFFFFFFFF, c >> 32, 0, 0], [seed & 0xFFFFFFFF, seed >> 32]) if i < 5 or i > 2995 else [-1] * 4
    known = np.array(wanted) >= 0
    for n in (7, len(wanted)):  # out of a chunk that is remembered, and computed at once
        found = kernel.random_words(n, seed, 4 * counter).astype(np.int64)
        np.testing.assert_array_equal(found[known[:n]], np.array(wanted)[:n][known[:n]])


@pytest.mark.parametrize("position", [0, 1, 2, 3, 4095, 4096 * 8 + 2, 2**66 - 6])
@pytest.mark.parametrize("n", [1, 5, 2048, 2049, 40_000])
def test_a_stream_is_the_same_in_pieces(position: int, n: int) -> None:
    whole = kernel.random_words(n + 3, 9, position)
    np.testing.assert_array_equal(whole[3:], kernel.random_words(n, 9, position + 3))
    np.testing.assert_array_equal(whole[:n], kernel.random_words(n, 9, position))


def test_floats_out_of_words() -> None:
    words = kernel.random_words(8, 3, 0)
    np.testing.assert_array_equal(host(ag.rand(8, generator=Generator(3))), (words >> 8).astype(np.float32) / np.float32(2**24))
    pairs = [int(words[2 * i]) + (int(words[2 * i + 1]) << 32) for i in range(4)]
    np.testing.assert_array_equal(host(ag.rand(4, dtype=ag.float64, generator=Generator(3))), [(w >> 11) / 2**53 for w in pairs])
    np.testing.assert_array_equal(host(ag.rand(8, dtype=ag.float16, generator=Generator(3))), (words >> 21).astype(np.float16) / np.float16(2**11))
    np.testing.assert_array_equal(host(ag.randint(-3, 1000, 4, generator=Generator(3))), [-3 + (1003 * w >> 64) for w in pairs])
    radius, angle = math.sqrt(-2 * math.log((int(words[0]) + 0.5) / 2**32)), math.pi * int(words[1].view(np.int32)) / 2**31
    np.testing.assert_allclose(host(ag.randn(2, generator=Generator(3))), [radius * math.cos(angle), radius * math.sin(angle)], rtol=1e-5)


@pytest.mark.parametrize("span", [1, 7, 2**32 - 1, 2**32, 2**32 + 5, 2**50 + 3, 2**63, 2**64 - 1, 2**64])
def test_integers_of_any_span(span: int) -> None:
    pairs = kernel.random_words(2000, 1, 0).view(np.uint64)
    found = kernel.random_integers((1000,), low=-(2**63), span=span, seed=1, position=0)
    assert [int(v) for v in found] == [(int(w) * span >> 64) - 2**63 for w in pairs]


@pytest.mark.parametrize(
    ("draw", "words", "align"),
    [
        (lambda g: ag.rand(5, generator=g), 5, 1),
        (lambda g: ag.rand(5, dtype=ag.float64, generator=g), 10, 2),
        (lambda g: ag.rand(5, dtype=ag.complex64, generator=g), 10, 1),
        (lambda g: ag.randn(5, generator=g), 6, 2),
        (lambda g: ag.randn(5, dtype=ag.float64, generator=g), 12, 4),
        (lambda g: ag.randint(9, (5,), generator=g), 10, 2),
        (lambda g: ag.randperm(5, generator=g), 10, 2),
        (lambda g: ag.bernoulli(0.5, 5, generator=g), 5, 1),
        (lambda g: ag.dropout(ag.ones(5), generator=g), 5, 1),
        (lambda g: ag.dropout(ag.ones(5), training=False, generator=g), 0, 1),
        (lambda g: random.choice(7, 5, generator=g), 10, 2),
        (lambda g: ag.rand(0, generator=g), 0, 1),
        (lambda g: ag.rand((), generator=g), 1, 1),
    ],
)
def test_how_many_words_a_call_takes(draw: Callable[..., Any], words: int, align: int) -> None:
    for before in range(5):
        g = Generator(7).set_state({"seed": 7, "position": before})
        draw(g)
        assert g.get_state()["position"] == -(-before // align) * align + words


def test_a_draw_in_two_calls_is_the_same() -> None:
    for function in (ag.rand, ag.randn):
        for dtype in (ag.float32, ag.float64):
            g, whole = Generator(3), Generator(3)
            parts = [function(n, dtype=dtype, generator=g) for n in (4, 70_000, 6)]
            np.testing.assert_array_equal(host(ag.concat(parts)), host(function(70_010, dtype=dtype, generator=whole)))
            assert g.get_state() == whole.get_state()


DRAWS: dict[str, Callable[..., Tensor]] = {
    "rand": lambda **given: ag.rand(3, 5, **given),
    "rand float64": lambda **given: ag.rand(3, 5, dtype=ag.float64, **given),
    "rand complex": lambda **given: ag.rand(3, dtype=ag.complex128, **given),
    "randn": lambda **given: ag.randn(33, **given),
    "randn float64": lambda **given: ag.randn(33, dtype=ag.float64, **given),
    "randint": lambda **given: ag.randint(-5, 100, (7,), **given),
    "randint uint8": lambda **given: ag.randint(256, (7,), dtype=ag.uint8, **given),
    "randperm": lambda **given: ag.randperm(20, **given),
    "uniform": lambda **given: random.uniform(-1, 3.0, (4,), **given),
    "normal": lambda **given: ag.normal(-1, 3.0, (4,), **given),
    "bernoulli": lambda **given: ag.bernoulli(0.3, (40,), **given),
    "choice": lambda **given: random.choice(10, 5, p=[0.1] * 10, **given),
    "choice without": lambda **given: random.choice(10, 5, False, p=[0.05, 0.15] * 5, **given),
    "permutation": lambda device, **given: random.permutation(ag.arange(8.0, device=device), **given),
    "dropout": lambda device, **given: ag.dropout(ag.ones(3, 5, device=device), 0.3, **given),
}


@pytest.mark.parametrize("name", DRAWS)
def test_the_same_stream_on_every_library(name: str, device: Any) -> None:
    """To the bit, but for normal numbers, whose log, sin and cos are another library's on a GPU."""
    g, on_cpu = Generator(11), Generator(11)
    found, wanted = DRAWS[name](device=device, generator=g), DRAWS[name](device="cpu", generator=on_cpu)
    assert found.device == device
    assert (found.dtype, found.shape, g.get_state()) == (wanted.dtype, wanted.shape, on_cpu.get_state())
    tolerance = 1e-6 if "norm" in name or "randn" in name else 0
    np.testing.assert_allclose(host(found), host(wanted), rtol=tolerance, atol=tolerance)


def test_bfloat16() -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    for function in (ag.rand, ag.randn):
        x = function(1000, dtype=ml_dtypes.bfloat16, generator=Generator(0))
        assert x.dtype == ml_dtypes.bfloat16
    u = host(ag.rand(4000, dtype=ml_dtypes.bfloat16, generator=Generator(0))).astype(np.float32)
    assert u.min() >= 0
    assert u.max() < 1


# ---------------------------------------------------------------------------
# distributions: fixed seeds, so that a test either always passes or never
# ---------------------------------------------------------------------------

N = 100_000


def kolmogorov(sample: np.ndarray, cdf: Callable[[np.ndarray], np.ndarray]) -> float:
    """sqrt(n) times the largest distance of the distribution functions; above 1.95 once in a thousand samples."""
    x = cdf(np.sort(sample.astype(np.float64)))
    steps = np.arange(len(x) + 1) / len(x)
    return math.sqrt(len(x)) * max((steps[1:] - x).max(), (x - steps[:-1]).max())


def normal_cdf(x: np.ndarray) -> np.ndarray:
    return np.array([0.5 * math.erfc(-v / math.sqrt(2)) for v in x])


@pytest.mark.parametrize("dtype", [ag.float32, ag.float64])
def test_uniform_and_normal_distributions(dtype: Any) -> None:
    u, z = (host(f(N, dtype=dtype, generator=Generator(2026))) for f in (ag.rand, ag.randn))
    assert kolmogorov(u, lambda x: x) < 1.95
    assert kolmogorov(z, normal_cdf) < 1.95
    for x, variance, fourth in ((u - 0.5, 1 / 12, 1 / 80), (z, 1.0, 3.0)):
        assert abs(x.mean()) < 4 * math.sqrt(variance / N)
        assert abs((x**2).mean() - variance) < 4 * math.sqrt((fourth - variance**2) / N)
        assert abs((x[1:] * x[:-1]).mean()) < 4 * variance / math.sqrt(N)  # neighbours
    assert abs((z**3).mean()) < 4 * math.sqrt(15 / N)


def chi_square(counts: np.ndarray, expected: np.ndarray) -> float:
    """How many standard deviations chi square is above its mean."""
    return (((counts - expected) ** 2 / expected).sum() - len(counts) + 1) / math.sqrt(2 * (len(counts) - 1))


def test_integers_permutations_and_choices_are_even() -> None:
    g = Generator(99)
    assert chi_square(np.bincount(host(ag.randint(17, (N,), generator=g))), np.full(17, N / 17)) < 4
    orders = [tuple(host(ag.randperm(4, generator=g))) for _ in range(4800)]
    counts = np.array([orders.count(order) for order in set(orders)])
    assert len(counts) == 24
    assert chi_square(counts, np.full(24, 200.0)) < 4
    p = np.array([0.1, 0.0, 0.6, 0.3])
    counts = np.bincount(host(random.choice(4, N, p=p, generator=g)), minlength=4)
    assert counts[1] == 0
    assert chi_square(counts[p > 0], N * p[p > 0]) < 4
    pairs = [tuple(host(random.choice(4, 2, False, p=p, generator=g))) for _ in range(4000)]
    possible = {(i, j): p[i] * p[j] / (1 - p[i]) for i in (0, 2, 3) for j in (0, 2, 3) if i != j}
    counts = np.array([pairs.count(pair) for pair in possible])
    assert counts.sum() == 4000
    assert chi_square(counts, 4000 * np.array(list(possible.values()))) < 4


def test_bernoulli_and_dropout_rates() -> None:
    for rate in (0.1, 0.5, 0.9):
        for x in (ag.bernoulli(rate, N, generator=Generator(1)), ag.bernoulli(ag.full((N,), rate), generator=Generator(2))):
            assert set(np.unique(host(x))) == {0.0, 1.0}
            assert abs(host(x).mean() - rate) < 4 * math.sqrt(rate * (1 - rate) / N)
        kept = host(ag.dropout(ag.ones(N), rate, generator=Generator(3)))
        np.testing.assert_allclose(np.unique(kept), [0, 1 / (1 - rate)], rtol=1e-6)
        assert abs((kept == 0).mean() - rate) < 4 * math.sqrt(rate * (1 - rate) / N)
    assert host(ag.bernoulli(ag.asarray([0.0, 1.0]))).tolist() == [0, 1]


def test_complex_numbers_have_variance_one() -> None:
    z = host(ag.randn(N, dtype=ag.complex64, generator=Generator(0)))
    assert abs((abs(z) ** 2).mean() - 1) < 4 / math.sqrt(N)
    assert abs(z.real.var() - 0.5) < 4 * math.sqrt(0.5 / N)


def test_permutation_and_choice_of_tensors() -> None:
    x = ag.reshape(ag.arange(12.0), (3, 4))
    rows = host(random.permutation(x, generator=Generator(1)))
    assert sorted(rows.tolist()) == host(x).tolist()
    assert np.sort(host(random.permutation(x, axis=1, generator=Generator(1))), axis=1).tolist() == host(x).tolist()
    assert random.choice(x).shape == (4,)
    assert random.choice(x, (2, 5), axis=1).shape == (3, 2, 5)
    assert sorted(host(random.choice(6, 6, replace=False))) == list(range(6))
    assert sorted(host(random.permutation(6))) == sorted(host(ag.randperm(6, dtype=ag.int32))) == list(range(6))
    assert (random.choice(x, 0).shape, random.choice(0, 0).shape, ag.randperm(0).shape, ag.randperm(1).tolist()) == ((0, 4), (0,), (0,), [0])


def test_shapes_dtypes_and_leaves() -> None:
    assert ag.rand().shape == ag.rand(()).shape == ag.randint(3).shape == ag.normal().shape == random.uniform().shape == ()
    assert ag.rand(2, 0).shape == ag.randn((2, 0)).shape == (2, 0)
    assert ag.rand(2, 3).dtype == ag.float32
    with ag.set_default_dtype(ag.float64):
        assert ag.rand(2).dtype == ag.normal(0, 1, 2).dtype == ag.bernoulli(0.5, 2).dtype == ag.float64
    x = ag.rand(3, requires_grad=True)
    assert x.is_leaf
    assert x.requires_grad
    assert ag.randn_like(ag.ones(2, 3, dtype=ag.float64)).dtype == ag.float64
    assert ag.rand_like(ag.ones(2, 3), dtype=ag.float16).dtype == ag.float16
    assert ag.randint(0, 2, (3,), dtype=ag.bool).dtype == ag.bool
    assert ag.randint(2, 5, size=3).shape == (3,)
    assert ag.normal(ag.arange(3)).dtype == ag.float32
    assert ag.normal(ag.zeros(3, dtype=ag.float64), 1.0, (2, 3)).shape == (2, 3)


# ---------------------------------------------------------------------------
# generators
# ---------------------------------------------------------------------------


def test_states_are_saved_and_restored() -> None:
    g = Generator(5)
    ag.rand(3, generator=g)
    state, copied, pickled = g.get_state(), copy.deepcopy(g), pickle.loads(pickle.dumps(g))
    assert state == {"seed": 5, "position": 3}
    wanted = host(ag.randn(4, generator=g))
    for other in (copied, pickled, Generator().set_state(state), g.set_state(state)):
        np.testing.assert_array_equal(host(ag.randn(4, generator=other)), wanted)
    assert repr(Generator(5)) == "Generator(seed=5, position=0)"


def test_seeds() -> None:
    assert Generator(-1).initial_seed() == 2**64 - 1
    assert Generator().initial_seed() != Generator().initial_seed()
    g = Generator(3)
    ag.rand(2, generator=g)
    assert g.manual_seed(4) is g
    assert g.get_state() == {"seed": 4, "position": 0}
    assert g.seed() == g.initial_seed() != 4


def test_the_default_generator() -> None:
    with random.fork_rng():
        assert ag.manual_seed(12) is random.default_generator
        first, state = host(ag.rand(3)), ag.get_rng_state()
        assert ag.initial_seed() == 12
        second = host(ag.rand(3))
        ag.set_rng_state(state)
        np.testing.assert_array_equal(host(ag.rand(3)), second)
        with random.fork_rng():
            ag.rand(100)
            assert random.seed() == ag.initial_seed()
        ag.manual_seed(12)
        np.testing.assert_array_equal(host(ag.rand(3)), first)


def test_threads_draw_no_number_twice() -> None:
    g, found = Generator(1), []

    def work() -> None:
        for _ in range(200):
            found.append(host(ag.rand(3, dtype=ag.float64, generator=g)))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    whole = host(ag.rand(4 * 200 * 3, dtype=ag.float64, generator=Generator(1)))
    np.testing.assert_array_equal(np.sort(np.concatenate(found)), np.sort(whole))


# ---------------------------------------------------------------------------
# gradients
# ---------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "function", "arrays"), ROWS, ids=[row[0] for row in ROWS])
def test_gradients(name: str, function: Callable[..., Any], arrays: tuple[np.ndarray, ...]) -> None:
    xs = tuple(ag.tensor(a, requires_grad=True) for a in arrays)
    assert gradcheck(function, xs)
    assert gradgradcheck(function, xs)


@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
def test_dropout_and_its_derivatives(p: float, make: Any) -> None:
    x = make(np.linspace(-1.0, 2.0, 6), requires_grad=True)

    def f(x: Tensor) -> Tensor:
        return ag.dropout(x, p, generator=Generator(8))

    scale = host(f(ag.ones_like(x)))
    np.testing.assert_allclose(host(f(x)), host(x) * scale)
    (g,) = ag.autograd.grad(ag.sum(f(x) ** 3), x, create_graph=True)
    (h,) = ag.autograd.grad(ag.sum(g), x)
    np.testing.assert_allclose(host(g), 3 * host(x) ** 2 * scale**3, rtol=1e-6)
    np.testing.assert_allclose(host(h), 6 * host(x) * scale**3, rtol=1e-6)
    np.testing.assert_allclose(host(jvp(f, (x,), (ag.ones_like(x),))[1]), scale)


def test_dropout_keeps_nothing_but_a_place_in_the_stream() -> None:
    x = ag.ones(4, requires_grad=True)
    y = ag.dropout(x)
    assert [v for v in y.grad_fn.saved if not isinstance(v, (int, float, tuple))] == []
    assert ag.dropout(x, 0.5, training=False) is x
    assert ag.dropout(x, 0.0) is x


def test_dropped_elements_are_0_whatever_they_were(make: Any) -> None:
    assert host(ag.dropout(make(np.array([np.inf, np.nan, 1.0])), 1.0)).tolist() == [0, 0, 0]


def test_a_transposed_tensor_is_dropped_like_its_copy(make: Any) -> None:
    x = make(np.arange(6.0).reshape(2, 3)).mT
    np.testing.assert_array_equal(host(ag.dropout(x, generator=Generator(1))), host(ag.dropout(x.clone(), generator=Generator(1))))


def test_the_gradient_of_bernoulli_is_0() -> None:
    p = ag.tensor([0.2, 0.8], requires_grad=True)
    ag.sum(ag.bernoulli(p)).backward()
    assert host(p.grad).tolist() == [0, 0]


# ---------------------------------------------------------------------------
# in place
# ---------------------------------------------------------------------------


def test_fills(make: Any) -> None:
    x = make(np.zeros((2, 3), np.float32))
    assert x.uniform_(2.0, 3.0, generator=Generator(1)) is x
    np.testing.assert_array_equal(host(x), host(random.uniform(2.0, 3.0, (2, 3), generator=Generator(1))))
    np.testing.assert_allclose(host(x.normal_(1.0, 2.0, generator=Generator(1))), host(ag.normal(1.0, 2.0, (2, 3), generator=Generator(1))), rtol=1e-6)
    assert set(host(x.bernoulli_(0.5)).flat) <= {0.0, 1.0}
    assert host(make(np.ones(3, np.int64)).bernoulli_(0.0)).tolist() == [0, 0, 0]
    with pytest.raises(RuntimeError, match="leaf that requires grad"):
        make(np.zeros(2, np.float32), requires_grad=True).normal_()
    leaf = make(np.ones(2, np.float32), requires_grad=True)
    (leaf * 2).normal_().sum().backward()
    assert host(leaf.grad).tolist() == [0, 0]


# ---------------------------------------------------------------------------
# checkpoints
# ---------------------------------------------------------------------------


def noisy(x: Tensor, g: Generator | None = None) -> Tensor:
    return ag.exp(ag.dropout(ag.sin(x), 0.5, generator=g)) * ag.randn(4, device=x.device, generator=g)


@pytest.mark.parametrize("explicit", [False, True])
def test_checkpoints_draw_the_same_again(explicit: bool, make: Any) -> None:
    source = Generator() if explicit else random.default_generator
    given = source if explicit else None
    found = []
    for call in (noisy, lambda x, g: checkpoint(noisy, x, g), lambda x, g: checkpoint(lambda v, g: checkpoint(noisy, v, g), x, g)):
        with random.fork_rng():
            source.manual_seed(3)
            x = make(np.linspace(-1.0, 1.0, 4, dtype=np.float32), requires_grad=True)
            y = call(x, given)
            ag.rand(7, generator=given)
            state = source.get_state()
            y.sum().backward()
            assert source.get_state() == state, "backward leaves the stream where it is"
            found.append((host(y), host(x.grad)))
    for value, gradient in found[1:]:
        np.testing.assert_array_equal(value, found[0][0])
        np.testing.assert_array_equal(gradient, found[0][1])


def test_checkpoints_of_functions_that_seed() -> None:
    def seeded(x: Tensor) -> Tensor:
        ag.manual_seed(1)
        return ag.exp(ag.dropout(x) * ag.dropout(x, generator=Generator(4)))

    with random.fork_rng():
        x, x0 = (ag.ones(6, requires_grad=True) for _ in range(2))
        y = checkpoint(seeded, x)
        seeded(x0).sum().backward()
        ag.manual_seed(77)
        y.sum().backward()
        assert ag.get_rng_state() == {"seed": 77, "position": 0}
        np.testing.assert_array_equal(host(x.grad), host(x0.grad))


def test_checkpoints_beside_another_thread_that_draws() -> None:
    """The draws are noted one by one: the other thread's lie between them."""

    def interrupted(x: Tensor) -> Tensor:
        y = ag.exp(ag.dropout(x))
        other = threading.Thread(target=lambda: ag.rand(5))
        other.start()
        other.join()
        return y * ag.dropout(ag.exp(x))

    x = ag.ones(50, requires_grad=True)
    y = checkpoint(interrupted, x)
    y.sum().backward()
    np.testing.assert_allclose(host(x.grad), host(y) * (1 + np.where(host(y) > 10, 2, 0)), rtol=1e-6)


def test_a_checkpoint_that_draws_something_else_raises() -> None:
    sizes = iter([3, 4])
    x = ag.ones((), requires_grad=True)
    y = checkpoint(lambda x: ag.sum(ag.exp(x * ag.rand(next(sizes)))), x, determinism_check="none")
    with pytest.raises(CheckpointError, match="draws other random numbers"):
        y.backward()


# ---------------------------------------------------------------------------
# vmap
# ---------------------------------------------------------------------------

INSIDE: dict[str, Callable[[Tensor], Tensor]] = {
    "rand": lambda v: v + ag.rand(2),
    "randn": lambda v: v + ag.randn(2),
    "rand_like": lambda v: v * 0 + ag.rand_like(v),
    "bernoulli": lambda v: ag.bernoulli(v * 0 + 0.5, (20, 2)),
    "dropout": lambda v: ag.dropout(v * 0 + ag.ones(40, 1)),
    "dropout of what is not batched": lambda v: ag.dropout(ag.ones(40)),
    "randperm": lambda v: ag.randperm(40),
    "choice": lambda v: random.choice(v, 40),
    "uniform_": lambda v: ag.zeros_like(v).uniform_(),
    "generator": lambda v: ag.rand(2, generator=random.default_generator) + v,
}


@pytest.mark.parametrize("chunk_size", [None, 2])
@pytest.mark.parametrize("name", INSIDE)
def test_randomness_of_vmap(name: str, chunk_size: int | None, make: Any) -> None:
    x = make(np.tile(np.arange(2, dtype=np.float32), (3, 1)))  # entries that are equal
    f = INSIDE[name]
    if name != "dropout of what is not batched" and name != "randperm" and x.device != ag.device("cpu"):
        pytest.skip("draws on the default device")
    with pytest.raises(RuntimeError, match='vmap has to be told.*randomness="different"'):
        vmap(f)(x)
    same = host(vmap(f, randomness="same", chunk_size=chunk_size)(x))
    different = host(vmap(f, randomness="different", chunk_size=chunk_size)(x))
    assert all((row == same[0]).all() for row in same)
    assert not any((row == different[0]).all() for row in different[1:])


def test_same_is_what_one_entry_draws_and_different_what_a_batch_does() -> None:
    x = ag.zeros(3, 2)
    for seed in (0, 1):
        g, found = Generator(seed), {}
        for mode in ("same", "different"):
            g.manual_seed(seed)
            found[mode] = host(vmap(lambda v, g=g: v + ag.rand(2, generator=g), randomness=mode)(x))
        np.testing.assert_array_equal(found["same"], host(ag.stack([ag.rand(2, generator=Generator(seed))] * 3)))
        np.testing.assert_array_equal(found["different"], host(ag.rand(3, 2, generator=Generator(seed))))


@pytest.mark.parametrize("outer", ["same", "different"])
@pytest.mark.parametrize("inner", ["same", "different"])
@pytest.mark.parametrize("f", [lambda v: v + ag.rand(40), lambda v: ag.dropout(v + ag.ones(40))])
def test_randomness_of_nested_batches(outer: str, inner: str, f: Callable[..., Any]) -> None:
    x = ag.zeros(2, 3)
    found = host(vmap(vmap(f, randomness=inner), randomness=outer)(x))
    assert (found[0] == found[1]).all() == (outer == "same")
    assert (found[:, 0] == found[:, 1]).all() == (inner == "same")


def test_dropout_differentiated_in_a_batch() -> None:
    x = ag.tensor(np.linspace(0.5, 1.5, 12).reshape(3, 4))
    f = lambda v: ag.sum(ag.dropout(v, generator=Generator(2)) ** 2)  # noqa: E731
    for mode in ("same", "different"):
        found = vmap(grad(f), randomness=mode)(x)
        dropped = vmap(lambda v: ag.dropout(v, generator=Generator(2)), randomness=mode)(x)
        np.testing.assert_allclose(host(found), 4 * host(dropped))


def test_jacobians_are_of_one_draw() -> None:
    """All columns and rows, and all arguments, in one batch or in several."""
    x, y = ag.ones(5, dtype=ag.float64), ag.ones(5, dtype=ag.float64)
    for jacobian in (jacfwd, jacrev):
        for chunk_size in (None, 1, 2):
            mine, theirs = jacobian(lambda a, b: ag.dropout(a + b), argnums=(0, 1), chunk_size=chunk_size)(x, y)
            np.testing.assert_array_equal(host(mine), host(theirs))
            assert np.count_nonzero(host(mine) - np.diag(np.diagonal(host(mine)))) == 0
    second = host(hessian(lambda a: ag.sum(ag.dropout(a) ** 2))(x))
    assert set(np.diagonal(second)) <= {0.0, 8.0}


# ---------------------------------------------------------------------------
# bad input
# ---------------------------------------------------------------------------

MISTAKES: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: ag.rand(2, dtype=ag.int64), ag.DTypeError, "drawn by randint"),
    (lambda: ag.randn(-1), ag.ShapeError, "cannot be negative"),
    (lambda: ag.rand(2.5), TypeError, r"rand\(2, 3\) or rand\(\(2, 3\)\)"),
    (lambda: ag.rand(2, generator=3), TypeError, r"must be an anygrad.Generator, not int.*Generator\(seed\)"),
    (lambda: ag.rand(2, generator=np.random.default_rng(0)), TypeError, "must be an anygrad.Generator"),
    (lambda: ag.normal(0.0, -1.0, 2), ValueError, "std must not be negative, got -1.0"),
    (lambda: ag.normal(ag.zeros(2), ag.asarray([1.0, -1.0])), ValueError, "std must not be negative"),
    (lambda: ag.normal("a"), TypeError, "mean must be a real number or a Tensor, not str"),
    (lambda: ag.normal(1j), TypeError, "mean must be a real number"),
    (lambda: ag.normal(ag.zeros(3), 1.0, (2,)), ag.ShapeError, "do not broadcast"),
    (lambda: ag.normal(ag.zeros(3), 1.0, (1,)), ag.ShapeError, "do not broadcast"),
    (lambda: random.uniform(2.0, 1.0), ValueError, "low must be at most high, got 2.0 and 1.0"),
    (lambda: ag.bernoulli(1.5, 2), ValueError, r"p must be in \[0, 1\], got 1.5"),
    (lambda: ag.bernoulli(ag.asarray([0.5, -0.1])), ValueError, r"p must be in \[0, 1\]"),
    (lambda: ag.randint(3, 3, (2,)), ValueError, "low must be below high, got 3 and 3"),
    (lambda: ag.randint(1.5), TypeError, "high must be an integer"),
    (lambda: ag.randint(0, 300, (2,), dtype=ag.uint8), OverflowError, "uint8 holds 0 to 255"),
    (lambda: ag.randperm(-1), ag.ShapeError, "cannot be negative"),
    (lambda: random.choice(0), ValueError, "nothing to choose from"),
    (lambda: random.choice(3, 4, replace=False), ValueError, "4 of 3 entries.*replace=True"),
    (lambda: random.choice(3, 2, p=[0.5, 0.5]), ag.ShapeError, r"p has shape \(2,\), and there are 3 entries"),
    (lambda: random.choice(2, 2, p=[0.5, 0.6]), ValueError, "add up to 1"),
    (lambda: random.choice(2, 2, p=[1.5, -0.5]), ValueError, "negative or NaN"),
    (lambda: random.choice(2, 2, replace=False, p=[1.0, 0.0]), ValueError, "at least 2 entries"),
    (lambda: random.choice("abc"), TypeError, "a must be an integer"),
    (lambda: ag.dropout(ag.ones(2), 1.5), ValueError, r"p must be in \[0, 1\], got 1.5"),
    (lambda: ag.dropout(ag.ones(2), math.nan), ValueError, r"p must be in \[0, 1\]"),
    (lambda: ag.dropout(ag.ones(2), "a"), TypeError, "p must be a number, not str"),
    (lambda: ag.dropout(ag.arange(2)), ag.DTypeError, "floating point or complex"),
    (lambda: ag.manual_seed(2**64), ValueError, "below 2"),
    (lambda: ag.manual_seed(1.5), TypeError, "a seed must be an integer, not float"),
    (lambda: Generator("cuda"), TypeError, "a seed must be an integer, not str"),
    (lambda: ag.set_rng_state([1]), TypeError, "expected what get_state"),
    (lambda: ag.set_rng_state({"seed": 0, "position": -1}), ValueError, "at least 0"),
    (lambda: ag.rand(2, device="no such"), ag.DeviceError, "is not a device"),
]


@pytest.mark.parametrize(("call", "error", "message"), MISTAKES, ids=[str(i) for i in range(len(MISTAKES))])
def test_mistakes(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    state = ag.get_rng_state()
    with pytest.raises(error, match=message):
        call()
    assert ag.get_rng_state() == state, "a call that raises draws nothing"


def test_requires_grad_is_a_bool() -> None:
    for function in (ag.rand, ag.randn, random.uniform, ag.normal):
        with pytest.raises(TypeError, match="requires_grad must be a bool"):
            function(requires_grad=1)
