"""Questions put to the product's assistant and to the bare relay, and what the model's stand-in tells of them."""

import asyncio
import gc
import itertools
import json
import time
import urllib.request
from collections.abc import Callable, Coroutine, Sequence
from http.cookies import SimpleCookie
from typing import Any

from bench.frame import BenchError, Candidate, Sample
from bench.instance import Instance
from bench.wire import StreamedAnswer, read_stream, request

OVER_S = 10
_WORDS = ("e", "o")

Summarize = Callable[[Sequence[StreamedAnswer], Sequence[dict[str, Any]]], Sample]
Reader = Callable[[str, bytes], Coroutine[Any, Any, StreamedAnswer]]


class Asker:
    """Asks so many questions at once, each of them new and from an address of its own."""

    _numbers = itertools.count(1)

    def __init__(self, here: Instance, streams: int, reader: Reader = read_stream) -> None:
        self._here, self._streams, self._reader = here, streams, reader
        self._token = _csrf_token(here)

    def product(self, summarize: Summarize) -> Candidate:
        """The assistant over HTTP, as a guest of a page."""
        url = f"{self._here.url}/api/v1/chat/messages"
        headers = {"Content-Type": "application/json", "Cookie": f"csrf={self._token}", "X-CSRFToken": self._token}
        headers |= {"Origin": self._here.url}
        return self._candidate(
            url,
            lambda number: request(
                url, json.dumps({"text": _question(number)}).encode(), headers | {"X-Forwarded-For": _address(number)}
            ),
            summarize,
        )

    def relay(self, summarize: Summarize) -> Candidate:
        """The same stand-in's stream, passed on without doing anything."""
        url = f"{self._here.floor_url}/relay"
        return self._candidate(url, lambda number: request(url, _prompt(_question(number)), {}), summarize)

    def _candidate(self, url: str, build_request: Callable[[int], bytes], summarize: Summarize) -> Candidate:
        async def all_read(numbers: Sequence[int]) -> list[StreamedAnswer]:
            return list(await asyncio.gather(*(self._reader(url, build_request(number)) for number in numbers)))

        def candidate() -> Sample:
            numbers = [next(self._numbers) for _stream in range(self._streams)]
            gc.disable()  # a pause of the reader's own would count as the product's
            try:
                answers = asyncio.run(all_read(numbers))
            finally:
                gc.enable()
            return summarize(answers, _streams_of(self._here, [_question(number) for number in numbers]))

        return candidate


def pace(here: Instance, *, first_byte_s: float, token_s: float, jitter: float = 0.0) -> None:
    """How the model's stand-in answers from now on."""
    _control(here, "pace", {"first_byte_s": first_byte_s, "token_s": token_s, "jitter": jitter})


def _streams_of(here: Instance, questions: Sequence[str]) -> list[dict[str, Any]]:
    """What the stand-in tells of the streams of these questions, in their order, once they are over."""
    deadline = time.monotonic() + OVER_S
    while True:
        streams = {stream["question"]: stream for stream in _control(here, "open-streams")["streams"]}
        still_open = [text for text in questions if text in streams and streams[text]["state"] == "open"]
        if not still_open:
            break
        if time.monotonic() > deadline:
            raise BenchError(f"{len(still_open)} streams are open after {OVER_S} s, such as {still_open[0]!r}")
        time.sleep(0.2)
    if missing := [text for text in questions if text not in streams]:
        text = f"{len(missing)} of {len(questions)} questions did not reach the model, such as {missing[0]!r}"
        raise BenchError(text)
    return [streams[text] for text in questions]


def _question(number: int) -> str:
    """The same question each time but for its end: the number in words that no search looks for."""
    return f"Quali sono gli obblighi di notifica della NIS2, {' '.join(_WORDS[int(bit)] for bit in f'{number:b}')}?"


def _address(number: int) -> str:
    """A caller's own address for each question (RFC 5737 has none to spare, RFC 2544 has)."""
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
    control_request = urllib.request.Request(
        f"{here.env['SANDBOX_URL']}/control/claude/{path}",
        data=json.dumps(body).encode() if body else None,
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(control_request, timeout=30) as answer:
        return json.load(answer)
