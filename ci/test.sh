#!/usr/bin/env bash
# Sets up .venv and runs the whole test suite. With --all, or CI=true, lint and the wheel job run first, and CuPy and
# NVRTC are installed, so that the tests which need them but no GPU run, too. Then the tests which need a GPU run on an
# emulated one (tests/emulated_gpu.py); where that cannot be had, those of the engine run over a stand-in for CuPy. Other
# arguments go to pytest, and leave these out.
set -euo pipefail
cd "$(dirname "$0")/.."
everything=${CI:-false}
if [ "${1:-}" = --all ]; then everything=true && shift; fi

failed=0
ci/setup.sh test consumers
if [ "$everything" = true ]; then
    ci/lint.sh || failed=1
    ci/wheel.sh || failed=1
    ci/setup.sh nogpu
    if [ "$(uname)" = Linux ]; then # the tests that need these skip themselves without, but not here
        (cd tests && ../.venv/bin/python -c 'import cupy, cuda_on_host as host; assert host.nvrtc() and not host.without_compiler(), "NVRTC or g++ is missing"') || failed=1
    fi
fi
.venv/bin/python -m pytest -q -n auto "$@" || failed=1
if [ $# = 0 ]; then
    if why=$(cd tests && ../.venv/bin/python -c 'import cuda_stand_in, sys; sys.exit(cuda_stand_in.missing() or 0)' 2>&1); then
        .venv/bin/python -m pytest -q -n auto --cuda=emulated -m cuda tests || failed=1
    else
        echo "test.sh: no emulated GPU: $why"
        .venv/bin/python -m pytest -q -n auto --cuda=stand-in -m cuda \
            tests/test_{engine,inplace,function,graph,interchange,linalg,fft}.py || failed=1
    fi
fi
exit $failed
