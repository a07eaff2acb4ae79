"""The leaves of a tree as one flat float64 vector, and back: what optimizers written for NumPy work on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ._backends import is_array, move, namespace
from ._errors import DTypeError, ShapeError
from ._scalars import NUMBERS
from ._tensor import Tensor, wrap
from ._tree import filled, leaves, map_leaves, paths, structure
from .ops import asarray, broadcast_to


class Packing:
    """Where the leaves of a tree lie in a flat vector. A complex number takes two places: its real and imaginary part.

    Leaves of one dtype on one device travel together, so that a tree on a GPU costs one copy each way.

    Parameters
    ----------
    tree
        Of floating and complex Tensors, arrays and numbers. Numbers, integer arrays, and a tree of nothing but numbers
        (one array then) are taken as SciPy takes them: as float64.
    name : str
        What errors call it.

    Attributes
    ----------
    size : int
        Of the vector.
    """

    def __init__(self, tree: Any, name: str) -> None:
        self.name = name
        tree = self._as_tree(tree)
        self._structure = structure(tree)
        self.names = [path for path, _ in paths(tree, name)]
        self.tensors = [_leaf(x, path) for path, x in paths(tree, name)]
        if not self.tensors:
            raise ValueError(f"{name} has no numbers in it: {tree!r}")
        self.shapes = [t.shape for t in self.tensors]
        self._places: list[slice] = []
        self._groups: dict[tuple[Any, Any], list[int]] = {}
        self.size = 0
        for i, t in enumerate(self.tensors):
            width = t.size * (2 if t.dtype.kind == "c" else 1)
            self._places.append(slice(self.size, self.size + width))
            self._groups.setdefault((t.device, t.dtype), []).append(i)
            self.size += width

    @staticmethod
    def _as_tree(tree: Any) -> Any:
        if isinstance(tree, (list, tuple)) and tree and all(isinstance(x, NUMBERS) for x in leaves(tree)):
            return np.asarray(tree, dtype=np.result_type(np.asarray(tree), np.float64))
        return tree

    def tree(self, tensors: Sequence[Tensor]) -> Any:
        """A tree of one tensor for each leaf."""
        return filled(self._structure, tensors)

    def pack(self, tree: Any) -> np.ndarray:
        """The flat vector of another tree of this form; a number stands for a whole leaf."""
        tree = self._as_tree(tree)
        if structure(tree) != self._structure:
            raise ValueError(f"the tree must have the form of {self.name}, {self._structure}; this one has {structure(tree)}")
        tree = map_leaves(lambda _, x: x, self._structure, tree)  # keys of dicts in the order of the first tree
        found = []
        for like, (path, x) in zip(self.tensors, paths(tree, "tree"), strict=True):
            t = _leaf(x, path)
            try:
                t = broadcast_to(t, like.shape)
            except ValueError as error:
                raise ShapeError(f"{path} has shape {t.shape}, and that place of {self.name} has shape {like.shape}") from error
            if t.dtype.kind == "c" and like.dtype.kind != "c":
                raise DTypeError(f"{path} is {t.dtype}, and that place of {self.name} is {like.dtype}. Take the real part.")
            found.append(t.astype(like.dtype).to(like.device))
        return self.flat(found)

    def flat(self, tensors: Sequence[Tensor], lead: tuple[int, ...] = ()) -> np.ndarray:
        """One tensor for each leaf, of the shape `lead` followed by the leaf's, as an array of shape (*lead, size)."""
        out = np.empty((*lead, self.size))
        for (where, dtype), group in self._groups.items():
            xp = where.backend
            with xp.device_guard(where.raw):
                parts = [xp.reshape(tensors[i]._data, (*lead, math.prod(self.shapes[i]))) for i in group]
                host = np.ascontiguousarray(xp.to_host(xp.concat(parts, axis=-1) if len(parts) > 1 else parts[0]))
            host = host.view(_real(dtype)) if dtype.kind == "c" else host
            start = 0
            for i in group:
                width = self._places[i].stop - self._places[i].start
                out[..., self._places[i]] = host[..., start : start + width]
                start += width
        return out

    def split(self, x: np.ndarray) -> list[Tensor]:
        """The tensors of a flat array of shape (*lead, size): new memory, on the devices of the leaves."""
        lead, out = x.shape[:-1], [Tensor()] * len(self.tensors)
        for (where, dtype), group in self._groups.items():
            host = np.concatenate([x[..., self._places[i]] for i in group], axis=-1).astype(_real(dtype))
            whole = move(host.view(dtype) if dtype.kind == "c" else host, where)
            xp, start = namespace(whole), 0
            with xp.device_guard(where.raw):
                for i in group:
                    width = math.prod(self.shapes[i])
                    out[i] = wrap(xp.reshape(whole[..., start : start + width], lead + self.shapes[i]))
                    start += width
        return out


def _leaf(x: Any, path: str) -> Tensor:
    """A leaf as a Tensor that can be differentiated with respect to."""
    if isinstance(x, NUMBERS):
        return asarray(x, dtype=np.complex128 if isinstance(x, complex) else np.float64)
    if not (isinstance(x, Tensor) or is_array(x)):
        raise TypeError(f"{path} is {type(x).__name__}; expected a Tensor, an array, a number, or a dict, list or tuple of them")
    t = asarray(x).detach()
    if t.dtype.kind in "biu":
        if isinstance(x, Tensor):
            raise DTypeError(f"{path} is {t.dtype}; only floating and complex tensors can be optimized. Use `.astype(anygrad.float64)`, or pass it in `args`.")
        t = t.astype(np.float64)
    return t


def _real(dtype: np.dtype) -> np.dtype:
    """The dtype of the parts of a complex number."""
    return np.empty(0, dtype).real.dtype
