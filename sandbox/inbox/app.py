"""The page as an ASGI app: its routes, its static files, and every stand-in's control routes under /control/<name>."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from sandbox.frame import StandIn
from sandbox.inbox import render, views
from sandbox.inbox.actions import ACTIONS, FormError
from sandbox.inbox.calls import call
from sandbox.inbox.desk import Desk
from sandbox.inbox.guard import Guard

MAIL_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; "
    "img-src data: http://127.0.0.1:* http://localhost:*; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
Show = Callable[[Request, Desk], Awaitable[dict[str, Any]]]


def page_app(stand_ins: list[StandIn]) -> ASGIApp:
    """The page over these stand-ins; any may be missing."""
    desk = Desk(stand_ins)
    pages: list[tuple[str, str, Show]] = [
        ("/", "home.html", views.home),
        ("/mail", "mail_list.html", views.mail_list),
        ("/mail/{id}", "mail.html", views.mail),
        ("/pec", "pec.html", views.pec),
        ("/pec/mailbox/{uid:int}", "pec_mail.html", views.pec_mail),
        ("/sdi", "sdi.html", views.sdi),
        ("/sdi/{name}", "sdi_invoice.html", views.sdi_invoice),
        ("/payments", "payments.html", views.payments),
        ("/vies", "vies.html", views.vies),
        ("/claude", "claude.html", views.claude),
        ("/graph", "graph.html", views.graph),
        ("/authenticator", "authenticator.html", views.authenticator),
    ]
    routes: list[BaseRoute] = [
        *[Mount(f"/control/{name}", control) for name, control in desk.controls.items()],
        Mount("/static", StaticFiles(directory=Path(__file__).parent / "static")),
        Route("/mail/{id}/html", _door(_mail_html, desk)),
        Route("/mail/{id}/attachments/{name:path}", _door(_mail_attachment, desk)),
        Route("/pec/mailbox/{uid:int}/raw", _door(_pec_raw, desk)),
        Route("/do/{action}", _door(_do, desk), methods=["POST"]),
        *[Route(path, _door(_showing(template, show), desk)) for path, template, show in pages],
        Route("/{path:path}", _door(_nowhere, desk)),
    ]
    return Guard(Starlette(routes=routes))


Door = Callable[[Request, Desk], Awaitable[Response]]


def _door(handler: Door, desk: Desk) -> Callable[[Request], Awaitable[Response]]:
    """A handler with its desk; what is not there becomes a page that says so."""

    async def door(request: Request) -> Response:
        try:
            return await handler(request, desk)
        except LookupError as error:
            reason = str(error.args[0]) if error.args else "not found"
            return render.page("missing.html", {**_frame(request, desk), "reason": reason}, status=404)

    return door


def _showing(template: str, show: Show) -> Door:
    async def handler(request: Request, desk: Desk) -> Response:
        return render.page(template, {**_frame(request, desk), **await show(request, desk)})

    return handler


def _frame(request: Request, desk: Desk) -> dict[str, Any]:
    """What every page needs: the menu, where we are, and what the last form did."""
    path = request.url.path
    return {
        "menu": [
            {**entry, "here": path == entry["path"] or path.startswith(f"{entry['path']}/")} for entry in desk.menu
        ],
        "path": path,
        "done": request.query_params.get("done", ""),
        "error": request.query_params.get("error", ""),
    }


async def _do(request: Request, desk: Desk) -> Response:
    """Carry out a form and go back to its page."""
    action = ACTIONS.get(request.path_params["action"])
    if action is None or not desk.has(action.stand_in):
        raise LookupError("no such action")
    form = {name: str(value) for name, value in (await request.form()).items()}
    try:
        method, path, body = action.build(form)
    except FormError as error:
        return _back(action.page, error=str(error))
    reply = await call(desk.controls[action.stand_in], method, path, body)
    return _back(action.page, done=action.done) if reply.ok else _back(action.page, error=reply.error)


def _back(page: str, **note: str) -> Response:
    return RedirectResponse(f"{page}?{urlencode(note)}", 303)


async def _nowhere(_request: Request, _desk: Desk) -> Response:
    raise LookupError("there is no such page")


async def _mail_html(request: Request, desk: Desk) -> Response:
    """The HTML of a mail, shut in: no script, no form, no outside address; links open beside it."""
    mail = await desk.ask("graph", f"/messages/{request.path_params['id']}")
    content = f'<!doctype html><base target="_blank">{mail["html"]}'
    headers = {"content-security-policy": MAIL_POLICY}
    return Response(content, media_type="text/html", headers=headers)


async def _mail_attachment(request: Request, desk: Desk) -> Response:
    name = request.path_params["name"]
    reply = await desk.reply("graph", f"/messages/{request.path_params['id']}/attachments/{name}")
    return views.download(reply.body, name)


async def _pec_raw(request: Request, desk: Desk) -> Response:
    uid = request.path_params["uid"]
    reply = await desk.reply("pec", f"/mailbox/{uid}")
    return views.download(reply.body, f"{uid}.eml")
