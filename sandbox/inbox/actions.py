"""The forms of the pages: each becomes one call of a control route."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox import claude, graph

Form = Mapping[str, str]
Call = tuple[str, str, Any]


class FormError(Exception):
    """What was filled in makes no sense; the message says why."""


@dataclass(frozen=True)
class Action:
    """`done` is what the page says afterwards; `build` makes method, path and body from the form."""

    stand_in: str
    page: str
    done: str
    build: Callable[[Form], Call]


def _number(form: Form, name: str) -> float:
    try:
        return float(form.get(name, "").replace(",", "."))
    except ValueError:
        raise FormError(f"{name}: a number is needed") from None


def _words(form: Form, name: str) -> list[str]:
    return [word for word in re.split(r"[\s,;]+", form.get(name, "").strip()) if word]


def _one_of(form: Form, name: str, choices: Mapping[str, Any]) -> Any:
    if form.get(name) not in choices:
        raise FormError(f"{name}: one of {', '.join(choices)}")
    return choices[form[name]]


def _sdi_plan(form: Form) -> Call:
    plan: dict[str, Any] = {}
    kind, codes = form.get("sdi", ""), _words(form, "codes")
    if kind == "NS" and codes:
        plan["sdi"] = {"NS": codes}
    elif kind:
        plan["sdi"] = kind
    if form.get("provider"):
        plan["provider"] = form["provider"]
    if form.get("smtp_code"):
        plan["smtp"] = {"at": form.get("smtp_at", "DATA"), "code": int(_number(form, "smtp_code"))}
    if not plan:
        raise FormError("choose what shall happen next")
    return ("POST", "/next", plan)


def _sdi_message(form: Form) -> Call:
    body: dict[str, Any] = {"kind": form.get("kind", "")}
    if body["kind"] == "NS" and _words(form, "codes"):
        body["codes"] = _words(form, "codes")
    if body["kind"] == "NE":
        body["outcome"] = form.get("outcome") or "EC01"
    if form.get("duplicate"):
        body["duplicate"] = 1
    if form.get("anomaly"):
        body["anomaly"] = True
    return ("POST", f"/invoices/{form.get('name', '')}/message", body)


def _stream_fault(form: Form) -> Call:
    body = {"kind": form.get("kind", ""), "after_deltas": int(_number(form, "after_deltas")), "times": 1}
    return ("POST", "/stream-fault", body)


def _vies_number(form: Form) -> Call:
    body = {"number": form.get("number", ""), "valid": form.get("valid") == "yes", "name": form.get("name", "")}
    return ("POST", "/numbers", body)


ACTIONS: dict[str, Action] = {
    "clear-mail": Action("graph", "/mail", "All mail was deleted.", lambda _: ("DELETE", "/messages", None)),
    "graph-fault": Action(
        "graph",
        "/graph",
        "The next request to Graph fails.",
        lambda form: ("POST", "/faults", _one_of(form, "fault", graph.HTTP_FAULTS)),
    ),
    "expire-tokens": Action("graph", "/graph", "All tokens have expired.", lambda _: ("POST", "/expire-tokens", None)),
    "graph-limits": Action(
        "graph",
        "/graph",
        "The limits have changed.",
        lambda form: (
            "POST",
            "/limits",
            {"per_minute": int(_number(form, "per_minute")), "concurrent": int(_number(form, "concurrent"))},
        ),
    ),
    "bounce": Action(
        "graph",
        "/graph",
        "Mail to this address bounces from now on.",
        lambda form: ("POST", "/bounce", {"to": form.get("to", ""), "status": form.get("status", "5.1.1")}),
    ),
    "clear-bounces": Action("graph", "/graph", "Nothing bounces any more.", lambda _: ("DELETE", "/bounce", None)),
    "next-card": Action(
        "stripe",
        "/payments",
        "The next card does so.",
        lambda form: ("POST", "/next-card", {"outcome": form.get("outcome", "")}),
    ),
    "authorize": Action(
        "stripe",
        "/payments",
        "The bank has answered.",
        lambda form: (
            "POST",
            f"/payment_intents/{form.get('id', '')}/authorize",
            {"succeed": form.get("succeed") == "yes"},
        ),
    ),
    "hold": Action(
        "stripe",
        "/payments",
        "Webhooks have changed their way.",
        lambda form: ("POST", "/deliveries/hold", {"hold": form.get("hold") == "yes"}),
    ),
    "redeliver": Action(
        "stripe",
        "/payments",
        "The event is sent again.",
        lambda form: ("POST", f"/events/{form.get('event', '')}/redeliver", {}),
    ),
    "pec-settings": Action(
        "pec",
        "/pec",
        "The settings have changed.",
        lambda form: (
            "POST",
            "/settings",
            {
                "receipt_delay_s": _number(form, "receipt_delay_s"),
                "sdi_delay_s": _number(form, "sdi_delay_s"),
                "hold": form.get("hold") == "yes",
            },
        ),
    ),
    "pec-release": Action("pec", "/pec", "What was held is on its way.", lambda _: ("POST", "/release", {})),
    "pec-next": Action("pec", "/pec", "The next message is treated so.", _sdi_plan),
    "sdi-next": Action("pec", "/sdi", "The next invoice is treated so.", _sdi_plan),
    "clear-plans": Action("pec", "/sdi", "No plans are left.", lambda _: ("DELETE", "/next", None)),
    "sdi-message": Action("pec", "/sdi", "SDI has sent the message.", _sdi_message),
    "vies-state": Action(
        "vies",
        "/vies",
        "The service has changed.",
        lambda form: (
            "POST",
            "/state",
            {
                "state": form.get("state", ""),
                "member_states_down": [word.upper() for word in _words(form, "member_states_down")],
                "slow_s": _number(form, "slow_s"),
            },
        ),
    ),
    "vies-number": Action("vies", "/vies", "The register knows the number.", _vies_number),
    "claude-mode": Action(
        "claude",
        "/claude",
        "The mode has changed.",
        lambda form: ("POST", "/mode", {"mode": form.get("mode", "")}),
    ),
    "claude-pace": Action(
        "claude",
        "/claude",
        "The pace has changed.",
        lambda form: (
            "POST",
            "/pace",
            {"first_byte_s": _number(form, "first_byte_s"), "token_s": _number(form, "token_s")},
        ),
    ),
    "claude-fault": Action(
        "claude",
        "/claude",
        "The next request to Claude fails.",
        lambda form: ("POST", "/faults", _one_of(form, "fault", claude.HTTP_FAULTS)),
    ),
    "stream-fault": Action("claude", "/claude", "The next stream is disturbed.", _stream_fault),
    "clear-claude-faults": Action("claude", "/claude", "No faults are waiting.", lambda _: ("DELETE", "/faults", None)),
    "clear-stream-faults": Action(
        "claude", "/claude", "No stream faults are waiting.", lambda _: ("DELETE", "/stream-fault", None)
    ),
    "clear-graph-faults": Action("graph", "/graph", "No faults are waiting.", lambda _: ("DELETE", "/faults", None)),
}
