#!/usr/bin/env bash
# The conformance suite of the Array API standard (data-apis/array-api-tests) against anygrad:
#   ci/conformance.sh PATH_TO_ITS_CHECKOUT [examples per test, 50]
# The checkout has the specification (data-apis/array-api) in its folder array-api. Every failure must be in
# ci/conformance-xfails.txt, which says why for each.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
suite=${1:?the path of a checkout of data-apis/array-api-tests is needed}
ci/setup.sh test
.venv/bin/python -m pip install --quiet --disable-pip-version-check --requirement "$suite/requirements.txt"
cd "$suite"
PYTHONPATH=$root:$root/backends ARRAY_API_TESTS_MODULE=anygrad ARRAY_API_TESTS_VERSION=2025.12 \
    "$root/.venv/bin/python" -m pytest -q -W ignore -p no:cacheprovider array_api_tests \
    --max-examples "${2:-50}" --xfails-file "$root/ci/conformance-xfails.txt"
