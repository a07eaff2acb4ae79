#!/usr/bin/env bash
# The conformance suite of the Array API standard (data-apis/array-api-tests) against anygrad:
#   ci/conformance.sh PATH_TO_ITS_CHECKOUT [numpy|tracked|strict|cupy|emulated] [examples per test, 50]
# over NumPy; over NumPy with every floating input on the record; over array_api_strict; over CuPy on a GPU, or on an
# emulated one (tests/emulated_gpu.py). The checkout has the specification (data-apis/array-api) in its folder array-api. Every failure must be in
# ci/conformance/MODE.txt (for tracked also in numpy.txt), which says why for each.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
suite=${1:?the path of a checkout of data-apis/array-api-tests is needed}
mode=${2:-numpy}
case $mode in
    numpy) module=anygrad ;;
    tracked | strict) module=anygrad_$mode ;;
    cupy) module=anygrad_on_cuda ;;
    emulated) module=anygrad_on_cuda mode=cupy gpu="-p emulated_gpu --disable-deadline" ;;
    *) echo "conformance.sh: the mode is numpy, tracked, strict, cupy or emulated, not $mode" >&2; exit 2 ;;
esac
if [ -z "${PYTHON:-}" ]; then
    ci/setup.sh test
    PYTHON=$root/.venv/bin/python
    "$PYTHON" -m pip install --quiet --disable-pip-version-check --requirement "$suite/requirements.txt"
fi
xfails=$(mktemp)
trap 'rm -f "$xfails"' EXIT
cat ci/conformance/$mode.txt >"$xfails"
if [ "$mode" = tracked ]; then cat ci/conformance/numpy.txt >>"$xfails"; fi
cd "$suite"
PYTHONPATH=$root:$root/backends:$root/ci/conformance:$root/tests${PYTHONPATH:+:$PYTHONPATH} ARRAY_API_TESTS_MODULE=$module ARRAY_API_TESTS_VERSION=2025.12 \
    "$PYTHON" -m pytest -q -W ignore -p no:cacheprovider ${gpu:-} array_api_tests --max-examples "${3:-50}" --xfails-file "$xfails"
