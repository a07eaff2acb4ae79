"""Consumers are tested in float64, as what they compute beside our tensors would be in NumPy."""

from collections.abc import Iterator

import pytest

import anygrad as ag


@pytest.fixture(autouse=True)
def _float64() -> Iterator[None]:
    with ag.set_default_dtype(ag.float64):
        yield
