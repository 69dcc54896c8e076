"""The first words of an answer, fifty streams at once: how much later than from the model's stand-in they arrive.

Both figures are read off one clock. The bare relay passes the same stand-in's stream on without doing anything.
"""

from collections.abc import Sequence
from typing import Any

from bench.chat import Asker, Summarize, pace
from bench.frame import Report, Sample, Spread, Target, measure, percentile
from bench.instance import instance
from bench.wire import StreamedAnswer

STREAMS = 50
# long enough that all fifty questions have been asked before the first answer begins, as with a real model
FIRST_BYTE_S = 1.5
TOKEN_S = 0.03  # about as fast as the model writes


def run(rounds: int, warmup: int) -> Report:
    """Milliseconds from the stand-in's first words, leaving, to the same words arriving at the reader."""
    with instance() as here:
        pace(here, first_byte_s=FIRST_BYTE_S, token_s=TOKEN_S)
        asker = Asker(here, STREAMS)
        candidates = {
            "product": asker.product(_first_words(b"event: token")),
            "bare relay": asker.relay(_first_words(b"content_block_delta")),
        }
        figures = measure(candidates, rounds, warmup)
        target = Target("p95, ms after the stand-in's first words", Spread.of(figures.values("product", "p95 ms")), 50)
        over = figures.ratio("product", "bare relay", "p50 ms")
        return Report("stream", figures, [target], here.postgresql, {"p50, product / bare relay": str(over)})


def _first_words(mark: bytes) -> Summarize:
    def summarize(answers: Sequence[StreamedAnswer], streams: Sequence[dict[str, Any]]) -> Sample:
        delays = [
            (answer.came_s(mark) - stream["progress"][0][0]) * 1000
            for answer, stream in zip(answers, streams, strict=True)
        ]
        return {"p50 ms": percentile(delays, 50), "p95 ms": percentile(delays, 95)}

    return summarize
