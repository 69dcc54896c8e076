"""What each page shows: one function per page, control routes in, template context out."""

import asyncio
import json
import time
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from sandbox import claude as claude_stand_in
from sandbox import graph as graph_stand_in
from sandbox.claude.server import MODES, STREAM_FAULTS
from sandbox.inbox import certified
from sandbox.inbox.authenticator import code_of, seconds_left
from sandbox.inbox.desk import Desk
from sandbox.inbox.render import money, when

MAX_ROWS = 100
ABOUT = {
    "stripe": ("Stripe", "/payments", "Payments, subscriptions, refunds and signed webhooks."),
    "claude": ("Claude", "/claude", "Answers from the passages it is sent, with citations."),
    "graph": ("Microsoft Graph", "/mail", "Takes all ordinary mail; nothing leaves this machine."),
    "pec": ("PEC and SDI", "/sdi", "Certified mail, receipts, and the checks of the Sistema di Interscambio."),
    "vies": ("VIES", "/vies", "Knows which VAT numbers of the Union are valid."),
}
OUTCOMES = ("decline", "insufficient_funds", "expired", "require_action", "processing", "succeed")
PROVIDER_OUTCOMES = (
    "non-accettazione", "virus", "accettazione", "errore-consegna", "preavviso-errore-consegna", "silence",
)  # fmt: skip
SDI_MESSAGES = ("RC", "MC", "NS", "NE", "DT", "AT")


def download(body: bytes, name: str) -> Response:
    """A file to save, never to show: whatever it is, the browser runs nothing of it."""
    headers = {"content-disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"}
    return Response(body, media_type="application/octet-stream", headers=headers)


async def home(_request: Request, desk: Desk) -> dict[str, Any]:
    cards = []
    for name, stand_in in desk.stand_ins.items():
        title, page, about = ABOUT.get(name, (name, "", ""))
        state, faults = await asyncio.gather(_state(name, desk), desk.ask(name, "/faults"))
        addresses = [
            (key, value)
            for key, value in stand_in.env().items()
            if key.endswith(("URL", "BASE", "ENDPOINT", "HOST", "PORT"))
        ]
        cards.append(
            {
                "title": title,
                "page": page,
                "about": about,
                "state": state,
                "faults": len(faults),
                "addresses": addresses,
            }
        )
    return {"cards": cards}


async def _state(name: str, desk: Desk) -> str:
    """One line on how a stand-in fares."""
    if name == "graph":
        mails, tokens = await asyncio.gather(desk.ask("graph", "/messages"), desk.ask("graph", "/tokens"))
        return f"{_count(len(mails), 'mail')} caught, {_count(tokens['issued'], 'token')} issued"
    if name == "claude":
        mode, streams = await asyncio.gather(desk.ask("claude", "/mode"), desk.ask("claude", "/open-streams"))
        return f"mode {mode['mode']}, {_count(streams['open'], 'open stream')}"
    if name == "stripe":
        deliveries = await desk.ask("stripe", "/deliveries")
        suffix = ", held" if deliveries["hold"] else ""
        return f"{_count(len(deliveries['pending']), 'webhook')} waiting{suffix}"
    if name == "pec":
        invoices, settings = await asyncio.gather(desk.ask("pec", "/invoices"), desk.ask("pec", "/settings"))
        return f"{_count(len(invoices), 'invoice')} received{', answers held' if settings['hold'] else ''}"
    if name == "vies":
        state = await desk.ask("vies", "/state")
        down = state["member_states_down"]
        return f"{state['state']}{', without ' + ' '.join(down) if down else ''}"
    return "running"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


async def mail_list(request: Request, desk: Desk) -> dict[str, Any]:
    to, subject = request.query_params.get("to", "").strip(), request.query_params.get("subject", "").strip()
    mails = await desk.ask("graph", "/messages", to=to, subject=subject)
    return {"mails": [_add_time(mail) for mail in mails[:MAX_ROWS]], "total": len(mails), "to": to, "subject": subject}


def _add_time(row: dict[str, Any], key: str = "at") -> dict[str, Any]:
    return {**row, "when": when(row.get(key))}


async def mail(request: Request, desk: Desk) -> dict[str, Any]:
    row = await desk.ask("graph", f"/messages/{request.path_params['id']}")
    attachments = [{**each, "href": quote(each["name"], safe="")} for each in row["attachments"]]
    return {"mail": {**_add_time(row), "attachments": attachments}}


async def pec(_request: Request, desk: Desk) -> dict[str, Any]:
    outgoing, mailbox, settings, plans = await asyncio.gather(
        desk.ask("pec", "/outgoing"),
        desk.ask("pec", "/mailbox"),
        desk.ask("pec", "/settings"),
        desk.ask("pec", "/next"),
    )
    return {
        "outgoing": [_add_time(item, "sent_at") for item in _newest(outgoing, "id")],
        "mailbox": _newest(mailbox, "uid"),
        "settings": settings,
        "plans": plans["plans"],
        "smtp_faults": plans["smtp"],
        "provider_outcomes": PROVIDER_OUTCOMES,
    }


def _newest(rows: list[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: row[key], reverse=True)[:MAX_ROWS]


async def pec_mail(request: Request, desk: Desk) -> dict[str, Any]:
    uid = request.path_params["uid"]
    reply = await desk.reply("pec", f"/mailbox/{uid}")
    return {"uid": uid, "reading": certified.read(reply.body)}


async def sdi(_request: Request, desk: Desk) -> dict[str, Any]:
    invoices, plans = await asyncio.gather(desk.ask("pec", "/invoices"), desk.ask("pec", "/next"))
    rows = [
        {**_add_time(invoice, "received_at"), "messages": [_add_time(message) for message in invoice["messages"]]}
        for invoice in sorted(invoices, key=lambda row: row["received_at"], reverse=True)[:MAX_ROWS]
    ]
    return {"invoices": rows, "plans": plans["plans"], "kinds": SDI_MESSAGES}


async def sdi_invoice(request: Request, desk: Desk) -> dict[str, Any]:
    name = request.path_params["name"]
    reply = await desk.reply("pec", f"/invoices/{name}")
    xml = certified.pretty_xml(reply.body) or reply.body.decode("utf-8", "replace")
    return {"name": name, "xml": xml}


async def payments(_request: Request, desk: Desk) -> dict[str, Any]:
    intents, deliveries = await asyncio.gather(
        desk.ask("stripe", "/objects/payment_intent"), desk.ask("stripe", "/deliveries")
    )
    rows = [
        {
            **intent,
            "when": when(intent.get("created")),
            "money": money(intent["amount"], intent["currency"]),
            "trouble": (intent.get("last_payment_error") or {}).get("message", ""),
        }
        for intent in _newest(intents, "created")
    ]
    delivery_rows = [*reversed(deliveries["pending"]), *reversed(deliveries["done"])][:MAX_ROWS]
    return {"intents": rows, "deliveries": delivery_rows, "hold": deliveries["hold"], "outcomes": OUTCOMES}


async def vies(_request: Request, desk: Desk) -> dict[str, Any]:
    state, numbers, requests = await asyncio.gather(
        desk.ask("vies", "/state"), desk.ask("vies", "/numbers"), desk.ask("vies", "/requests")
    )
    return {
        "state": state,
        "down": " ".join(state["member_states_down"]),
        "states": ("up", "down", "slow"),
        "numbers": [{"number": number, **company} for number, company in numbers.items()],
        "requests": [_add_time(row) for row in requests],
    }


async def claude(_request: Request, desk: Desk) -> dict[str, Any]:
    requests, mode, pace, faults, stream_faults, streams = await asyncio.gather(
        *(
            desk.ask("claude", path)
            for path in ("/requests", "/mode", "/pace", "/faults", "/stream-fault", "/open-streams")
        )
    )
    rows = [{**_add_time(row), "short": _short(row["answer"]), "pretty": _pretty(row["body"])} for row in requests[:20]]
    return {
        "requests": rows,
        "mode": mode["mode"],
        "script": len(mode["script"]),
        "modes": [each for each in MODES if each != "scripted" or mode["mode"] == "scripted"],
        "pace": pace,
        "faults": faults,
        "stream_faults": stream_faults,
        "streams": [_add_time(row) for row in streams["streams"][:20]],
        "http_faults": list(claude_stand_in.HTTP_FAULTS),
        "stream_fault_kinds": STREAM_FAULTS,
    }


def _short(text: str) -> str:
    return text if len(text) <= 110 else f"{text[:109]}…"


def _pretty(body: Any) -> str:
    return json.dumps(body, indent=2, ensure_ascii=False)


async def graph(_request: Request, desk: Desk) -> dict[str, Any]:
    limits, tokens, bounces, faults = await asyncio.gather(
        *(desk.ask("graph", path) for path in ("/limits", "/tokens", "/bounce", "/faults"))
    )
    return {
        "limits": limits,
        "tokens": tokens["issued"],
        "bounces": [{"address": address, "status": status} for address, status in bounces.items()],
        "faults": faults,
        "http_faults": list(graph_stand_in.HTTP_FAULTS),
    }


async def authenticator(request: Request, _desk: Desk) -> dict[str, Any]:
    """The code of a key at this moment, or what is wrong with the key."""
    key, now = request.query_params.get("key", ""), time.time()
    context = {"key": key, "code": "", "problem": "", "seconds": seconds_left(now)}
    try:
        return {**context, "code": code_of(key, now) if key else ""}
    except ValueError as error:
        return {**context, "problem": str(error)}
