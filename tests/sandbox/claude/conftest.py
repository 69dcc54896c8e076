"""The stand-in for Claude, and the vendor's own SDK to speak to it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anthropic
import pytest

from sandbox.claude import ClaudeStandIn
from sandbox.frame import StandIn
from tests.sandbox.conftest import Running


@pytest.fixture
def claude(run_stand_in: Callable[[StandIn], Running], tmp_path: Path) -> Running:
    running = run_stand_in(ClaudeStandIn(tmp_path))
    running.post("/pace", first_byte_s=0.0, token_s=0.0)
    return running


@pytest.fixture
def client(claude: Running) -> Iterator[anthropic.Anthropic]:
    with make_client(claude) as client:
        yield client


def make_client(claude: Running, **options: Any) -> anthropic.Anthropic:
    return anthropic.Anthropic(
        base_url=claude.env["ANTHROPIC_BASE_URL"],
        **{"api_key": claude.env["ANTHROPIC_API_KEY"], "max_retries": 0, "timeout": 10.0} | options,
    )
