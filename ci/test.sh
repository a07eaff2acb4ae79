#!/usr/bin/env bash
# Sets up .venv and runs the whole test suite. With --all, or CI=true: lint and the wheel job first.
# Other arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."
everything=${CI:-false}
if [ "${1:-}" = --all ]; then everything=true && shift; fi

ci/setup.sh test
if [ "$everything" = true ]; then
    ci/lint.sh
    ci/wheel.sh
fi
exec .venv/bin/python -m pytest -q "$@"
