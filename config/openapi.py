"""What the API's description (docs/openapi.yaml) has beside what REST framework's views tell by themselves."""

import json
from copy import deepcopy
from functools import cache
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator

from chatbot.conversations.callers import ANYBODY
from chatbot.models import Message
from core.web.problems import CONTENT_TYPE

Shape = dict[str, Any]


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """`Authorization: Bearer <access token>`; known once this module is imported."""

    target_class = "accounts.login.authentication.BearerAuthentication"
    name = "bearerAuth"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}


def complete(result: Shape, **_about: Any) -> Shape:
    """The description with the doors that stand outside REST framework, and a problem+json answer for each.

    Without the columns' names: they are for people, change with the language, and tell a program nothing.
    """
    components = result["components"]
    for schema in components["schemas"].values():
        for column in schema.get("properties", {}).values():
            column.pop("title", None)
    components["schemas"] |= deepcopy(_SCHEMAS)
    components["responses"] = {"Problem": {"description": "Refused.", "content": _content("Problem", CONTENT_TYPE)}}
    result["paths"] = dict(sorted((result["paths"] | deepcopy(_DOORS)).items()))
    for operations in result["paths"].values():
        for operation in operations.values():
            operation["responses"]["default"] = {"$ref": "#/components/responses/Problem"}
    return result


@cache
def sections() -> list[tuple[str, list[Shape]]]:
    """The API for a page to show: by tag its operations, then the shapes they name."""
    schema = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    by_tag: dict[str, list[Shape]] = {}
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            shape = {name: operation[name] for name in ("parameters", "requestBody", "responses") if name in operation}
            entry = {"name": f"{method.upper()} {path}", "text": operation["description"], "shape": _dump(shape)}
            by_tag.setdefault(operation["tags"][0], []).append(entry)
    shapes = schema["components"]["schemas"].items()
    return [*sorted(by_tag.items()), ("schemas", [{"name": name, "shape": _dump(shape)} for name, shape in shapes])]


def _dump(shape: Shape) -> str:
    return json.dumps(shape, indent=2)


def _text(description: str = "", **more: Any) -> Shape:
    return {"type": "string", **({"description": description} if description else {}), **more}


def _list(items: Shape) -> Shape:
    return {"type": "array", "items": items}


def _object(optional: tuple[str, ...] = (), **columns: Shape) -> Shape:
    return {"type": "object", "required": [name for name in columns if name not in optional], "properties": columns}


def _event(optional: tuple[str, ...] = (), **columns: Shape) -> Shape:
    return {**_object(optional, **columns), "additionalProperties": False}


def _content(schema: str, content_type: str = "application/json") -> Shape:
    return {content_type: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}


_QUESTION = _object(
    ("conversation", "id", "keep", "service"),
    text=_text(),
    conversation=_text("A signed-in customer's own; a guest's goes on by its cookie or the key alone.", format="uuid"),
    id=_text("A UUID of the asker's; asked again with it, the question is the same one.", format="uuid"),
    keep={"type": "boolean", "description": "Whether the cookie outlives the browser's session, for 180 days."},
    service=_text("The slug of the service beside whose page it is asked.", example="readiness-nis2"),
)
# The data of each event of the stream, by its name (chatbot/conversations/sse.py).
EVENTS = {
    "conversation": _event(
        ("key",),
        token=_text("Goes with the next question, to go on.", format="uuid"),
        key=_text("On a site in `CHAT_EMBED_ORIGINS` only: goes with the next request in the header `X-Conversation`."),
    ),
    "token": _event(text=_text("More words of the answer.")),
    "citation": _event(
        ("url",),
        number={"type": "integer", "description": "As in the answer's mark [1], which stands at this place."},
        title=_text(),
        heading=_text(),
        page={"type": "integer", "nullable": True},
        passage=_text(),
        quote=_text("The words of the passage that the answer rests on."),
        url=_text("Where the customer's own order or invoice is."),
    ),
    "replace": _event(text=_text("What was shown so far gives way to this text.")),
    "done": _event(
        reference=_text("Names the answer, for instance for feedback.", format="uuid"),
        outcome=_text("How it ended.", enum=Message.Outcome.values),
        text=_text("What to say below an answer that ended early."),
        may_retry={"type": "boolean", "description": "Whether asking the same again may bring a better end."},
    ),
}
_SCHEMAS = {
    "ChatQuestion": _QUESTION,
    **{f"Chat{name.title()}Event": schema for name, schema in EVENTS.items()},
    "Problem": _object(
        ("errors",),
        type=_text(example="urn:problem:invalid"),
        title=_text("For the person who asked, in the language of the request."),
        status={"type": "integer", "example": 400},
        code=_text("For programs; stable.", example="invalid"),
        errors=_list(_object(field=_text(), code=_text(), message=_text())),
    ),
    "StripeEvent": {"type": "object"},
}

_STREAM = """The assistant's answer as a stream of server-sent events, each with one line of JSON: `conversation` comes
first (`ChatConversationEvent`), then `token`, `citation` and `replace` (`ChatTokenEvent`, `ChatCitationEvent`,
`ChatReplaceEvent`) as they come, and `done` (`ChatDoneEvent`) is the end.

Comments (lines that begin with a colon) keep the connection open. After a lost connection ask again with the same `id`:
the question is kept and counted once, a finished answer comes again at once, an unfinished one is made anew.

Guests may ask. Whoever sends no access token must send the CSRF cookie and `X-CSRFToken`."""
_DOORS: Shape = {
    "/api/v1/chat/messages": {
        "post": {
            "operationId": "chat_messages_create",
            "description": _STREAM,
            "tags": ["chat"],
            "requestBody": {"content": _content("ChatQuestion"), "required": True},
            "security": ANYBODY,
            "responses": {"200": {"content": {"text/event-stream": {"schema": _text()}}, "description": ""}},
        }
    },
    "/api/v1/webhooks/stripe": {
        "post": {
            "operationId": "webhooks_stripe_create",
            "description": "For Stripe alone: an event with its signature is kept and answered at once.",
            "tags": ["webhooks"],
            "parameters": [{"in": "header", "name": "Stripe-Signature", "required": True, "schema": _text()}],
            "requestBody": {"content": _content("StripeEvent"), "required": True},
            "security": [{}],
            "responses": {"200": {"description": "Kept, now or before."}},
        }
    },
}
