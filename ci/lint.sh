#!/usr/bin/env bash
# Style, format and types.
set -euo pipefail
cd "$(dirname "$0")/.."
ci/setup.sh test lint
.venv/bin/python -m ruff check
.venv/bin/python -m ruff format --check
.venv/bin/python -m mypy
