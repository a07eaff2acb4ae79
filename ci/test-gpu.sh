#!/usr/bin/env bash
# Everything that needs a GPU, in one call of less than ten minutes, without a package index:
#   PYTHON=python3 ci/test-gpu.sh [PATH_TO_A_CHECKOUT_OF_ARRAY_API_TESTS]
# PYTHON has NumPy, CuPy, array-api-compat and pytest, and hypothesis for the conformance suite. PYTHONPATH finds other
# packages; anygrad is this folder's. One part that fails does not keep the others from running.
set -uo pipefail
cd "$(dirname "$0")/.."
PYTHON=$(realpath -s "$(command -v "${PYTHON:-python3}")") || exit 2
export PYTHON
export PYTHONPATH=.:backends${PYTHONPATH:+:$PYTHONPATH}
suite=${1:-}

date -u
"$PYTHON" - <<'EOF' || exit 2
import importlib.metadata, platform, sys

try:
    import cupy

    runtime = cupy.cuda.runtime
    name = runtime.getDeviceProperties(0)["name"].decode()
except Exception as error:
    sys.exit(f"test-gpu.sh: no GPU here: {error}")
print(f"{name}, {runtime.getDeviceCount()} device(s), driver's CUDA {runtime.driverGetVersion()}, CuPy's {runtime.runtimeGetVersion()}")
print(f"Python {platform.python_version()}, cupy {cupy.__version__}", end="")
for package in ("numpy", "scipy", "array-api-compat", "torch", "pytest"):
    try:
        print(f", {package} {importlib.metadata.version(package)}", end="")
    except importlib.metadata.PackageNotFoundError:
        print(f", no {package}", end="")
print()
EOF

workers=() # kernels are compiled by the CPU, which takes most of the time of the first run
if "$PYTHON" -c 'import xdist' 2>/dev/null; then workers=(-n 4); fi
failed=0
part() { # its name, the most seconds it may take, the command
    local name=$1 seconds=$2 start=$SECONDS
    shift 2
    echo "== $name"
    timeout "$seconds" "$@"
    local status=$?
    [ $status = 124 ] && echo "test-gpu.sh: $name was stopped after $seconds s"
    [ $status = 0 ] || failed=1
    echo "== $name: exit status $status, $((SECONDS - start)) s"
}
part tests 330 "$PYTHON" -m pytest -q -p no:cacheprovider "${workers[@]}" -m "cuda and not slow" -rs tests
part benchmarks 90 "$PYTHON" ci/bench gpu
if [ -n "$suite" ]; then
    part conformance 150 ci/conformance.sh "$suite" cupy 10
else
    echo "== conformance: left out, no checkout was given"
fi
exit $failed
