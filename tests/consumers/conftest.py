"""Consumers are tested in float64, which NumPy would compute in, and strictly: a gradient that ends in a Python number is an error."""

from collections.abc import Iterator

import pytest

import anygrad as ag


@pytest.fixture(autouse=True)
def _float64_and_strict() -> Iterator[None]:
    with ag.set_default_dtype(ag.float64), ag.set_strict(True):
        yield
