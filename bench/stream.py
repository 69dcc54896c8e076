"""The first words of an answer, fifty streams at once: how much later than from the model's stand-in they arrive.

Both figures are read off one clock. The bare relay passes the same stand-in's stream on without doing anything.
"""

import asyncio
import itertools
import json
import urllib.request
from http.cookies import SimpleCookie
from typing import Any

from bench.frame import BenchError, Candidate, Report, Sample, Spread, Target, measure, percentile
from bench.instance import Instance, instance
from bench.wire import Answered, request, stream_until

STREAMS = 50
# long enough that all fifty questions have been asked before the first answer begins, as with a real model
FIRST_BYTE_S = 1.5
TOKEN_S = 0.03  # about as fast as the model writes


def run(rounds: int, warmup: int) -> Report:
    """Milliseconds from the stand-in's first words, leaving, to the same words arriving at the reader."""
    with instance() as here:
        _control(here, "pace", {"first_byte_s": FIRST_BYTE_S, "token_s": TOKEN_S})
        numbers = itertools.count(1)
        figures = measure({"product": _product(here, numbers), "bare relay": _relay(here, numbers)}, rounds, warmup)
        target = Target("p95, ms after the stand-in's first words", Spread.of(figures.values("product", "p95 ms")), 50)
        over = figures.ratio("product", "bare relay", "p50 ms")
        return Report("stream", figures, [target], here.postgresql, {"p50, product / bare relay": str(over)})


def _product(here: Instance, numbers: "itertools.count[int]") -> Candidate:
    url = f"{here.url}/api/v1/chat/messages"
    token = _csrf_token(here)
    headers = {"Content-Type": "application/json", "Cookie": f"csrf={token}", "X-CSRFToken": token}
    headers |= {"Origin": here.url}

    def candidate() -> Sample:
        asked = [_question(next(numbers)) for _number in range(STREAMS)]
        requests = [
            request(url, json.dumps({"text": text}).encode(), {**headers, "X-Forwarded-For": _address(text)})
            for text in asked
        ]
        return _delays(here, asked, asyncio.run(_all(url, requests, b"event: token")))

    return candidate


def _relay(here: Instance, numbers: "itertools.count[int]") -> Candidate:
    url = f"{here.floor_url}/relay"

    def candidate() -> Sample:
        asked = [_question(next(numbers)) for _number in range(STREAMS)]
        requests = [request(url, _prompt(text), {}) for text in asked]
        return _delays(here, asked, asyncio.run(_all(url, requests, b"content_block_delta")))

    return candidate


async def _all(url: str, requests: list[bytes], words: bytes) -> list[Answered]:
    return list(await asyncio.gather(*(stream_until(url, sent, words) for sent in requests)))


def _delays(here: Instance, asked: list[str], answers: list[Answered]) -> Sample:
    streams = {stream["question"]: stream for stream in _control(here, "open-streams")["streams"]}
    if missing := [text for text in asked if text not in streams]:
        raise BenchError(f"{len(missing)} of {len(asked)} questions did not reach the model, such as {missing[0]!r}")
    delays = [
        (answer.at_s - streams[text]["first_words_s"]) * 1000 for text, answer in zip(asked, answers, strict=True)
    ]
    return {"p50 ms": percentile(delays, 50), "p95 ms": percentile(delays, 95)}


def _question(number: int) -> str:
    return f"Quali sono gli obblighi di notifica della NIS2? Domanda {number}."


def _address(text: str) -> str:
    """A caller's own address for each question (RFC 5737 has none to spare, RFC 2544 has)."""
    number = int(text.rstrip(".").rpartition(" ")[2])
    return f"198.18.{number // 250}.{number % 250 + 1}"


def _prompt(text: str) -> bytes:
    source = {"type": "text", "text": "La NIS2 chiede la notifica di un incidente significativo entro 24 ore."}
    result = {
        "type": "search_result", "source": "s", "title": "NIS2", "content": [source], "citations": {"enabled": True},
    }  # fmt: skip
    content = [result, {"type": "text", "text": text}]
    return json.dumps(
        {"model": "claude-sonnet-4-6", "max_tokens": 500, "stream": True,
         "messages": [{"role": "user", "content": content}]}
    ).encode()  # fmt: skip


def _csrf_token(here: Instance) -> str:
    with urllib.request.urlopen(f"{here.url}/", timeout=30) as page:
        cookies = SimpleCookie()
        for line in page.headers.get_all("Set-Cookie") or []:
            cookies.load(line)
    if "csrf" not in cookies:
        raise BenchError("the home page set no CSRF cookie")
    return cookies["csrf"].value


def _control(here: Instance, path: str, body: dict[str, float] | None = None) -> Any:
    sent = urllib.request.Request(
        f"{here.env['SANDBOX_URL']}/control/claude/{path}",
        data=json.dumps(body).encode() if body else None,
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(sent, timeout=10) as answer:
        return json.load(answer)
