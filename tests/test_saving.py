"""save() and load()."""

from __future__ import annotations

import io
import pickle
import subprocess
import sys

import cupy_stand_in
import numpy as np
import pytest

import anygrad as ag

safetensors = pytest.importorskip("safetensors.numpy")


def through(obj, **kwargs):
    """What load makes of what save wrote."""
    file = io.BytesIO()
    ag.save(obj, file)
    file.seek(0)
    return ag.load(file, **kwargs)


def test_a_tree(make):
    state = {
        "layers": [{"w": make([[1.0, 2.0]], requires_grad=True), "b": make(3.0)}, (make([True, False]), make(np.ones((2, 0), dtype=np.int16)))],
        7: None,
        "epoch": 3,
        "rate": 1e-3,
        "best": float("inf"),
        "name": "Löwe",
        "done": False,
        "empty": {},
    }
    back = through(state)
    assert list(back) == list(state)
    assert {k: v for k, v in back.items() if k != "layers"} == {k: v for k, v in state.items() if k != "layers"}
    assert type(back["done"]) is bool
    w, b = back["layers"][0]["w"], back["layers"][0]["b"]
    mask, none = back["layers"][1]
    assert type(back["layers"][1]) is tuple
    assert (w.tolist(), w.requires_grad, w.is_leaf, w.device, w.dtype) == ([[1.0, 2.0]], True, True, make(0.0).device, ag.float64)
    assert (b.tolist(), b.shape, b.requires_grad) == (3.0, (), False)
    assert (mask.tolist(), mask.dtype) == ([True, False], ag.bool)
    assert (none.shape, none.dtype) == ((2, 0), ag.int16)


@pytest.mark.parametrize("dtype", "bool uint8 uint16 uint32 uint64 int8 int16 int32 int64 float16 float32 float64 complex64 complex128".split())
@pytest.mark.parametrize("shape", [(), (2, 3), (0, 3)])
def test_dtypes(dtype, shape):
    array = (np.arange(np.prod(shape, dtype=int)).reshape(shape) * (1 + 2j if "complex" in dtype else 1)).astype(dtype)
    back = through(ag.asarray(array))
    assert (back.dtype, back.shape) == (np.dtype(dtype), shape)
    np.testing.assert_array_equal(back.numpy(), array)
    back.zero_()  # its memory can be written to


def test_bfloat16():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    x = ag.asarray(np.array([1.5, -2.0], dtype=ml_dtypes.bfloat16)).requires_grad_()
    back = through({"x": x})["x"]
    assert (back.dtype, back.tolist(), back.requires_grad) == (np.dtype(ml_dtypes.bfloat16), [1.5, -2.0], True)


def test_layouts():
    """A transpose, a reversed and a read-only array are saved as what they show."""
    array = np.arange(6.0).reshape(2, 3)
    read_only = np.broadcast_to(array[0], (2, 3))
    back = through([ag.asarray(array).mT, ag.asarray(array[:, ::-1]), ag.asarray(read_only), ag.asarray(array.astype(">f8"))])
    for found, expected in zip(back, (array.T, array[:, ::-1], read_only, array), strict=True):
        np.testing.assert_array_equal(found.numpy(), expected)


def test_one_tensor_twice_is_one_tensor():
    w = ag.ones(2, requires_grad=True)
    back = through({"encoder": w, "decoder": [w]})
    assert back["encoder"] is back["decoder"][0]


def test_the_gradient_is_not_saved():
    w = ag.ones(2, requires_grad=True)
    (w * 2).sum().backward()
    assert through(w).grad is None


def test_names_that_meet():
    x, y, z = ag.asarray(1.0), ag.asarray(2.0), ag.asarray(3.0)
    back = through({"a.b": x, "a": {"b": y}, "__metadata__": z})
    assert (back["a.b"].item(), back["a"]["b"].item(), back["__metadata__"].item()) == (1.0, 2.0, 3.0)


def test_a_path_and_other_readers(tmp_path):
    path = tmp_path / "state.safetensors"
    ag.save({"layer": {"w": ag.tensor([1.0, 2.0]), "b": ag.tensor(0.5)}}, path)
    assert ag.load(str(path))["layer"]["b"].item() == 0.5
    assert {name: a.tolist() for name, a in safetensors.load_file(path).items()} == {"layer.w": [1.0, 2.0], "layer.b": 0.5}


def test_files_of_other_programs(tmp_path):
    path = tmp_path / "other.safetensors"
    safetensors.save_file({"w": np.ones((2, 2), dtype=np.float32), "layer.b": np.zeros(3)}, path, {"format": "np"})
    back = ag.load(path)
    assert {name: (t.dtype, t.shape, t.requires_grad) for name, t in back.items()} == {
        "w": (ag.float32, (2, 2), False),
        "layer.b": (ag.float64, (3,), False),
    }
    assert {t.device.type for t in ag.load(path, "array_api_strict").values()} == {"array_api_strict"}


def test_map_location(strict_devices):
    first, second, third = strict_devices
    state = {"a": ag.ones(2, device=second), "b": ag.ones(2, device=third), "c": ag.ones(2)}
    assert [t.device for t in through(state).values()] == [second, third, ag.device("cpu")]
    assert {str(t.device) for t in through(state, map_location="cpu").values()} == {"cpu"}
    moved = through(state, map_location={str(second): first, "cpu": str(third)})
    assert [t.device for t in moved.values()] == [first, third, third]


def test_a_device_that_is_not_here(monkeypatch):
    file = io.BytesIO()
    with cupy_stand_in.installed(monkeypatch):
        ag.save({"w": ag.ones(2, device="cuda", requires_grad=True)}, file)
    with cupy_stand_in.replaced(monkeypatch, None):
        file.seek(0)
        with pytest.raises(ag.DeviceError, match=r"'w' was saved on 'cuda:0', which is not here.*map_location='cpu'"):
            ag.load(file)
        file.seek(0)
        w = ag.load(file, map_location="cpu")["w"]
        assert (w.tolist(), w.requires_grad, str(w.device)) == ([1.0, 1.0], True, "cpu")


def edited(obj, before, after):
    """A file of `obj` in which some bytes are replaced by others, as many."""
    file = io.BytesIO()
    ag.save(obj, file)
    assert before in file.getvalue()
    assert len(before) == len(after)
    return io.BytesIO(file.getvalue().replace(before, after))


def test_a_file_does_not_decide_what_is_imported():
    """The name of a device is that of a module; this one is in the standard library, and nobody else wants it."""
    file = edited(ag.ones(2, device="array_api_strict"), b"array_api_strict:CPU_DEVICE", b"antigravity:" + 15 * b"x")
    with pytest.raises(ag.DeviceError, match=r"a library that is not in use here.*map_location='cpu'"):
        ag.load(file)
    assert "antigravity" not in sys.modules
    file.seek(0)
    assert ag.load(file, map_location="cpu").tolist() == [1.0, 1.0]


def test_damaged_notes():
    for before, after in ((b'\\"tree\\"', b'\\"free\\"'), (b'\\"list\\"', b'\\"last\\"'), (b'\\"tensor\\": \\"0', b'\\"tensor\\": \\"9')):
        with pytest.raises(ValueError, match="damaged"):
            ag.load(edited([ag.ones(1)], before, after))
    with pytest.raises(ValueError, match="another version of anygrad"):
        ag.load(edited([ag.ones(1)], b'\\"version\\": 1', b'\\"version\\": 7'))


MISTAKES = {
    "computed": (lambda: {"w": [ag.ones(1, requires_grad=True) * 2]}, RuntimeError, r"obj\['w'\]\[0\] was computed by `MulBackward0`.*detach"),
    "array": (lambda: [np.ones(2)], TypeError, r"obj\[0\] is ndarray.*asarray"),
    "object": (lambda: {"f": print}, TypeError, r"obj\['f'\] is builtin_function_or_method"),
    "key": (lambda: {(1, 2): ag.ones(1)}, TypeError, r"obj has the key \(1, 2\)"),
    "complex number": (lambda: [1j], TypeError, r"obj\[0\] is complex"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_what_cannot_be_saved(name, tmp_path):
    obj, error, message = MISTAKES[name]
    with pytest.raises(error, match=message):
        ag.save(obj(), tmp_path / "file")
    assert not (tmp_path / "file").exists()


def test_files_that_cannot_be_loaded(tmp_path):
    with pytest.raises(ValueError, match=r"pickle or a zip file.*safetensors\.torch\.save_file"):
        ag.load(io.BytesIO(pickle.dumps({"w": 1}, 2)))
    whole = io.BytesIO()
    ag.save(ag.ones(100), whole)
    for data in (b"", whole.getvalue()[:-1], whole.getvalue()[:20], "text"):
        file = io.StringIO(data) if isinstance(data, str) else io.BytesIO(data)
        with pytest.raises(ValueError, match="not a safetensors file"):
            ag.load(file)
    with pytest.raises(FileNotFoundError):
        ag.load(tmp_path / "nothing")


def test_pickles_are_never_read():
    with pytest.raises(ValueError, match="can run any code"):
        through(ag.ones(1), weights_only=False)
    assert through(ag.ones(1), weights_only=True).tolist() == [1.0]


def test_without_safetensors(monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    with pytest.raises(ImportError, match="pip install safetensors"):
        ag.save(ag.ones(1), io.BytesIO())
    with pytest.raises(ImportError, match="pip install safetensors"):
        ag.load(io.BytesIO())


def test_import_anygrad_does_not_import_safetensors():
    code = "import anygrad, sys; sys.exit('safetensors' in sys.modules or 'scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": ":".join(p for p in sys.path if p)}).returncode == 0
