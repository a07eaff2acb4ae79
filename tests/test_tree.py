"""Trees of tensors."""

from collections import OrderedDict, defaultdict, namedtuple

import pytest

from anygrad._tree import leaves, map_leaves, structure

Pair = namedtuple("Pair", ["a", "b"])
TREE = {"x": [1, (2, {"y": 3})], "z": Pair(4, [5]), "none": None}


def test_leaves_from_left_to_right():
    assert list(leaves(TREE)) == [1, 2, 3, 4, 5, None]
    assert list(leaves(7)) == [7]
    assert list(leaves([(), {}, []])) == []


def test_map_keeps_the_structure():
    found = map_leaves(str, TREE)
    assert found == {"x": ["1", ("2", {"y": "3"})], "z": Pair("4", ["5"]), "none": "None"}
    assert type(found["z"]) is Pair
    assert TREE["x"] == [1, (2, {"y": 3})]


@pytest.mark.parametrize("tree", [OrderedDict(b=1, a=2), defaultdict(list, b=1, a=2)], ids=["ordered", "default"])
def test_kinds_of_dicts(tree):
    found = map_leaves(lambda x: x + 1, tree)
    assert type(found) is type(tree)
    assert list(found.items()) == [("b", 2), ("a", 3)]


def test_map_over_several():
    assert map_leaves(lambda *xs: xs, {"a": 1, "b": [2]}, {"b": [4], "a": 3}) == {"a": (1, 3), "b": [(2, 4)]}


def test_structures_compare_and_print():
    assert structure({"a": 1, "b": [2]}) == structure({"b": [5], "a": 6})
    assert structure([1]) != structure((1,))
    assert structure(1) != structure([1])
    assert repr(structure({"y": 1, "z": [2]})) == "{'y': *, 'z': [*]}"
