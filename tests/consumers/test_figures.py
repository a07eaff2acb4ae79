"""The figures of docs/consumers.md are those of the tables."""

import importlib
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "consumers.md"
TABLES = {
    "SciPy": "scipy",
    "scikit-learn": "sklearn",
    "array-api-extra": "extra",
    "xarray": "xarray",
    "einops, opt_einsum": "einops",
    "NumPy's own functions": "numpy",
}


@pytest.mark.parametrize(("library", "name"), TABLES.items())
def test_figures(library: str, name: str) -> None:
    table = importlib.import_module(f"{name}_cases").TABLE
    refused = sum(bool(pattern.refused) for pattern in table)
    (row,) = [line for line in PAGE.read_text().splitlines() if line.startswith(f"| {library} |")]
    assert [int(cell) for cell in row.split("|")[3:6]] == [len(table), len(table) - refused, refused]
