"""Ways out of the library and back: NumPy, CuPy, DLPack, array interfaces, copies, pickles, subclasses."""

from __future__ import annotations

import copy
import pickle
import sys
import types

import cupy_stand_in
import numpy as np
import pytest

import anygrad as ag
from anygrad._backends import plain
from anygrad._generic import GenericBackend


def leaf(*values):
    return ag.tensor(values, requires_grad=True)


def address(array):
    return array.__array_interface__["data"][0]


# ---------------------------------------------------------------------------
# out
# ---------------------------------------------------------------------------

WAYS_OUT = {
    "numpy()": (lambda t: t.numpy(), RuntimeError, r"t\.numpy\(force=True\)"),
    "np.asarray": (np.asarray, RuntimeError, r"no gradient flows through NumPy code"),
    "np.array of float64": (lambda t: np.array(t, dtype=np.float64), RuntimeError, r"t\.numpy\(force=True\)"),
    "__dlpack__": (lambda t: t.__dlpack__(), BufferError, r"require gradient.*t\.detach\(\)"),
    "np.from_dlpack": (np.from_dlpack, BufferError, r"require gradient.*t\.detach\(\)"),
    "cupy()": (lambda t: t.cupy(), RuntimeError, r"t\.cupy\(force=True\)"),
}


@pytest.mark.parametrize("way", WAYS_OUT)
@pytest.mark.parametrize("tracked", [lambda: leaf(1.0, 2.0), lambda: leaf(1.0, 2.0) * 2, lambda: (leaf(1.0, 2.0) * 2)[:1]], ids=["leaf", "result", "view"])
def test_tracked_tensors_are_refused(way, tracked):
    convert, error, message = WAYS_OUT[way]
    with pytest.raises(error, match=message):
        convert(tracked())


@pytest.mark.parametrize("convert", [lambda t: t.numpy(), np.asarray, np.from_dlpack], ids=["numpy", "asarray", "from_dlpack"])
def test_memory_is_shared(convert):
    x = leaf(1.0, 2.0)
    for t in (x.detach(), ag.tensor([1.0, 2.0])):
        array = convert(t)
        assert address(array) == address(t._data)
    with ag.no_grad():
        array = convert(x)
    assert address(array) == address(x._data)


def test_array_with_dtype_and_copy(make, library):
    t = make([1.0, 2.0])
    if library == "cupy":
        with pytest.raises(TypeError, match="not in host memory"):
            np.asarray(t)
        return
    assert np.asarray(t, dtype=np.float32).dtype == np.float32
    assert np.asarray(t, copy=False).tolist() == [1.0, 2.0]
    copied = np.array(t)
    copied[0] = 9.0
    assert t.tolist() == [1.0, 2.0]
    with pytest.raises(ValueError, match="a copy is needed to make float32"):
        np.asarray(t, dtype=np.float32, copy=False)
    assert np.asarray(make([]), copy=False).shape == (0,)


def test_array_of_memory_that_numpy_cannot_see(strict_devices):
    t = ag.ones(2, device=strict_devices[1])
    assert np.asarray(t).tolist() == [1.0, 1.0]
    with pytest.raises(ValueError, match="NumPy cannot see the memory of a tensor on array_api_strict:device1"):
        np.asarray(t, copy=False)


def test_only_cuda_tensors_have_the_cuda_array_interface(make, library):
    assert hasattr(make([1.0]), "__cuda_array_interface__") == (library == "cupy")
    if library != "cupy":
        with pytest.raises(AttributeError, match=r"\.cuda\(\)"):
            make([1.0]).__cuda_array_interface__  # noqa: B018


# ---------------------------------------------------------------------------
# DLPack
# ---------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", "bool int8 int64 uint8 uint64 float16 float32 float64 complex64 complex128".split())
def test_dlpack_there_and_back(dtype):
    array = np.array([[1, 0, 1], [0, 1, 1]]).astype(dtype).T
    t = ag.from_dlpack(array)
    assert (t.dtype, t.shape, t.device.type) == (np.dtype(dtype), (3, 2), "cpu")
    assert address(t._data) == address(array)
    back = np.from_dlpack(t)
    np.testing.assert_array_equal(back, array)
    assert (address(back), back.strides) == (address(array), array.strides)


def test_dlpack_arguments_are_passed_on():
    class Array(np.ndarray):
        def __dlpack__(self, **kwargs):
            asked.append(kwargs)
            return "capsule"

    asked: list[dict[str, object]] = []
    t = ag.ones(2)
    t._data = np.ones(2).view(Array)
    t.__dlpack__()
    t.__dlpack__(max_version=(1, 0), copy=False)
    t.__dlpack__(stream=0, dl_device=(1, 0))
    assert asked == [{}, {"max_version": (1, 0), "copy": False}, {"stream": 0, "dl_device": (1, 0)}]


def test_dlpack_copy():
    t = ag.ones(2)
    there = np.from_dlpack(t, copy=True)
    there[0] = 9.0
    assert t.tolist() == [1.0, 1.0]
    array = np.ones(2)
    assert address(ag.from_dlpack(array, copy=True)._data) != address(array)
    assert address(ag.from_dlpack(array, copy=False)._data) == address(array)
    with pytest.raises(ValueError, match="a copy is needed"):
        ag.from_dlpack(array, device="array_api_strict", copy=False)


def test_dlpack_to_a_device(strict_devices):
    assert ag.from_dlpack(np.ones(2), device=strict_devices[1]).device == strict_devices[1]
    assert ag.from_dlpack(np.ones(2), device="cpu").device == ag.device("cpu")
    x = leaf(1.0)
    (ag.from_dlpack(x, device=strict_devices[0]) * 3).sum().backward()  # a Tensor stays on its graph
    assert x.grad.tolist() == [3.0]


def test_dlpack_of_other_libraries():
    xp = pytest.importorskip("array_api_strict")
    array = xp.asarray([1.0, 2.0])
    t = ag.from_dlpack(array)
    assert t.device == ag.device("cpu")
    array[0] = 7.0
    assert t.tolist() == [7.0, 2.0]
    np.testing.assert_array_equal(np.from_dlpack(ag.asarray(array)), [7.0, 2.0])


def test_read_only_memory_stays_read_only():
    array = np.arange(3.0)
    array.flags.writeable = False
    for t in (ag.from_dlpack(array), ag.asarray(array), ag.from_numpy(array)):
        assert not t.numpy().flags.writeable
        assert not np.from_dlpack(t).flags.writeable
        with pytest.raises(ag.ReadOnlyError):
            t[0] = 1.0
    with pytest.raises(BufferError, match=r"read-only.*\.clone\(\)"):
        ag.asarray(array).__dlpack__()  # a consumer that cannot be told
    for copied in (copy.deepcopy(t), pickle.loads(pickle.dumps(t)), t.clone()):
        copied[0] = 5.0
    assert array[0] == 0.0


def test_what_dlpack_cannot_do():
    with pytest.raises(TypeError, match="list has no __dlpack__"):
        ag.from_dlpack([1.0])
    metal = types.SimpleNamespace(__dlpack__=lambda: None, __dlpack_device__=lambda: (8, 0))
    with pytest.raises(BufferError, match="type 8, neither a CPU nor CUDA"):
        ag.from_dlpack(metal)
    with pytest.raises(BufferError, match=r"on cpu, and cannot be exported to another device.*`\.cuda\(\)`"):
        ag.ones(2).__dlpack__(dl_device=(2, 0))


def test_bfloat16():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    t = ag.asarray(np.array([1.5, 2.0], dtype=ml_dtypes.bfloat16)).requires_grad_()
    with pytest.raises(BufferError, match=r"does not export bfloat16.*astype\(anygrad\.float32\)"):
        t.detach().__dlpack__()
    for back in (copy.deepcopy(t), pickle.loads(pickle.dumps(t)), copy.copy(t)):
        assert (back.dtype, back.tolist(), back.requires_grad) == (t.dtype, [1.5, 2.0], True)


# ---------------------------------------------------------------------------
# in
# ---------------------------------------------------------------------------


def test_from_numpy_and_asarray_share_memory():
    array = np.arange(6.0).reshape(2, 3)[:, ::2]
    for t in (ag.from_numpy(array), ag.asarray(array), ag.as_tensor(array)):
        assert (address(t._data), t._data.strides) == (address(array), array.strides)
    assert address(ag.tensor(array)._data) != address(array)
    assert address(ag.asarray(array, copy=True)._data) != address(array)


def test_subclasses_of_ndarray_are_plain_arrays(tmp_path):
    memory = np.memmap(tmp_path / "x", dtype=np.float64, mode="w+", shape=(2, 2))
    for t in (ag.from_numpy(memory), ag.asarray(memory)):
        assert type(t._data) is np.ndarray
        assert address(t._data) == address(memory)
    with pytest.raises(TypeError, match=r"masked array would lose its mask.*filled"):
        ag.asarray(np.ma.array([1.0, 2.0], mask=[True, False]))


def test_objects_that_numpy_knows_how_to_read():
    class Series:
        def __array__(self, dtype=None, copy=None):
            return np.array([1.0, 2.0])

    assert ag.asarray(Series()).tolist() == [1.0, 2.0]
    assert ag.asarray(memoryview(b"ab")).dtype == ag.uint8


def test_arrays_of_another_autograd_library_are_refused():
    with pytest.raises(RuntimeError, match=r"requires grad, and its own graph would end here.*\.detach\(\)"):
        plain("asarray", types.SimpleNamespace(requires_grad=True))


def test_where_the_functions_of_a_library_are(monkeypatch):
    """In JAX, for one, they are in `jax.numpy`; devices go by the name of the library."""
    import array_api_strict

    monkeypatch.setitem(sys.modules, "some_library.numpy", array_api_strict)
    backend = GenericBackend(types.ModuleType("some_library"))
    assert (backend.name, backend.device_type) == ("some_library", "some_library")
    assert backend.zeros(2).shape == (2,)
    with pytest.raises(ag.DeviceError, match="this_one has none of the functions of the Array API standard"):
        GenericBackend(types.ModuleType("this_one"))


# ---------------------------------------------------------------------------
# CuPy, on the stand-in
# ---------------------------------------------------------------------------


@pytest.fixture
def cupy(monkeypatch):
    with cupy_stand_in.installed(monkeypatch) as module:
        ag.device("cuda")  # the backend is there
        yield module


def test_cupy_in_and_out(cupy):
    array = cupy.ones(3)
    for t in (ag.from_cupy(array), ag.asarray(array), ag.from_dlpack(array)):
        assert str(t.device) == "cuda:0"
        assert t.cupy() is array
        assert not t.requires_grad
    with pytest.raises(TypeError, match=r"expected a cupy\.ndarray, not ndarray"):
        ag.from_cupy(np.ones(3))
    with pytest.raises(TypeError, match="not list"):
        ag.from_cupy([1.0])


def test_cupy_of_tensors_elsewhere(cupy):
    t = ag.tensor([1.0, 2.0])
    with pytest.raises(TypeError, match=r"on cpu is not in the memory of a GPU.*`t\.cuda\(\)`"):
        t.cupy()
    assert type(t.cupy(force=True)) is cupy.ndarray
    x = ag.ones(2, device="cuda:1", requires_grad=True)
    with pytest.raises(RuntimeError, match="as a CuPy array"):
        x.cupy()
    assert x.cupy(force=True) is x.detach().cupy()
    assert x.cupy(force=True)._device == 1


def test_cuda_tensors_are_not_in_host_memory(cupy):
    t = ag.ones(2, device="cuda")
    for convert in (lambda t: t.numpy(), np.asarray):
        with pytest.raises(TypeError, match=r"not in host memory.*`t\.cpu\(\)`"):
            convert(t)
    assert t.numpy(force=True).tolist() == [1.0, 1.0]


def test_cuda_array_interface(cupy):
    x = ag.ones(2, device="cuda", requires_grad=True)
    with pytest.raises(RuntimeError, match=r"__cuda_array_interface__.*t\.detach\(\)"):
        hasattr(x, "__cuda_array_interface__")
    assert x.detach().__cuda_array_interface__ == x._data.__cuda_array_interface__
    numba = types.SimpleNamespace(__cuda_array_interface__=x.detach().__cuda_array_interface__)
    cupy.asarray = lambda obj, **kwargs: x._data if obj is numba else pytest.fail("asked for another object")
    assert ag.asarray(numba)._data is x._data


def test_dlpack_of_cuda(cupy):
    t = ag.ones(2, device="cuda:1")
    assert t.__dlpack_device__() == (2, 1)
    assert t.__dlpack__(stream=2, max_version=(1, 0)).asked == {"stream": 2, "max_version": (1, 0)}
    assert t.__dlpack__(dl_device=(1, 0)).asked == {"dl_device": (1, 0)}
    assert str(ag.from_dlpack(t._data, device="cpu").device) == "cpu"


def test_where_a_tensor_is(cupy):
    assert (ag.ones(1).is_cuda, ag.ones(1).get_device()) == (False, -1)
    assert (ag.ones(1, device="cuda:1").is_cuda, ag.ones(1, device="cuda:1").get_device()) == (True, 1)


def test_a_pickle_of_a_gpu_where_there_is_none(monkeypatch):
    with cupy_stand_in.installed(monkeypatch):
        data = pickle.dumps(ag.ones(2, device="cuda", requires_grad=True))
        there = pickle.loads(data)
        assert (str(there.device), there.requires_grad, there.tolist()) == ("cuda:0", True, [1.0, 1.0])
    with cupy_stand_in.replaced(monkeypatch, None), pytest.raises(ag.DeviceError, match=r"'cuda:0', which is not here.*`t\.cpu\(\)`.*map_location='cpu'"):
        pickle.loads(data)


# ---------------------------------------------------------------------------
# copies (more in test_tensor.py)
# ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("duplicate", "message"),
    [
        (copy.copy, r"copy\.copy: only leaf.*`\.clone\(\)`"),
        (copy.deepcopy, r"copy\.deepcopy: only leaf.*`\.detach\(\)\.clone\(\)`"),
        (pickle.dumps, r"pickle: only leaf.*`\.detach\(\)`"),
    ],
    ids=["copy", "deepcopy", "pickle"],
)
def test_computed_tensors_are_not_copied_with_their_graph(duplicate, message):
    with pytest.raises(RuntimeError, match=message):
        duplicate(leaf(1.0) * 2)


def test_a_shallow_copy_shares_memory(make):
    x = make([1.0, 2.0], requires_grad=True)
    (x * 3).sum().backward()
    y = copy.copy(x)
    assert (y.requires_grad, y.is_leaf, y.grad, y is x) == (True, True, None, False)
    with ag.no_grad():
        y[0] = 9.0
    assert x.tolist() == [9.0, 2.0]


def test_copies_of_views(make):
    base = make(np.arange(6.0).reshape(2, 3))
    view = base[:, 1]
    for y in (copy.deepcopy(view), pickle.loads(pickle.dumps(view))):
        assert (y.tolist(), y._is_view(), y._version) == ([1.0, 4.0], False, 0)
        y.zero_()
    assert base.tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    with ag.no_grad():
        leaf_view = make([1.0, 2.0], requires_grad=True)[:1]
    assert not copy.deepcopy(leaf_view).requires_grad


def test_hooks_are_not_copied():
    x = leaf(1.0)
    x.register_hook(lambda g: g * 10)
    x.register_post_accumulate_grad_hook(lambda t: pytest.fail("called for a copy"))
    for y in (copy.deepcopy(x), copy.copy(x), pickle.loads(pickle.dumps(x))):
        (y * 2).sum().backward()
        assert y.grad.tolist() == [2.0]


# ---------------------------------------------------------------------------
# subclasses
# ---------------------------------------------------------------------------


class Named(ag.Tensor):
    """Has attributes of its own, which a Tensor has not."""


class MoreNamed(Named):
    pass


RESULTS = {
    "operator": lambda m: m * 2,
    "reflected": lambda m: 2 - m,
    "beside a Tensor": lambda m: ag.ones(2) + m,
    "comparison": lambda m: m == m,
    "function": ag.exp,
    "reduction": lambda m: m.sum(),
    "index": lambda m: m[0],
    "one of several": lambda m: ag.unstack(m)[1],
    "detach": lambda m: m.detach(),
    "data": lambda m: m.data,
    "clone": lambda m: m.clone(),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda m: pickle.loads(pickle.dumps(m)),
    "astype": lambda m: m.astype(ag.float64),
    "zeros_like": ag.zeros_like,
}


@pytest.mark.parametrize("name", RESULTS)
def test_results_are_of_the_subclass(name):
    m = ag.tensor([1.0, 2.0]).as_subclass(Named)
    assert type(RESULTS[name](m)) is Named
    assert repr(m) == "Named([1., 2.])"


def test_the_more_derived_class_wins():
    a, b = ag.ones(2).as_subclass(Named), ag.ones(2).as_subclass(MoreNamed)
    assert [type(a + b), type(b + a)] == [MoreNamed, MoreNamed]


def test_gradients_through_subclasses():
    m = ag.tensor([1.0, 2.0]).as_subclass(Named)
    m.label = "weights"
    m.requires_grad_()
    y = m * m
    assert (m.is_leaf, type(y), y.grad_fn.name()) == (True, Named, "MulBackward0")
    y.sum().backward()
    assert (type(m.grad), m.grad.tolist()) == (ag.Tensor, [2.0, 4.0])
    for duplicate in (copy.copy(m), copy.deepcopy(m), pickle.loads(pickle.dumps(m))):
        assert (duplicate.label, duplicate.requires_grad) == ("weights", True)


def test_a_new_leaf_of_a_subclass():
    m = ag.ones_like(ag.tensor([1.0, 2.0]).as_subclass(Named), requires_grad=True)
    (m * 3).sum().backward()
    assert (type(m), m.grad.tolist()) == (Named, [3.0, 3.0])


def test_as_subclass_is_on_the_record_and_shares_memory():
    x = leaf(1.0, 2.0)
    v = (x * 1).as_subclass(Named)
    assert (v.grad_fn.name(), v.is_leaf) == ("AliasBackward0", False)
    (v * 3).sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]
    t = ag.ones(2)
    t.as_subclass(Named)[0] = 5.0
    assert t.tolist() == [5.0, 1.0]
    assert type(t.as_subclass(Named).as_subclass(ag.Tensor)) is ag.Tensor


def test_views_of_a_subclass_follow_writes():
    """A view whose history has to be found again is still of its class, attributes and all."""
    x = leaf(1.0, 2.0)
    base = (x * 1).as_subclass(Named)
    view = base[:1]
    view.label = "first"
    base.mul_(3)
    assert (type(view).__name__, isinstance(view, Named), view.label) == ("Named", True, "first")
    view.sum().backward()
    assert type(view) is Named
    assert x.grad.tolist() == [3.0, 0.0]


def test_as_subclass_of_something_else():
    for cls in (list, 3):
        with pytest.raises(TypeError, match="not a subclass of Tensor"):
            ag.ones(1).as_subclass(cls)
