"""Adding up at repeated indices.

`np.add.at` is quick only for one index array into a 1-D array; otherwise it takes ten times
as long. So most keys are made one such array first.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

_FEW = 512  # elements, for which that takes longer than it saves
_BLOCK = 1 << 15  # elements at a time, whose places fit in the cache of a processor
_PAIRS: dict[np.dtype, Any] = {np.dtype(np.float32): np.complex64, np.dtype(np.float64): np.complex128}


def scatter_add(shape: tuple[int, ...], key: Any, g: np.ndarray) -> np.ndarray:
    """Zeros of `shape`, with `g` added at `key` (repeated indices add up, in the order in which they stand there)."""
    out = np.zeros(shape, dtype=g.dtype)
    if _names_once(key):
        out[key] = g
    elif g.size < _FEW or (read := _rows_read(shape, key)) is None:
        np.add.at(out, key, g)
    else:
        _add_rows(out, *read, g)
    return out


def _names_once(key: Any) -> bool:
    """Whether a key is of integers, slices, None and Ellipsis, or a mask: it names no place twice."""
    if isinstance(key, np.ndarray):
        return key.dtype == bool
    return all(
        k is None or k is Ellipsis or isinstance(k, (int, slice, np.integer)) and not isinstance(k, bool) for k in (key if isinstance(key, tuple) else (key,))
    )


def _rows_read(shape: tuple[int, ...], key: Any) -> tuple[np.ndarray, int] | None:
    """What a key reads, as numbers of rows.

    Parameters
    ----------
    shape : tuple of int
        Of the array that is read. The axes after the index arrays are the rows; all others number them.
    key : array or tuple
        With at least one index array.

    Returns
    -------
    (places, width) or None
        The numbers of the rows in the order in which they are read, and the size of a row. None for keys other than
        whole axes around index arrays that stand side by side, and where `np.add.at` raises.
    """
    parts = list(key) if isinstance(key, tuple) else [key]
    for i, part in enumerate(parts):
        if part is Ellipsis:
            parts[i : i + 1] = [slice(None)] * (len(shape) - len(parts) + 1)
    indexed = [i for i, part in enumerate(parts) if type(part) is not slice or part != slice(None)]
    start, stop = indexed[0], indexed[-1] + 1
    arrays = [np.asarray(part) for part in parts[start:stop]]
    if len(parts) > len(shape) or any(a.dtype.kind not in "iu" for a in arrays):
        return None
    places = np.zeros((), np.intp)
    for indices, n in zip(arrays, shape[start:stop], strict=True):
        low = indices.min(initial=0)
        if low < -n or indices.max(initial=0) >= n:
            return None
        indices = indices.astype(np.intp, copy=False)
        places = places * n + (np.where(indices < 0, indices + n, indices) if low < 0 else indices)
    before, size = math.prod(shape[:start]), math.prod(shape[start:stop])
    if before > 1:
        places = np.arange(0, before * size, size)[:, None] + places.reshape(-1)
    return places.reshape(-1), math.prod(shape[stop:])


def _add_rows(out: np.ndarray, places: np.ndarray, width: int, g: np.ndarray) -> None:
    """Add rows of g to rows of `out`, element by element."""
    flat, rows = out.reshape(-1), g.reshape(places.size, width)
    if width == 1:
        np.add.at(flat, places, rows[:, 0])
        return
    if width % 2 == 0 and g.dtype in _PAIRS:  # two numbers are added as one complex number: half as many places
        pair = _PAIRS[g.dtype]
        flat, rows, width = flat.view(pair), np.ascontiguousarray(rows).view(pair), width // 2
    starts, columns, step = places * width, np.arange(width), max(1, _BLOCK // width)
    for i in range(0, places.size, step):
        np.add.at(flat, (starts[i : i + step, None] + columns).reshape(-1), rows[i : i + step].reshape(-1))
