"""One stand-in at a time, served from a thread of the test process."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from starlette.applications import Starlette
from starlette.routing import Mount

from sandbox.certificates import Authority
from sandbox.frame import StandIn, free_port, serve


@dataclass
class Running:
    """A served stand-in: `url` as the product sees it, `control(path, **json)` as the page does."""

    stand_in: StandIn
    url: str
    control_url: str

    @property
    def env(self) -> dict[str, str]:
        return self.stand_in.env()

    def fault(self, **fault: Any) -> None:
        requests.post(f"{self.control_url}/faults", json=fault, timeout=5).raise_for_status()

    def get(self, path: str, **query: str) -> Any:
        answer = requests.get(f"{self.control_url}{path}", params=query, timeout=5)
        answer.raise_for_status()
        return answer.json()

    def post(self, path: str, **body: Any) -> Any:
        answer = requests.post(f"{self.control_url}{path}", json=body, timeout=5)
        answer.raise_for_status()
        return answer.json()


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def run_stand_in(authority: Authority) -> Iterator[Callable[[StandIn], Running]]:
    with contextlib.ExitStack() as stack:

        def run(stand_in: StandIn) -> Running:
            return stack.enter_context(running(stand_in, authority))

        yield run


@contextlib.contextmanager
def running(stand_in: StandIn, authority: Authority) -> Iterator[Running]:
    port, control_port = free_port(), free_port()
    stand_in.url = f"{'https' if stand_in.tls else 'http'}://127.0.0.1:{port}"
    runner = asyncio.Runner()
    loop = runner.get_loop()
    ready, stop = threading.Event(), asyncio.Event()
    trouble: list[BaseException] = []

    async def main() -> None:
        control = Starlette(routes=[Mount(f"/control/{stand_in.name}", stand_in.control_app())])
        certificate = authority.certificate if stand_in.tls else None
        async with serve(stand_in.app(), port, certificate=certificate), serve(control, control_port):
            await stand_in.start()
            ready.set()
            await stop.wait()
            await stand_in.stop()

    def target() -> None:
        try:
            with runner:  # whatever goes wrong, no task is left behind for a later test to stumble over
                runner.run(main())
        except BaseException as error:  # noqa: BLE001 -- handed to the test below
            trouble.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=target, name=f"stand-in-{stand_in.name}")
    thread.start()
    ready.wait(timeout=20)
    if trouble:
        raise RuntimeError(f"the {stand_in.name} stand-in did not start") from trouble[0]
    try:
        yield Running(stand_in, stand_in.url, f"http://127.0.0.1:{control_port}/control/{stand_in.name}")
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(timeout=20)
    if trouble:
        raise RuntimeError(f"the {stand_in.name} stand-in did not end well") from trouble[0]
    assert not thread.is_alive(), f"the {stand_in.name} stand-in did not end"
