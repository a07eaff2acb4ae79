#!/usr/bin/env bash
# Sets up .venv and runs the whole test suite. With --all, or CI=true, lint and the wheel job run first.
# Other arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."
everything=${CI:-false}
if [ "${1:-}" = --all ]; then everything=true && shift; fi

failed=0
ci/setup.sh test consumers
if [ "$everything" = true ]; then
    ci/lint.sh || failed=1
    ci/wheel.sh || failed=1
fi
.venv/bin/python -m pytest -q -n auto "$@" || failed=1
exit $failed
