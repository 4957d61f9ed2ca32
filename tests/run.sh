#!/usr/bin/env bash
# The test command of the README: all tests of the workspace, in a few minutes on two cores. Extra arguments go to cargo test.
#
# The tests of Chroma stores need the packages of tests/chroma/requirements.txt: they are put into target/python, from
# wherever pip takes packages. A test that needs more than this machine has (root, python3, unzip, strace, script, Chroma)
# says so on stderr and leaves that part out. docs/testing.md has the longer commands.
set -euo pipefail
cd "$(dirname "$0")/.."

# Every restore and every backup syncs, and other programs' writes with it: temporary files in memory make that cheap.
if [[ -z "${TMPDIR:-}" && -d /dev/shm && -w /dev/shm && $(df --output=avail -k /dev/shm | tail -n 1) -gt 2000000 ]]; then
    export TMPDIR=/dev/shm
fi

requirements=tests/chroma/requirements.txt
if [[ -f $requirements ]] && ! cmp -s $requirements target/python/requirements.txt; then
    rm -rf target/python
    if python3 -m venv target/python && target/python/bin/pip install --quiet --no-deps --only-binary :all: --requirement $requirements; then
        cp $requirements target/python/requirements.txt
    else
        rm -rf target/python
        echo "run.sh did without Chroma: its packages cannot be had here" >&2
    fi
fi

cargo test --workspace --locked "$@"
