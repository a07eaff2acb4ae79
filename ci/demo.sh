#!/usr/bin/env bash
# The main job: sets up .venv and runs python -m anygrad. With a GPU: ci/demo.sh cuda12 (or cuda13) installs CuPy too.
set -euo pipefail
cd "$(dirname "$0")/.."
ci/setup.sh examples "$@"
exec .venv/bin/python -m anygrad
