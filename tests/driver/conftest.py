"""These tests run on the real CuPy over a stand-in for CUDA, in a process of their own: see ../test_cupy_launches.py."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import cuda_stand_in

DEVICES = os.environ.get("ANYGRAD_STAND_IN")
collect_ignore_glob = [] if DEVICES else ["test_*.py"]

if DEVICES:
    _build = tempfile.TemporaryDirectory()
    cuda_stand_in.start(Path(_build.name), int(DEVICES))
