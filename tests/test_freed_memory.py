"""Memory that a step frees is there for the next one, without new pages from the system."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

# Steps that make and free twenty arrays of 2 MB, and the new pages for each of the last ten of them.
PROGRAM = """
import resource
{prepare}
import numpy as np

def step():
    arrays = [np.ones(1 << 18) for _ in range(20)]

for _ in range(10):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    step()
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / 10)
"""
PAGES = 20 * 512  # of 4 KiB


def new_pages(prepare: str) -> float:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_TUNABLES", "LD_PRELOAD"))}
    done = subprocess.run([sys.executable, "-c", PROGRAM.format(prepare=prepare)], capture_output=True, text=True, check=True, env=environment)
    return float(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc" or os.sysconf("SC_PAGE_SIZE") != 4096, reason="glibc's malloc, on pages of 4 KiB")
def test_a_step_takes_the_memory_that_the_last_one_has_freed() -> None:
    assert new_pages("import anygrad; anygrad.ones(1)") < PAGES / 100
