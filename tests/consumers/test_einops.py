"""einops and opt_einsum, handed Tensors: see einops_cases.py."""

import os
import subprocess
import sys

import pytest
from einops_cases import TABLE
from patterns import Pattern, check


@pytest.mark.parametrize("pattern", TABLE, ids=repr)
def test_pattern(pattern: Pattern) -> None:
    check(pattern)


@pytest.mark.parametrize("order", [("anygrad", "einops"), ("einops", "anygrad")])
def test_einops_knows_us_whichever_is_imported_first(order: tuple[str, str]) -> None:
    program = f"""
import gc, sys
import {order[0]}
assert "einops" not in sys.modules or {order[0] == "einops"}

import {order[1]}
gc.collect()
assert einops.rearrange(anygrad.ones(2, 3), "a b -> b a").shape == (3, 2)
assert not any(type(finder).__module__ == "anygrad._einops" for finder in sys.meta_path)
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment)
    assert not done.returncode, done.stderr
