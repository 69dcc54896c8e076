#!/usr/bin/env bash
# Sets up and runs everything on this machine: needs Python 3.11+ with venv, nothing else.
# PORT (8000) and SANDBOX_PORT (8100) choose other ports; DATABASE_URL, REDIS_URL or a vendor's key in .env replace
# the embedded server or the stand-in by the real thing. Ctrl-C stops it all.
set -euo pipefail
cd "$(dirname "$0")"
. sandbox/prepare.sh
prepare
exec .venv/bin/python -m sandbox.dev "$@"
