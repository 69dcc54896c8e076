"""Two hundred answers at once by one web process: its memory, each piece's delay, and how soon a lost reader shows.

A piece is what the model's stand-in sends in one event; it has come when the reader has as many characters. The delays
are those while all answers are being written; what beginnings and ends add, which search and keep rows, stands beside
them. The bare relay passes the same streams on without doing anything: what it is late by is the machine's doing.
"""

import json
import re
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from bench.chat import Asker, Summarize, pace
from bench.frame import BenchError, Report, Sample, Spread, Target, measure, percentile
from bench.instance import Instance, instance
from bench.memory import resident_mb
from bench.wire import StreamedAnswer, read_stream

STREAMS = 200
LEAVING = 40
# long enough that all questions have been asked before the first answer begins; ten pieces a second for each reader,
# not at one pace: streams in step would come in gusts that no real ones do
FIRST_BYTE_S = 10.0
TOKEN_S, JITTER = 0.1, 0.6
_OURS = re.compile(rb"event: token\ndata: (\{.*\})\n")
_RELAY_EVENT = re.compile(rb"event: content_block_delta\ndata: (\{.*\})\n")


def run(rounds: int, warmup: int) -> Report:
    """Milliseconds of delay a piece, megabytes (10^6 bytes) resident, seconds to the end of an abandoned stream."""
    with instance() as here:
        pace(here, first_byte_s=FIRST_BYTE_S, token_s=TOKEN_S, jitter=JITTER)
        asker, leaving = Asker(here, STREAMS), Asker(here, LEAVING, partial(read_stream, pieces=12))
        candidates = {
            "product": asker.product(_delays(_OURS, "text", here)),
            "bare relay": asker.relay(_delays(_RELAY_EVENT, "delta", here)),
            "reader gone": leaving.product(_time_to_close),
        }
        figures = measure(candidates, rounds, warmup)
        targets = [
            Target("p99 of a piece's delay in ms", Spread.of(figures.values("product", "p99 ms")), 10),
            Target("MB resident", Spread.of(figures.values("product", "MB")), 300),
            Target("seconds to the end upstream", Spread.of(figures.values("reader gone", "max s")), 1),
        ]
        over = figures.ratio("product", "bare relay", "p99 ms")
        return Report("streams", figures, targets, here.postgresql, {"p99, product / bare relay": str(over)})


def _delays(event: re.Pattern[bytes], key: str, here: Instance) -> Summarize:
    def summarize(answers: Sequence[StreamedAnswer], streams: Sequence[dict[str, Any]]) -> Sample:
        start_s = max(stream["progress"][0][0] for stream in streams)
        end_s = min(stream["progress"][-1][0] for stream in streams)
        pairs = [
            pair
            for answer, stream in zip(answers, streams, strict=True)
            for pair in _pairs(answer, stream["progress"], event, key)
        ]
        delays = [(came_s - sent_s) * 1000 for sent_s, came_s in pairs if start_s <= sent_s <= end_s]
        if not delays:
            raise BenchError("the first answer had ended before the last one began")
        return {
            "p50 ms": percentile(delays, 50),
            "p99 ms": percentile(delays, 99),
            "p99 ms, all": percentile([(came_s - sent_s) * 1000 for sent_s, came_s in pairs], 99),
            "pieces": len(delays),
            "MB": resident_mb(here.pid),
        }

    return summarize


def _pairs(
    answer: StreamedAnswer, progress: Sequence[tuple[float, int]], event: re.Pattern[bytes], key: str
) -> Iterator[tuple[float, float]]:
    """For each piece when it left, and when the reader had it; one that was held back counts with the next.

    The product's guard shows no half of what may become an address: such a word waits for what follows it.
    """
    read, characters = iter(event.finditer(answer.body)), 0
    match = None
    following = [due for _sent_s, due in progress[1:]] + [0]
    for (sent_s, due), more in zip(progress, following, strict=True):
        while characters < due:
            match = next(read, None)
            if match is None:
                raise BenchError(f"{characters} of {due} characters came: {answer.body[-300:]!r}")
            value = json.loads(match[1])[key]
            characters += len(value if isinstance(value, str) else value.get("text", ""))
        if match and not due < more <= characters:
            yield sent_s, answer.was_there_s(match.end())


def _time_to_close(answers: Sequence[StreamedAnswer], streams: Sequence[dict[str, Any]]) -> Sample:
    if still := [stream for stream in streams if stream["state"] != "client_gone"]:
        raise BenchError(f"{len(still)} streams were read to the end, such as that of {still[0]['question']!r}")
    waits = [stream["ended_s"] - answer.times_s[-1] for answer, stream in zip(answers, streams, strict=True)]
    return {"p50 s": percentile(waits, 50), "max s": max(waits)}
