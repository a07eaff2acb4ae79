"""The document that the project starts from, statement by statement, as PyTorch prints it.

`import anygrad as torch` is its only change.
"""

import numpy as np
import pytest

import anygrad as torch

X1 = """\
x1 = tensor([[2., 2.],
        [2., 2.]], requires_grad=True)
"""
W1 = """\
w1 = tensor([[5., 5.],
        [5., 5.]], requires_grad=True)
"""
X2 = """\
x2 = tensor([[10., 10.],
        [10., 10.]], grad_fn=<MulBackward0>)
"""
W2 = """\
w2 = tensor([[6., 6.],
        [6., 6.]], requires_grad=True)
"""
Y_OUT = """\
y = tensor([[60., 60.],
        [60., 60.]], grad_fn=<MulBackward0>)
"""
Y_IN = """\
Y = tensor([[10., 10.],
        [10., 10.]])
"""
L_OUT = """\
L = tensor([[-50., -50.],
        [-50., -50.]], grad_fn=<SubBackward0>)
"""


def leaf(value):
    x = torch.from_numpy(value * np.ones((2, 2), dtype=np.float32))
    x.requires_grad_(True)
    return x


@pytest.fixture
def network():
    x1, w1 = leaf(2), leaf(5)
    x2 = x1 * w1
    w2 = leaf(6)
    y = x2 * w2
    Y = torch.from_numpy(10 * np.ones((2, 2), dtype=np.float32))
    L = Y - y
    return x1, w1, x2, w2, y, Y, L


def full(value):
    """How a 2x2 tensor of one value prints."""
    return f"tensor([[{value}, {value}],\n        [{value}, {value}]])"


def test_the_network_prints_as_in_pytorch(capsys):
    x1 = torch.from_numpy(2 * np.ones((2, 2), dtype=np.float32))
    print("x1 =", x1)
    assert capsys.readouterr().out == "x1 = tensor([[2., 2.],\n        [2., 2.]])\n"
    x1.requires_grad_(True)
    print("x1 =", x1)
    w1 = torch.from_numpy(5 * np.ones((2, 2), dtype=np.float32))
    w1.requires_grad_(True)
    print("w1 =", w1)
    x2 = x1 * w1
    print("x2 =", x2)
    w2 = torch.from_numpy(6 * np.ones((2, 2), dtype=np.float32))
    w2.requires_grad_(True)
    print("w2 =", w2)
    y = x2 * w2
    print("y =", y)
    Y = torch.from_numpy(10 * np.ones((2, 2), dtype=np.float32))
    print("Y =", Y)
    L = Y - y
    print("L =", L)
    assert capsys.readouterr().out == X1 + W1 + X2 + W2 + Y_OUT + Y_IN + L_OUT

    L.backward(torch.ones(2, 2, dtype=torch.float))
    for name, tensor in (("x1", x1), ("w1", w1), ("w2", w2)):
        print(f"{name}.grad =", tensor.grad)
    assert capsys.readouterr().out == f"x1.grad = {full('-30.')}\nw1.grad = {full('-12.')}\nw2.grad = {full('-10.')}\n"
    assert Y.grad is None


def test_backward_from_the_middle_is_backward_from_the_end(network):
    x1, w1, _, w2, y, _, _ = network
    y.backward(-1 * torch.ones(2, 2, dtype=torch.float))
    assert [repr(t.grad) for t in (x1, w1, w2)] == [full("-30."), full("-12."), full("-10.")]


def test_a_scalar_needs_no_argument():
    x = torch.tensor(3.0, requires_grad=True)
    y = x * x
    y.backward()
    assert repr(x.grad) == "tensor(6.)"
    z = (x * x).sum()
    z.backward(torch.tensor(1.0))
    assert repr(x.grad) == "tensor(12.)"


def test_what_is_no_scalar_needs_one(network):
    x1, *_, L = network
    with pytest.raises(RuntimeError, match=r"grad can be implicitly created only for scalar outputs.*shape \(2, 2\)"):
        L.backward()
    assert x1.grad is None
    L.backward(torch.ones(2, 2))  # the error left the graph as it was
    assert repr(x1.grad) == full("-30.")


def test_one_backward_per_result(network):
    x1, *_, L = network
    ones = torch.ones(2, 2, dtype=torch.float)
    L.backward(ones, retain_graph=True)
    L.backward(ones)
    assert repr(x1.grad) == full("-60.")
    with pytest.raises(RuntimeError, match="second time"):
        L.backward(ones)
    assert repr(x1.grad) == full("-60.")


def test_results_of_one_source_accumulate(network):
    x1, *_, L = network
    L.backward(torch.ones(2, 2, dtype=torch.float))
    seen = [repr(x1.grad)]
    for _ in range(2):
        L2 = x1 * x1
        L2.backward(torch.ones(2, 2))
        seen.append(repr(x1.grad))
    assert seen == [full("-30."), full("-26."), full("-22.")]


def test_only_leaves_get_gradients():
    source = torch.ones(2, 2, requires_grad=True, dtype=torch.float)
    x1 = 2 * source
    assert (source.is_leaf, x1.is_leaf) == (True, False)
    (x1 * x1).backward(torch.ones(2, 2))
    with pytest.warns(UserWarning, match=r"not a leaf.*MulBackward0.*retain_grad"):
        assert x1.grad is None
    assert repr(source.grad) == full("8.")
    assert source.grad_fn is None
    assert x1.grad_fn.name() == "MulBackward0"


def test_with_gradients_asked_for_afterwards_it_is_a_leaf():
    x1 = 2 * torch.ones(2, 2, dtype=torch.float)
    x1.requires_grad_(True)
    (x1 * x1).backward(torch.ones(2, 2))
    assert x1.is_leaf
    assert repr(x1.grad) == full("4.")


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("float", "float32"),
        ("double", "float64"),
        ("half", "float16"),
        ("long", "int64"),
        ("int", "int32"),
        ("short", "int16"),
        ("cfloat", "complex64"),
        ("cdouble", "complex128"),
    ],
)
def test_pytorchs_dtype_names(alias, name):
    assert getattr(torch, alias) is getattr(torch, name)
    assert torch.ones(2, 2, dtype=getattr(torch, alias)).dtype == getattr(torch, name)
    assert alias not in torch.__all__


@pytest.mark.parametrize("constructor", [torch.ones, torch.zeros, torch.empty])
def test_sizes_one_by_one_or_as_a_tuple(constructor):
    assert constructor(2, 3).shape == constructor((2, 3)).shape == constructor([2, 3]).shape == (2, 3)
    assert constructor(2).shape == (2,)
    assert constructor(()).shape == ()
