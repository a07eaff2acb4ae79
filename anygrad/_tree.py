"""Trees: tensors in dicts, lists and tuples, nested as deep as one likes. What is none of these is a leaf."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator
from typing import Any


class _Leaf:
    """Stands for a leaf in the structure of a tree."""

    def __repr__(self) -> str:
        return "*"

    def __reduce__(self) -> str:
        return "_LEAF"  # copied and pickled, it is the same


_LEAF = _Leaf()


def leaves(tree: Any) -> Iterator[Any]:
    """The leaves from left to right; of a dict in the order of its keys."""
    if isinstance(tree, dict):
        tree = list(tree.values())
    if isinstance(tree, (list, tuple)):
        for child in tree:
            yield from leaves(child)
    else:
        yield tree


def paths(tree: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Each leaf after the expression that gives it in Python: `name['w'][0]`."""
    if isinstance(tree, (dict, list, tuple)):
        for key, child in tree.items() if isinstance(tree, dict) else enumerate(tree):
            yield from paths(child, f"{name}[{key!r}]")
    else:
        yield name, tree


def map_leaves(function: Callable[..., Any], tree: Any, *others: Any) -> Any:
    """A tree like this one, of what the function gives for each leaf, and for those in the same place of the others.

    The others must have the structure of the tree; keys of their dicts may come in another order.
    """
    if isinstance(tree, dict):
        result = copy.copy(tree)
        for key in tree:
            result[key] = map_leaves(function, tree[key], *[other[key] for other in others])
        return result
    if isinstance(tree, (list, tuple)):
        children = [map_leaves(function, *parts) for parts in zip(tree, *others, strict=True)]
        return type(tree)._make(children) if hasattr(tree, "_make") else type(tree)(children)
    return function(tree, *others)


def filled(tree: Any, values: Iterable[Any]) -> Any:
    """A tree like this one with other leaves, taken from left to right."""
    remaining = iter(values)
    return map_leaves(lambda _: next(remaining), tree)


def structure(tree: Any) -> Any:
    """The tree without its leaves; structures can be compared and printed."""
    return map_leaves(lambda leaf: _LEAF, tree)


def as_tuple(value: Any) -> tuple[Any, ...]:
    """A tuple or list as a tuple; anything else as a tuple of one."""
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)
