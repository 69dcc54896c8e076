"""The product as it is deployed, one web process, and the floor beside it: own database, own stand-ins, free ports."""

import contextlib
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg

from bench.frame import BenchError
from sandbox.frame import free_port
from sandbox.patience import Deadline
from sandbox.stack import ROOT, database_and_cache, new_secrets, running, stand_ins

SERVE = [
    sys.executable, "-m", "uvicorn", "--host", "127.0.0.1", "--log-level", "warning", "--no-access-log",
    "--no-proxy-headers",  # the application reads them itself
]  # fmt: skip
READY_S = 60
SELLER = {
    "SELLER_VAT_NUMBER": "11847200968", "SELLER_STREET": "Via Solferino 36", "SELLER_POSTCODE": "20121",
    "SELLER_CITY": "Milano", "SELLER_PROVINCE": "MI",
}  # fmt: skip


@dataclass(frozen=True)
class Instance:
    """Where the product and its floor answer, the web process's id, and the settings both run with."""

    url: str
    floor_url: str
    pid: int
    env: Mapping[str, str]

    @property
    def postgresql(self) -> str:
        with psycopg.connect(self.env["DATABASE_URL"]) as connection:
            return ".".join(map(str, divmod(connection.info.server_version, 10_000)))

    def manage(self, *arguments: str) -> None:
        """Run a management command against this instance."""
        manage(self.env, *arguments)


@contextlib.contextmanager
def instance() -> Iterator[Instance]:
    """A freshly migrated product with the demo content, its documents read, while the block runs."""
    with contextlib.ExitStack() as stack:
        data = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="aish-bench-")))
        port, floor_port = free_port(), free_port()
        url, floor_url = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{floor_port}"
        env = {**os.environ, **new_secrets(), **SELLER, "READ_ENV_FILES": "False", "DEBUG": "False", "SITE_URL": url}
        env |= {"ALLOWED_HOSTS": "127.0.0.1", "DATABASE_POOL_SIZE": "8", "DATA_DIR": str(data), "LOG_LEVEL": "ERROR"}
        env |= {"STATIC_ROOT": str(data / "static")}
        # each stream comes from an address of its own, as customers do: fifty questions an hour are one caller's limit
        env |= {"TRUSTED_PROXY_COUNT": "1"}
        env |= stack.enter_context(database_and_cache(data, {}))
        env |= stack.enter_context(stand_ins(data / "sandbox", {}, webhook_url=""))
        env |= {"OPENAI_BASE_URL": f"{floor_url}/v1", "OPENAI_API_KEY": "bench", "EMBEDDING_MODEL": "bench"}
        floor = [*SERVE, "--port", str(floor_port), "--timeout-keep-alive", "75", "bench.floor:application"]
        stack.enter_context(running(floor, log=data / "floor.log", env=env))
        wait_for(f"{floor_url}/", data / "floor.log")
        manage(env, "collectstatic", "--noinput", "--verbosity", "0")
        manage(env, "migrate", "--verbosity", "0")
        manage(env, "loaddemo")
        manage(env, "shell", "--command", _READ_DOCUMENTS)
        product = [*SERVE, "--port", str(port), "config.asgi:application"]
        web = stack.enter_context(running(product, log=data / "web.log", env=env))
        wait_for(f"{url}/health", data / "web.log")
        yield Instance(url, floor_url, web.pid, env)


_READ_DOCUMENTS = """
from chatbot.knowledge import ingest
from chatbot.models import Document
while ingest.ingest_due():
    pass
for document in Document.objects.exclude(state="done"):
    raise SystemExit(f"{document.name}: {document.state} {document.last_error}")
"""


def manage(env: Mapping[str, str], *arguments: str) -> None:
    """Run a management command with these settings; `BenchError` with its message when it fails."""
    command = [sys.executable, "manage.py", *arguments]
    result = subprocess.run(command, cwd=ROOT, env=dict(env), check=False, capture_output=True, text=True)
    if result.returncode:
        raise BenchError(f"manage.py {arguments[0]}: {result.stderr[-2000:]}")


def wait_for(url: str, log: Path) -> None:
    """Until the server answers; `BenchError` with the end of its log when it does not."""
    deadline = Deadline(READY_S)
    while not deadline.has_passed:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=2):
            return
        time.sleep(0.05)
    raise BenchError(f"{url} does not answer: {log.read_text(errors='replace')[-2000:]}")
