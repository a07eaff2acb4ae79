#!/usr/bin/env bash
# Builds the wheel, installs it into a clean environment and runs the tests, but the slow ones, against what is installed.
set -euo pipefail
cd "$(dirname "$0")/.."
ci/setup.sh test
root=$PWD
pip=(.venv/bin/python -m pip --quiet --disable-pip-version-check)
clean=$(mktemp -d)
trap 'rm -rf "$clean"' EXIT

"${pip[@]}" wheel --no-deps --wheel-dir "$clean" .
.venv/bin/python -m venv --without-pip "$clean/venv"
"${pip[@]}" --python "$clean/venv/bin/python" install "$(echo "$clean"/anygrad-*.whl)[test,consumers]"

cd "$clean" # where no import finds the checkout
unset PYTHONPATH
venv/bin/python -c 'import anygrad, anygrad_numpy, sys; assert anygrad.__file__.startswith(sys.prefix), anygrad.__file__'
echo "Testing the installed $(basename anygrad-*.whl) ..."
venv/bin/python -m pytest -q -n auto -o pythonpath= -m "not slow" -c "$root/pyproject.toml" --rootdir "$root" "$root/tests"
