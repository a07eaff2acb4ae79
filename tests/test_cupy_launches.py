"""The tests in `driver/` run on the real CuPy over a stand-in for CUDA (cuda_stand_in.py), in processes of their own.

To run one by hand: `ANYGRAD_STAND_IN=1 python -m pytest tests/driver -k NAME`; the number is that of devices.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import cuda_stand_in
import pytest

FOLDER = Path(__file__).parent

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(cuda_stand_in.missing()), reason=cuda_stand_in.missing())]


@pytest.mark.parametrize("devices", ["1", "2"])
def test_on_the_stand_in(devices: str) -> None:
    """The second process finds the kernels compiled that the first has compiled, in CuPy's own cache."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=short", str(FOLDER / "driver")]
    done = subprocess.run(command, env={**os.environ, "ANYGRAD_STAND_IN": devices, "PYTEST_ADDOPTS": ""}, capture_output=True, text=True, cwd=FOLDER.parent)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
