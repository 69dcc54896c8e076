# Sourced by start-dev.sh and run-tests.sh: finds Python, makes .venv, installs the locked requirements.
# Needs nothing but Python 3.11+ with venv; installs again only when a lock has changed.

say() { printf '%s\n' "$*" >&2; }
die() { say "$0: $*"; exit 1; }

find_python() {
    local candidate
    for candidate in "${PYTHON:-}" python3.13 python3.12 python3.11 python3 python3.14; do
        [ -n "$candidate" ] && command -v "$candidate" >/dev/null 2>&1 || continue
        # asked of the program itself: a version manager's shim may be there and lead nowhere
        if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            printf '%s' "$candidate"
            return
        fi
    done
    local found
    found=$(python3 --version 2>/dev/null || echo "no python3")
    die "Python 3.11 or newer with its venv module is needed (found: $found).
On Debian or Ubuntu: apt install python3 python3-venv; elsewhere see python.org. Or set PYTHON=/path/to/python3."
}

tell_progress() {
    local line count=0
    while IFS= read -r line; do
        case "$line" in
            Collecting*) count=$((count + 1)); [ $((count % 25)) -ne 0 ] || say "  $count packages so far" ;;
            "Installing collected"*) say "  writing $count packages to .venv" ;;
        esac
    done
}

prepare() {
    local stamp wanted
    case "$PWD" in
        *[][:]*) die "the folder $PWD has [, ] or : in its name, which Python's tools cannot work with. Rename it." ;;
    esac
    stamp=.venv/.installed
    # the place, too: the programs in .venv/bin name it, and a folder that was moved or copied would run the old one's
    wanted="$(cat requirements/dev.txt requirements/schemas.txt | cksum) $PWD"
    if [ -f "$stamp" ] && [ "$(sed 's/^[0-9]* [0-9]* //' "$stamp")" != "$PWD" ]; then
        say "This folder was moved or copied: .venv is made anew"
        rm -rf .venv
    fi
    if [ ! -x .venv/bin/python ] || ! .venv/bin/python -c '' 2>/dev/null; then
        local python
        python=$(find_python) || exit 1
        say "Making .venv with $($python --version)"
        rm -rf .venv
        "$python" -m venv .venv || die "the virtual environment could not be made"
    fi
    if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
        say "Installing the locked requirements (a few minutes the first time)"
        # --no-deps: the locks are complete, and older pips refuse a pin that an extra asks for once a newer release is out
        .venv/bin/python -m pip install --progress-bar off --disable-pip-version-check --require-hashes --no-deps \
            -r requirements/dev.txt -r requirements/schemas.txt | tell_progress \
            || die "a package could not be installed: see pip's message above. Is the package index reachable?"
        printf '%s' "$wanted" > "$stamp"
    fi
}
