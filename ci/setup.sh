#!/usr/bin/env bash
# Makes .venv with anygrad (editable) and the extras asked for: ci/setup.sh [EXTRA...]
# It writes nothing outside the checkout and does nothing twice. PYTHON=... chooses the interpreter.
set -euo pipefail
cd "$(dirname "$0")/.."

new_enough='import sys; sys.exit(sys.version_info < (3, 11))'
python=
for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11 python}; do
    if "$candidate" -c "$new_enough" 2>/dev/null; then python=$candidate && break; fi
done
if [ -z "$python" ]; then
    echo "anygrad needs Python 3.11 or newer, and ${PYTHON:-python3} is not. Install one, or set PYTHON=/path/to/python3." >&2
    exit 1
fi

if ! .venv/bin/python -c "import pip; $new_enough" 2>/dev/null; then
    rm -f .venv/.has-*
    if "$python" -c 'from ensurepip import bootstrap' 2>/dev/null; then
        "$python" -m venv .venv
    elif ! { "$python" -m venv --without-pip .venv && "$python" -m pip --python .venv/bin/python install --quiet pip; } 2>/dev/null; then
        version=$("$python" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
        echo "$python cannot make a virtual environment. On Debian and Ubuntu: sudo apt install $version-venv" >&2
        exit 1
    fi
fi

for extra in "${@:-examples}"; do
    stamp=.venv/.has-$extra
    if ! cmp --silent pyproject.toml "$stamp"; then
        echo "Installing anygrad[$extra] into .venv ..."
        .venv/bin/python -m pip install --quiet --disable-pip-version-check --editable ".[$extra]"
        cp pyproject.toml "$stamp"
    fi
done
