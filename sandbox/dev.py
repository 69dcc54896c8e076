"""`./start-dev.sh`: the whole platform on loopback, until Ctrl-C."""

import argparse
import contextlib
import fcntl
import hashlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

import psycopg
from honcho.environ import parse_procfile
from honcho.manager import Manager

from sandbox.patience import Deadline
from sandbox.services import ServiceError
from sandbox.stack import BIN, ROOT, database_and_cache, embeddings_settings, new_secrets, running, stand_ins
from sandbox.watchdog import OWNER, is_alive

READY_S = 60
LEFTOVER_S = 15  # how long what an earlier start left may take to end


class Stopped(Exception):  # noqa: N818 -- not an error: somebody asked to stop
    """SIGTERM or SIGINT before everything was up."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="./start-dev.sh", description="Run the whole platform on this machine.")
    parser.add_argument("--data", type=Path, default=ROOT / "var", help="folder of databases and files (default: var)")
    parser.add_argument("--env", type=Path, default=ROOT / ".env", help="file of settings (default: .env)")
    arguments = parser.parse_args()
    os.chdir(ROOT)
    os.umask(0o077)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    try:
        arguments.data.mkdir(parents=True, exist_ok=True)
        with _only_start(arguments.data):
            return run(arguments.data.resolve(), arguments.env)
    except ServiceError as error:
        print(f"start-dev: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        place = f" ({error.filename})" if error.filename else ""
        print(f"start-dev: {error.strerror}{place}", file=sys.stderr)
        return 1
    except (Stopped, KeyboardInterrupt):
        return 130


def run(data: Path, env_file: Path) -> int:
    """Start everything, say where it is, and stop it all when one part ends or Ctrl-C comes."""
    _write_env_if_needed(env_file)
    environ = {**_read_env(env_file), **os.environ}
    port, page_port = _port("PORT", environ, 8000), _port("SANDBOX_PORT", environ, 8100)
    for name, number in (("PORT", port), ("SANDBOX_PORT", page_port)):
        _require_free(name, number)
    site = f"http://127.0.0.1:{port}"
    with contextlib.ExitStack() as stack:
        env = {"DATA_DIR": str(data), "PORT": str(port), "SITE_URL": environ.get("SITE_URL") or site}
        env |= {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "PYTHONUNBUFFERED": "1"}
        env |= {"SDI_PEC_POLL_SECONDS": environ.get("SDI_PEC_POLL_SECONDS", "3")}
        print("Starting PostgreSQL, Redis and the stand-ins", flush=True)
        os.environ[OWNER] = str(os.getpid())
        watchdog = [sys.executable, "-m", "sandbox.watchdog", str(os.getpid()), str(data)]
        stack.enter_context(running(watchdog, log=data / "watchdog.log"))
        services = stack.enter_context(database_and_cache(data, environ))
        env |= services
        webhook = f"{site}/api/v1/webhooks/stripe"
        env |= stack.enter_context(stand_ins(data / "sandbox", environ, webhook_url=webhook, page_port=page_port))
        env |= embeddings_settings(environ)
        whole = {**_read_env(env_file), **os.environ, **env}
        stack.enter_context(_run_file(data / "run.env", env))
        has_tables = "DATABASE_URL" in services and _has_known_tables(services["DATABASE_URL"], data)
        if not has_tables or not _is_filled(data / "filled"):  # the stamp may have outlived the database
            print("Making the tables and loading the demo's data (some ten seconds)", flush=True)
            _manage(whole, "migrate", "--verbosity", "0")
            _manage(whole, "loaddemo", "--with-logins", quiet=True)
            (data / "filled").write_text(_digest_of_content())
        return _run_processes(whole, site)


@contextlib.contextmanager
def _only_start(data: Path) -> Iterator[None]:
    """Hold the data folder while the block runs; say which process has it, or wait for the rest of one that is gone."""
    with (data / "started-by").open("a+") as file:
        deadline = Deadline(LEFTOVER_S)
        while not _lock(file.fileno()):
            file.seek(0)
            owner = int(file.read() or 0)
            if owner and is_alive(owner):
                raise ServiceError(
                    f"an earlier start of this folder, process {owner}, is still running. End it with\n"
                    f"    kill {owner}\nor start this one with a folder of its own: ./start-dev.sh --data FOLDER"
                )
            if deadline.has_passed:
                raise ServiceError(f"processes of an earlier start (process {owner}, gone) still use {data}")
            time.sleep(0.1)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


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
    deadline = Deadline(READY_S)
    while not deadline.has_passed:
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
        "                other roles: direzione@, redazione@, clienti@aish.example",
        f"                asks for an authenticator app: a phone's, or {env['SANDBOX_URL']}/authenticator",
        f"  Customer      {site}/area/        giulia@brandolini.example / ruled-sheet-2026",
        f"  API           {site}/api/v1/docs",
        f"  Sandbox       {env['SANDBOX_URL']}/        mails, PEC, payments, SDI",
        "  The whole way .venv/bin/python manage.py tour",
        "  Ctrl-C stops everything.",
        "",
    ]
    print("\n".join(lines), flush=True)


def _has_known_tables(url: str, data: Path) -> bool:
    """Whether there are tables yet. `ServiceError` for those of migrations that this version does not have.

    They cannot be carried over, and Django would not say so.
    """
    with psycopg.connect(url) as connection:
        if not connection.execute("SELECT to_regclass('django_migrations')").fetchone()[0]:  # type: ignore[index]
            return False
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
    return True


def _is_filled(stamp: Path) -> bool:
    """Whether our own database has seen these very migrations and this very demo; saves half of a second start."""
    return stamp.exists() and stamp.read_text() == _digest_of_content()


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
    try:
        lines = path.read_text().splitlines()
    except UnicodeDecodeError as error:
        raise ServiceError(
            f"{path} is no text in UTF-8; save it as such, or delete it to have a new one made"
        ) from error
    pairs = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if not equals or not name.strip().isidentifier():
            raise ServiceError(f"{path}, line {number}: NAME=value was expected")
        pairs[name.strip()] = value.strip().strip("\"'")
    return pairs


def _port(name: str, environ: Mapping[str, str], default: int) -> int:
    value = environ.get(name) or str(default)
    if not value.isdecimal() or not 0 < int(value) < 65536:
        raise ServiceError(f"{name} is {value!r}: a number from 1 to 65535 was expected")
    return int(value)


def _stop(*_signal: object) -> None:
    raise Stopped


if __name__ == "__main__":
    sys.exit(main())
