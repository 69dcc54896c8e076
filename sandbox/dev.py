"""`./start-dev.sh`: the whole platform on loopback, until Ctrl-C."""

import argparse
import contextlib
import hashlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psycopg
from honcho.environ import parse_procfile
from honcho.manager import Manager

from sandbox.services import ServiceError
from sandbox.stack import BIN, ROOT, database_and_cache, embeddings_settings, new_secrets, stand_ins

READY_S = 60


class Stopped(Exception):  # noqa: N818 -- not an error: somebody asked to stop
    """SIGTERM or SIGINT before everything was up."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="./start-dev.sh", description="Run the whole platform on this machine.")
    parser.add_argument("--data", type=Path, default=ROOT / "var", help="folder of databases and files (default: var)")
    parser.add_argument("--env", type=Path, default=ROOT / ".env", help="file of settings (default: .env)")
    arguments = parser.parse_args()
    os.chdir(ROOT)
    os.umask(0o077)
    arguments.data.mkdir(parents=True, exist_ok=True)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    try:
        return run(arguments.data.resolve(), arguments.env)
    except ServiceError as error:
        print(f"start-dev: {error}", file=sys.stderr)
        return 1
    except (Stopped, KeyboardInterrupt):
        return 130


def run(data: Path, env_file: Path) -> int:
    """Start everything, say where it is, and stop it all when one part ends or Ctrl-C comes."""
    _write_env_if_needed(env_file)
    given = {**_read_env(env_file), **os.environ}
    port, page_port = int(given.get("PORT", "8000")), int(given.get("SANDBOX_PORT", "8100"))
    for name, wanted in (("PORT", port), ("SANDBOX_PORT", page_port)):
        _require_free(name, wanted)
    site = f"http://127.0.0.1:{port}"
    with contextlib.ExitStack() as stack:
        env = {"DATA_DIR": str(data), "PORT": str(port), "SITE_URL": given.get("SITE_URL") or site}
        env |= {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "PYTHONUNBUFFERED": "1"}
        env |= {"SDI_PEC_POLL_SECONDS": given.get("SDI_PEC_POLL_SECONDS", "3")}
        print("Starting PostgreSQL, Redis and the stand-ins", flush=True)
        services = stack.enter_context(database_and_cache(data, given))
        env |= services
        webhook = f"{site}/api/v1/webhooks/stripe"
        env |= stack.enter_context(stand_ins(data / "sandbox", given, webhook_url=webhook, page_port=page_port))
        env |= embeddings_settings(given)
        whole = {**_read_env(env_file), **os.environ, **env}
        stack.enter_context(_run_file(data / "run.env", env))
        if "DATABASE_URL" in services:
            _require_known_tables(services["DATABASE_URL"], data)
        if "DATABASE_URL" not in services or not _is_filled(data / "filled", services["DATABASE_URL"]):
            _manage(whole, "migrate", "--verbosity", "0")
            _manage(whole, "loaddemo", "--with-logins", quiet=True)
            (data / "filled").write_text(_digest_of_content())
        return _run_processes(whole, site)


def _run_processes(env: dict[str, str], site: str) -> int:
    manager = Manager()
    procfile = parse_procfile((ROOT / "Procfile.dev").read_text())
    for name, command in procfile.processes.items():
        if name != "embeddings" or "EMBEDDINGS_PORT" in env:
            # exec: the shell gives way to the program, so that a signal reaches it and not a shell
            manager.add_process(name, f"exec env {command}", env=env, cwd=str(ROOT))
    threading.Thread(target=_announce, args=(site, env), daemon=True).start()
    manager.loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)  # an impatient second Ctrl-C must not leave the database running
    # 130 and -15 are how processes end that were asked to
    return 0 if manager.returncode in (0, 130, 143, -2, -15, None) else int(manager.returncode)


def _announce(site: str, env: dict[str, str]) -> None:
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{site}/health", timeout=2) as answer:
            if answer.status == 200:
                break
        time.sleep(0.1)
    else:
        print(f"start-dev: {site} does not answer after {READY_S} s; see the lines above", file=sys.stderr, flush=True)
        return
    lines = [
        "",
        "  AI Strategy Hub is ready.",
        f"  Site          {site}/",
        f"  Back office   {site}/admin/       admin@aish.example / ruled-sheet-2026",
        f"  Customer      {site}/area/        giulia@brandolini.example / ruled-sheet-2026",
        f"  API           {site}/api/v1/docs",
        f"  Sandbox       {env['SANDBOX_URL']}/        mails, PEC, payments, SDI",
        "  The whole way .venv/bin/python manage.py tour",
        "  Ctrl-C stops everything.",
        "",
    ]
    print("\n".join(lines), flush=True)


def _require_known_tables(url: str, data: Path) -> None:
    """Tables made by migrations that this version does not have cannot be carried over, and Django would not say so."""
    with psycopg.connect(url) as connection:
        if not connection.execute("SELECT to_regclass('django_migrations')").fetchone()[0]:  # type: ignore[index]
            return
        made = connection.execute("SELECT app, name FROM django_migrations").fetchall()
    unknown = [
        f"{app}.{name}"
        for app, name in made
        if (ROOT / app / "migrations").is_dir() and not (ROOT / app / "migrations" / f"{name}.py").exists()
    ]
    if unknown:
        raise ServiceError(
            f"{data} was made by another version of this program ({unknown[0]} is not known here).\n"
            f"Put it away and start again: mv {data} {data}.old"
        )


def _is_filled(stamp: Path, url: str) -> bool:
    """Whether our own database has seen these very migrations and this very demo; saves half of a second start."""
    if not stamp.exists() or stamp.read_text() != _digest_of_content():
        return False
    with psycopg.connect(url) as connection:  # the stamp may have outlived the database
        row = connection.execute("SELECT to_regclass('django_migrations')").fetchone()
    return bool(row and row[0])


def _digest_of_content() -> str:
    patterns = ("*/migrations/*.py", "*/djstripe_migrations/*.py", "*/demo/*")
    digest = hashlib.sha256()
    for path in sorted(path for pattern in patterns for path in ROOT.glob(pattern)):
        digest.update(path.read_bytes())
    return digest.hexdigest()


@contextlib.contextmanager
def _run_file(path: Path, env: dict[str, str]) -> Iterator[None]:
    """Where `manage.py` in another terminal finds this instance, as long as it runs."""
    path.write_text("".join(f"{name}={value}\n" for name, value in env.items() if name not in ("PATH", "PORT")))
    path.chmod(0o600)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _manage(env: dict[str, str], *arguments: str, quiet: bool = False) -> None:
    command = [sys.executable, "manage.py", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=env, check=False, capture_output=quiet, text=True)
    if done.returncode:
        raise ServiceError(f"manage.py {arguments[0]} failed{': ' + done.stderr if quiet else ''}")


def _require_free(name: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise ServiceError(
                f"port {port} on 127.0.0.1 is taken by another program. Stop it, or choose another port:\n"
                f"    {name}={port + 10} ./start-dev.sh"
            ) from error


def _write_env_if_needed(path: Path) -> None:
    if path.exists():
        return
    lines = ["# Made by start-dev.sh for this machine only; .env.example lists every setting.", "DEBUG=true"]
    lines += [f"{name}={value}" for name, value in new_secrets().items()]
    path.write_text("\n".join(lines) + "\n")
    path.chmod(0o600)


def _read_env(path: Path) -> dict[str, str]:
    pairs = (line.partition("=") for line in path.read_text().splitlines() if line and not line.startswith("#"))
    return {name.strip(): value.strip().strip("\"'") for name, _equals, value in pairs}


def _stop(*_signal: object) -> None:
    raise Stopped


if __name__ == "__main__":
    sys.exit(main())
