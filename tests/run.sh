#!/usr/bin/env bash
# The test command of the README: all tests of the workspace, in a few minutes on two cores. Extra arguments go to cargo test.
#
# The tests of Chroma stores and the independent reader need the packages of tests/*/requirements.txt: they are put into
# target/python, from wherever pip takes packages. A test that needs more than this machine has (root, python3, unzip,
# strace, script, those packages) says so on stderr and leaves that part out. docs/testing.md has the longer commands.
set -euo pipefail
cd "$(dirname "$0")/.."

# Every restore and every backup syncs, and other programs' writes with it: temporary files in memory make that cheap.
if [[ -z "${TMPDIR:-}" && -d /dev/shm && -w /dev/shm && $(df --output=avail -k /dev/shm | tail -n 1) -gt 2000000 ]]; then
    export TMPDIR=/dev/shm
fi

wanted=$(cat tests/*/requirements.txt)
if [[ "$wanted" != "$(cat target/python/wanted.txt 2>/dev/null)" ]]; then
    rm -rf target/python
    if python3 -m venv target/python \
        && target/python/bin/pip install --quiet --no-deps --only-binary :all: --requirement <(printf '%s\n' "$wanted"); then
        printf '%s\n' "$wanted" > target/python/wanted.txt
    else
        rm -rf target/python
        echo "run.sh did without Chroma and the independent reader: their packages cannot be had here" >&2
    fi
fi

cargo test --workspace --locked "$@"
