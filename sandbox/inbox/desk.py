"""The stand-ins that are there, asked through their control routes."""

from typing import Any

from starlette.types import ASGIApp

from sandbox.frame import StandIn
from sandbox.inbox.calls import Reply, call

PAGES = (
    ("/mail", "Mail", "graph"),
    ("/pec", "PEC", "pec"),
    ("/sdi", "SDI", "pec"),
    ("/payments", "Payments", "stripe"),
    ("/vies", "VIES", "vies"),
    ("/claude", "Claude", "claude"),
    ("/graph", "Graph", "graph"),
)


class Desk:
    """The stand-ins that are there, and how to ask them."""

    def __init__(self, stand_ins: list[StandIn]) -> None:
        self.stand_ins = {stand_in.name: stand_in for stand_in in stand_ins}
        self.controls: dict[str, ASGIApp] = {name: each.control_app() for name, each in self.stand_ins.items()}

    def has(self, name: str) -> bool:
        return name in self.controls

    async def ask(self, name: str, path: str, **query: str) -> Any:
        """What a control route answers to GET. Raises LookupError for what is not there."""
        reply = await self.reply(name, path, **query)
        return reply.json()

    async def reply(self, name: str, path: str, **query: str) -> Reply:
        if not self.has(name):
            raise LookupError(f"the {name} stand-in does not run")
        reply = await call(self.controls[name], "GET", path, **query)
        if not reply.ok:
            raise LookupError(reply.error)
        return reply

    @property
    def menu(self) -> list[dict[str, str]]:
        pages = [{"path": path, "title": title} for path, title, name in PAGES if self.has(name)]
        return [*pages, {"path": "/authenticator", "title": "Authenticator"}]
