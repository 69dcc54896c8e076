"""Everything the product needs around it, started together: database, Redis, stand-ins, embeddings, and itself.

`start-dev.sh` keeps its data under var/; the test suite uses temporary folders and free ports, so both can run at once.
What the environment already names (`DATABASE_URL`, `REDIS_URL`, a vendor's key) is used instead and not started.
"""

import contextlib
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from sandbox.frame import free_port
from sandbox.patience import Deadline
from sandbox.services import Postgres, Redis, ServiceError

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
SECRETS = ("SECRET_KEY", "JWT_SECRET_KEY", "AUDIT_HMAC_KEY")
# A vendor whose key is in the environment is the real one: none of the stand-in's settings may mix with it.
VENDORS = {
    "STRIPE_SECRET_KEY": ("STRIPE_",),
    "ANTHROPIC_API_KEY": ("ANTHROPIC_",),
    "MS_GRAPH_CLIENT_ID": ("MS_GRAPH_",),
    "SDI_PEC_EMAIL": ("SDI_PEC_",),
    "VIES_URL": ("VIES_",),
}


def new_secrets() -> dict[str, str]:
    """Fresh keys for one installation."""
    return {name: secrets.token_urlsafe(48) for name in SECRETS}


@contextlib.contextmanager
def database_and_cache(data: Path, environ: Mapping[str, str], *, fast: bool = False) -> Iterator[dict[str, str]]:
    """PostgreSQL and Redis while the block runs, as settings; what `environ` already names is left alone."""
    env: dict[str, str] = {}
    with contextlib.ExitStack() as stack:
        if not environ.get("REDIS_URL") and not environ.get("REDIS_HOST"):
            redis = Redis(data / "redis", fast=fast)
            env["REDIS_URL"] = redis.start()
            stack.callback(redis.stop)
        if not environ.get("DATABASE_URL") and not environ.get("POSTGRES_HOST"):
            postgres = Postgres(data / "postgres", fast=fast)
            env["DATABASE_URL"] = postgres.start()
            stack.callback(postgres.stop)
        yield env


@contextlib.contextmanager
def stand_ins(
    data: Path, environ: Mapping[str, str], *, webhook_url: str, page_port: int = 0
) -> Iterator[dict[str, str]]:
    """The stand-ins in a process of their own while the block runs, as settings; real vendors keep theirs."""
    data.mkdir(parents=True, exist_ok=True)
    addresses = data / "addresses.json"
    addresses.unlink(missing_ok=True)
    command = [sys.executable, "-m", "sandbox", "--data", str(data), "--addresses", str(addresses)]
    command += ["--webhook-url", webhook_url, "--page-port", str(page_port)]
    with running(command, log=data / "sandbox.log") as process:
        deadline = Deadline(30)
        while not addresses.exists():
            if process.poll() is not None or deadline.has_passed:
                tail = "\n".join((data / "sandbox.log").read_text(errors="replace").splitlines()[-5:])
                raise ServiceError(f"the sandbox did not start:\n{tail}")
            time.sleep(0.05)
        env = json.loads(addresses.read_text())
        env |= {"MS_GRAPH_CA_FILE": env["SANDBOX_CA_FILE"]}
        yield {name: value for name, value in env.items() if not _is_real(name, environ)}


@contextlib.contextmanager
def running(
    command: list[str], *, log: Path, env: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A process in a session of its own while the block runs: a Ctrl-C at the terminal reaches us only, we stop it."""
    with log.open("ab") as out:
        process = subprocess.Popen(
            command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, cwd=ROOT, start_new_session=True,
            env={**os.environ, **(env or {})},
        )  # fmt: skip
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def embeddings_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """Settings for the local embedding server, or none where a real key is given."""
    if environ.get("OPENAI_API_KEY"):
        return {}
    port = str(free_port())
    return {
        "EMBEDDINGS_PORT": port,
        "OPENAI_BASE_URL": f"http://127.0.0.1:{port}/v1",
        "OPENAI_API_KEY": "local",
        "EMBEDDING_MODEL": "multilingual-e5-small",
        "EMBEDDING_INPUT_TYPES": "true",
    }


def _is_real(name: str, environ: Mapping[str, str]) -> bool:
    return any(environ.get(key) and name.startswith(prefixes) for key, prefixes in VENDORS.items())
