"""What a library costs before it has computed anything: seconds to import, bytes on the disk; both beyond NumPy."""

from __future__ import annotations

import importlib.util
import os
import re
import statistics
import subprocess
import sys
import tempfile
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

ROUNDS = 11


def import_seconds(modules: list[str]) -> dict[str, float]:
    """Medians over fresh interpreters, in turn, in which NumPy is imported already."""
    times: dict[str, list[float]] = {module: [] for module in modules}
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": cache}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        for _ in range(1 + ROUNDS):  # the first one compiles
            for module, column in times.items():
                program = f"import numpy; from time import perf_counter as now; start = now(); import {module}; print(now() - start)"
                done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment)
                column.append(float(done.stdout))
    return {module: statistics.median(column[1:]) for module, column in times.items()}


def installed_bytes(name: str) -> int:
    """A distribution's files with those of all that it requires, without NumPy and without compiled Python."""
    if name == "anygrad":  # in a checkout it is not installed, but there
        folders = [Path(importlib.util.find_spec(package).origin).parent for package in ("anygrad", "anygrad_numpy", "anygrad_cupy")]  # type: ignore[union-attr, arg-type]
        own = sum(path.stat().st_size for folder in folders for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
        return own + installed_bytes("array-api-compat")
    found: dict[str, Distribution] = {}
    waiting = [name]
    while waiting:
        key = re.sub("[-_.]+", "-", waiting.pop()).lower()
        if key not in found and key != "numpy":
            try:
                found[key] = distribution(key)
            except PackageNotFoundError:  # for another platform or Python
                continue
            waiting += [re.match(r"[\w.-]+", line)[0] for line in found[key].requires or () if "extra ==" not in line]  # type: ignore[index]
    paths = (Path(file.locate()) for package in found.values() for file in package.files or () if file.suffix != ".pyc")  # type: ignore[arg-type]
    return sum(path.stat().st_size for path in paths if path.is_file())
