#!/usr/bin/env bash
# Rewrites the universal locks after a change to an .in file (needs uv: pip install uv).
set -euo pipefail
cd "$(dirname "$0")"
for name in base production dev; do
    uv pip compile --universal --generate-hashes --python-version 3.11 --quiet \
        --custom-compile-command requirements/lock.sh "$@" "$name.in" -o "$name.txt"
done
