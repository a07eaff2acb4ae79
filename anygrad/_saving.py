"""save() and load(): trees of tensors in files of the safetensors format, which hold numbers and text and no code."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from ._backends import device, in_use, move
from ._dtypes import as_dtype
from ._errors import DeviceError, DTypeError
from ._tensor import Tensor, wrap

_VERSION = 1
_DTYPES = {
    "BOOL": "bool", "U8": "uint8", "U16": "uint16", "U32": "uint32", "U64": "uint64", "I8": "int8", "I16": "int16", "I32": "int32", "I64": "int64",
    "F16": "float16", "BF16": "bfloat16", "F32": "float32", "F64": "float64", "C64": "complex64",
}  # fmt: skip


def save(obj: Any, f: str | os.PathLike[str] | Any) -> None:
    """Write tensors to a file that `load` reads; so does any reader of the safetensors format.

    Parameters
    ----------
    obj : Tensor, or dict, list or tuple
        Nested as deep as one likes, of Tensors, numbers, strings and None; keys of dicts are strings or integers. A
        tensor that occurs twice is one tensor after `load`, too. Dtype, device and `requires_grad` are kept; `.grad`
        and hooks are not. Tensors that share memory otherwise (views) each get their own.
    f : path or binary file

    Raises
    ------
    RuntimeError
        For a tensor that was computed on the record: a file holds no graphs.
    TypeError
        For anything else that is not listed.
    ImportError
        Without the package safetensors.
    """
    library = _safetensors()
    writer = _Writer()
    tree = writer.described(obj, "obj", "")
    import json  # not at the top: importing it takes longer than most of this package

    data = library.numpy.save(writer.arrays, {"anygrad": json.dumps({"version": _VERSION, "tree": tree})})
    if hasattr(f, "write"):
        f.write(data)
    else:
        with open(f, "wb") as file:
            file.write(data)


def load(f: str | os.PathLike[str] | Any, map_location: Any = None, *, weights_only: bool = True) -> Any:
    """Read what `save` wrote. Nothing in the file is executed.

    Parameters
    ----------
    f : path or binary file
    map_location : str, device, or dict, optional
        Where the tensors are to be: one device for all, or {"cuda:0": "cpu"} from saved to present. Default: where they were.
    weights_only : bool
        True, for programs that pass it to PyTorch's function.

    Returns
    -------
    object
        As it was saved. From a file that another program wrote: a dict from names to Tensors.

    Raises
    ------
    DeviceError
        If a tensor was saved on a device that is not here, and map_location names no other. (For a device of another
        array library than NumPy and CuPy that library must be in use already: a file does not decide what is imported.)
    DTypeError
        If a tensor is of a dtype that anygrad does not have.
    ValueError
        If it is not a safetensors file, or what `save` noted in it is damaged.
    ImportError
        Without the package safetensors.
    """
    import json

    library = _safetensors()
    if not weights_only:
        raise ValueError("load: weights_only=False would read a pickle, which can run any code. Files of anygrad.save hold no code: leave it out.")
    if hasattr(f, "read"):
        data = f.read()
    else:
        with open(f, "rb") as file:
            data = file.read()
    try:
        found = dict(library.deserialize(data))
    except (library.SafetensorError, TypeError) as error:
        what = "it is a pickle or a zip file, such as PyTorch writes" if data[:2] in (b"PK", b"\x80\x02") else str(error)
        raise ValueError(
            f"load: this is not a safetensors file ({what}). anygrad.save writes one; for weights of PyTorch, safetensors.torch.save_file."
        ) from error
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    reader = _Reader(found, map_location)
    noted = header.get("__metadata__", {}).get("anygrad")
    if noted is None:
        return {name: reader.tensor({"tensor": name, "device": "cpu"}) for name in found}
    described = json.loads(noted)
    if described.get("version") != _VERSION:
        raise ValueError(f"load: the file was written by another version of anygrad: its format is {described.get('version')}, and this one reads {_VERSION}")
    try:
        return reader.rebuilt(described["tree"])
    except (LookupError, AttributeError) as error:
        raise ValueError(f"load: what anygrad.save noted in this file is damaged ({error!r})") from error


class _Writer:
    """Describes a tree in JSON's terms, and collects its arrays under names."""

    def __init__(self) -> None:
        self.arrays: dict[str, np.ndarray] = {}
        self._described: dict[int, dict[str, Any]] = {}

    def described(self, x: Any, path: str, name: str) -> dict[str, Any]:
        if isinstance(x, Tensor):
            if id(x) not in self._described:
                self._described[id(x)] = self._tensor(x, path, name or "tensor")
            return self._described[id(x)]
        if isinstance(x, dict):
            for key in x:
                if type(key) not in (str, int):
                    raise TypeError(f"save: {path} has the key {key!r}; keys must be strings or integers")
            return {"dict": [[key, self._child(x[key], path, name, key)] for key in x]}
        if isinstance(x, (list, tuple)):
            return {"list" if isinstance(x, list) else "tuple": [self._child(v, path, name, i) for i, v in enumerate(x)]}
        if x is None or isinstance(x, (bool, int, float, str)):
            return {"value": x}
        raise TypeError(
            f"save: {path} is {type(x).__name__}; a file holds Tensors, numbers, strings and None, in dicts, lists and tuples. "
            "Write anygrad.asarray(...) for an array; for other objects save what they are made of, as `model.state_dict()` does."
        )

    def _child(self, x: Any, path: str, name: str, key: str | int) -> dict[str, Any]:
        return self.described(x, f"{path}[{key!r}]", f"{name}.{key}" if name else str(key))

    def _tensor(self, x: Tensor, path: str, name: str) -> dict[str, Any]:
        if not x.is_leaf:
            raise RuntimeError(f"save: {path} was computed by `{x.grad_fn.name()}`, and a file holds no graphs. Use `.detach()`.")  # type: ignore[union-attr]
        while name in self.arrays or name == "__metadata__":
            name += "_"
        array = np.ascontiguousarray(x.numpy(force=True)).reshape(x.shape)
        described: dict[str, Any] = {"tensor": name, "device": str(x.device), "requires_grad": x.requires_grad}
        if array.dtype == np.complex128:  # which the format does not have: pairs of real numbers
            described["complex"] = True
            array = array.reshape(-1).view(np.float64).reshape(*x.shape, 2)
        self.arrays[name] = array
        return described


class _Reader:
    """Makes a tree again from its description and the arrays."""

    def __init__(self, found: dict[str, Any], map_location: Any) -> None:
        self._found, self._map_location = found, map_location
        self._made: dict[str, Tensor] = {}

    def rebuilt(self, described: dict[str, Any]) -> Any:
        (kind, content), *_ = described.items()
        if kind == "tensor":
            if content not in self._made:
                self._made[content] = self.tensor(described)
            return self._made[content]
        if kind == "dict":
            return {key: self.rebuilt(child) for key, child in content}
        if kind == "value":
            return content
        return {"list": list, "tuple": tuple}[kind](self.rebuilt(child) for child in content)

    def tensor(self, described: dict[str, Any]) -> Tensor:
        name = described["tensor"]
        content = self._found[name]
        if content["dtype"] not in _DTYPES:
            raise DTypeError(f"load: {name!r} is of the dtype {content['dtype']}, which anygrad does not have")
        array = np.frombuffer(content["data"], dtype=as_dtype(_DTYPES[content["dtype"]])).reshape(content["shape"])
        if described.get("complex"):
            array = array.reshape(-1).view(np.complex128).reshape(content["shape"][:-1])
        out = wrap(move(array, self._place(name, described["device"])))
        if described.get("requires_grad"):
            out.requires_grad = True
        return out

    def _place(self, name: str, saved: str) -> device:
        wanted = self._map_location
        if isinstance(wanted, dict):
            wanted = wanted.get(saved)
        if wanted is not None:
            return device(wanted)
        cure = "Pass map_location='cpu', or where you want it."
        if not in_use(saved.partition(":")[0]):
            raise DeviceError(f"load: {name!r} was saved on {saved!r}, a device of a library that is not in use here. {cure}")
        try:
            return device(saved)
        except DeviceError as error:
            raise DeviceError(f"load: {name!r} was saved on {saved!r}, which is not here. {cure} ({error})") from error


def _safetensors() -> Any:
    try:
        import safetensors.numpy
    except ImportError as error:
        raise ImportError("save() and load() need the package safetensors. Run `pip install safetensors`.", name="safetensors") from error
    return safetensors
