"""What anygrad offers, documented."""

from __future__ import annotations

import pytest

import anygrad as ag


def test_all_is_complete_and_has_no_repeats() -> None:
    assert len(set(ag.__all__)) == len(ag.__all__)
    assert not [name for name in ag.__all__ if name.startswith("_") or not hasattr(ag, name)]


@pytest.mark.parametrize("name", [n for n in ag.__all__ if callable(getattr(ag, n))])
def test_docstring(name: str) -> None:
    assert (getattr(ag, name).__doc__ or "").strip()
