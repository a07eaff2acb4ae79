"""Import this first, and CuPy has an emulated GPU (cuda_stand_in.py): values are right, times say nothing.

    pytest --cuda=emulated -m cuda tests
    pytest -p emulated_gpu ...
    python -m emulated_gpu SCRIPT ARGUMENTS

ANYGRAD_KERNELS is a folder in which translated kernels are kept, so that the next run finds them; ANYGRAD_DEVICES the
number of devices (1). Both are handed on to the processes that this one starts.
"""

from __future__ import annotations

import os
import runpy
import sys
import tempfile
from pathlib import Path

import cuda_stand_in

_kernels = Path(os.environ.setdefault("ANYGRAD_KERNELS", tempfile.mkdtemp()))
_kernels.mkdir(parents=True, exist_ok=True)
cuda_stand_in.start(Path(tempfile.mkdtemp()), int(os.environ.get("ANYGRAD_DEVICES", "1")), _kernels)

if __name__ == "__main__":
    sys.argv = sys.argv[1:]
    runpy.run_path(sys.argv[0], run_name="__main__")
