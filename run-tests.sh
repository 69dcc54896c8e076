#!/usr/bin/env bash
# Sets up like start-dev.sh and runs every check and test; needs nothing running and disturbs nothing that is.
# ./run-tests.sh [--only checks|tests|published] [--no-browser] [--no-dovecot] [pytest arguments]
set -euo pipefail
cd "$(dirname "$0")"
. sandbox/prepare.sh
prepare
exec .venv/bin/python -m sandbox.suite "$@"
