"""Run every stand-in in one process: `python -m sandbox --data DIR [--page-port 8100] [--addresses FILE]`.

Writes the settings that point the product here as JSON to `--addresses` once all servers answer, and serves until
interrupted. `--webhook-url` is where the payment stand-in posts its events.
"""

import argparse
import asyncio
import contextlib
import gc
import json
import signal
import sys
from pathlib import Path

from sandbox.certificates import Authority
from sandbox.claude import ClaudeStandIn
from sandbox.frame import StandIn, free_port, serve
from sandbox.graph import GraphStandIn
from sandbox.inbox import page_app
from sandbox.pec import PecStandIn
from sandbox.stripe import StripeStandIn
from sandbox.vies import ViesStandIn


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder for state that outlives a restart")
    parser.add_argument("--page-port", type=int, default=0, help="port of the sandbox's page (0: any free port)")
    parser.add_argument("--addresses", type=Path, help="file to write the product's settings to, as JSON")
    parser.add_argument("--webhook-url", default="", help="where the Stripe stand-in posts its events")
    return parser.parse_args()


async def run(arguments: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    arguments.data.mkdir(parents=True, exist_ok=True)
    authority = Authority(arguments.data / "tls")
    stand_ins: list[StandIn] = [
        StripeStandIn(arguments.data, webhook_url=arguments.webhook_url),
        ClaudeStandIn(arguments.data),
        GraphStandIn(arguments.data),
        PecStandIn(arguments.data, authority=authority),
        ViesStandIn(arguments.data),
    ]
    async with contextlib.AsyncExitStack() as stack:
        for stand_in in stand_ins:
            port = free_port()
            stand_in.url = f"{'https' if stand_in.tls else 'http'}://127.0.0.1:{port}"
            certificate = authority.certificate if stand_in.tls else None
            await stack.enter_async_context(serve(stand_in.app(), port, certificate=certificate))
            await stand_in.start()
            stack.push_async_callback(stand_in.stop)
        page_port = arguments.page_port or free_port()
        await stack.enter_async_context(serve(page_app(stand_ins), page_port))
        env = {"SANDBOX_URL": f"http://127.0.0.1:{page_port}", "SANDBOX_CA_FILE": str(authority.root)}
        for stand_in in stand_ins:
            env |= stand_in.env()
        if arguments.addresses:
            # written under another name first, so that whoever waits for the file never reads half of it
            draft = arguments.addresses.with_suffix(".part")
            draft.write_text(json.dumps(env, indent=2))
            draft.replace(arguments.addresses)
        # walked over and over, what is loaded for good would hold up streams that are being timed
        gc.collect()
        gc.freeze()
        print(f"sandbox ready: {env['SANDBOX_URL']}", flush=True)
        await stop.wait()


def main() -> int:
    try:
        asyncio.run(run(parse_arguments()))
    except OSError as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
