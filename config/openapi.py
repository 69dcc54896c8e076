"""What the API's description (docs/openapi.yaml) has beside what REST framework's views tell by themselves."""

import json
from copy import deepcopy
from functools import cache
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator

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
    found: dict[str, list[Shape]] = {}
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            shape = {name: operation[name] for name in ("parameters", "requestBody", "responses") if name in operation}
            told = {"name": f"{method.upper()} {path}", "text": operation["description"], "shape": _shown(shape)}
            found.setdefault(operation["tags"][0], []).append(told)
    shapes = schema["components"]["schemas"].items()
    return [*sorted(found.items()), ("schemas", [{"name": name, "shape": _shown(shape)} for name, shape in shapes])]


def _shown(shape: Shape) -> str:
    return json.dumps(shape, indent=2)


def _text(description: str = "", **more: str) -> Shape:
    return {"type": "string", **({"description": description} if description else {}), **more}


def _list(items: Shape) -> Shape:
    return {"type": "array", "items": items}


def _object(optional: tuple[str, ...] = (), **columns: Shape) -> Shape:
    return {"type": "object", "required": [name for name in columns if name not in optional], "properties": columns}


def _content(schema: str, content_type: str = "application/json") -> Shape:
    return {content_type: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}


_KEY = _text("Proves the conversation on another site, in the header `X-Conversation`.")
_FEEDBACK: Shape = {
    "helpful": {"type": "boolean"},
    "reason": {"type": "string", "enum": ["", "wrong", "incomplete", "unclear", "other"]},
    "text": {"type": "string", "maxLength": 1000},
}
_SCHEMAS = {
    "ChatBegun": _object(("key",), token=_text(format="uuid"), key=_KEY),
    "ChatConversation": _object(
        ("key",),
        token={"type": "string", "format": "uuid", "nullable": True, "description": "null before the first question"},
        key=_KEY,
        is_guest={"type": "boolean"},
        messages=_list(
            _object(
                reference=_text("Names the message, for instance for feedback.", format="uuid"),
                id={"type": "string", "format": "uuid", "nullable": True, "description": "The asker's own id."},
                role={"type": "string", "enum": ["question", "answer"]},
                text=_text(),
                outcome=_text("How an answer ended; empty for a question."),
                note=_text("What to say below an answer that ended early."),
                feedback={"nullable": True, "allOf": [{"$ref": "#/components/schemas/ChatFeedback"}]},
                citations=_list(
                    _object(
                        number={"type": "integer", "description": "As in the answer's mark [1]."},
                        title=_text(),
                        heading=_text(),
                        page={"type": "integer", "nullable": True},
                        passage=_text(),
                        quote=_text("The words of the passage that the answer rests on."),
                    )
                ),
            )
        ),
    ),
    "ChatFeedback": _object(("reason", "text"), **_FEEDBACK),
    "ChatFeedbackKept": _object(
        **_FEEDBACK, offer_person={"type": "boolean", "description": "Two answers of the conversation did not help."}
    ),
    "ChatQuestion": _object(
        ("conversation", "id", "keep", "service"),
        text=_text(),
        conversation=_text(format="uuid"),
        id=_text("A UUID of the asker's; asked again with it, the question is the same one.", format="uuid"),
        keep={"type": "boolean", "description": "Whether the cookie outlives the browser's session, for 180 days."},
        service=_text("The slug of the service beside whose page it is asked.", example="readiness-nis2"),
    ),
    "ChatWidget": {"type": "object", "description": "Words, stylesheets and limits, in one language."},
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

_ANYBODY: list[Shape] = [{"bearerAuth": []}, {"cookieAuth": []}, {}]
_STREAM = """The assistant's answer as a stream of server-sent events, each with one line of JSON:

- `conversation` `{"token"}` comes first; send the token with the next question to go on. A page of a site in
  `CHAT_EMBED_ORIGINS` also gets a `key` and sends that, in the header `X-Conversation`.
- `token` `{"text"}` more words of the answer.
- `citation` `{"number", "title", "heading", "page", "passage", "quote"}` a mark at this place of the answer.
- `replace` `{"text"}` what was shown so far gives way to this text.
- `done` `{"reference", "outcome", "text"}` the end; `text` is what to say below an answer that ended early.

Comments (lines that begin with a colon) keep the connection open. After a lost connection ask again with the same `id`:
the question is kept and counted once, a finished answer comes again at once, an unfinished one is made anew.

Guests may ask. Whoever sends no access token must send the CSRF cookie and `X-CSRFToken`."""
_DOORS: Shape = {
    "/api/v1/chat/conversations/current": {
        "get": {
            "operationId": "chat_conversations_current_retrieve",
            "description": "The conversation that the caller's cookie names, oldest message first.",
            "tags": ["chat"],
            "security": _ANYBODY,
            "responses": {"200": {"content": _content("ChatConversation"), "description": ""}},
        },
        "delete": {
            "operationId": "chat_conversations_current_destroy",
            "description": "Deletes what was said in the caller's conversation.",
            "tags": ["chat"],
            "security": _ANYBODY,
            "responses": {"204": {"description": "Gone, now or before."}},
        },
    },
    "/api/v1/chat/conversations": {
        "post": {
            "operationId": "chat_conversations_create",
            "description": "The caller's conversation, begun if needed: for asking a person before any question.",
            "tags": ["chat"],
            "security": _ANYBODY,
            "responses": {"201": {"content": _content("ChatBegun"), "description": ""}},
        }
    },
    "/api/v1/chat/messages/{reference}/feedback": {
        "post": {
            "operationId": "chat_messages_feedback_create",
            "description": "Whether an answer in the caller's conversation helped; given again, the last word counts.",
            "tags": ["chat"],
            "parameters": [
                {"in": "path", "name": "reference", "required": True, "schema": _text(format="uuid")},
            ],
            "requestBody": {"content": _content("ChatFeedback"), "required": True},
            "security": _ANYBODY,
            "responses": {"200": {"content": _content("ChatFeedbackKept"), "description": ""}},
        }
    },
    "/api/v1/chat/widget": {
        "get": {
            "operationId": "chat_widget_retrieve",
            "description": "What the widget is told before it can show anything; see docs/widget.md.",
            "tags": ["chat"],
            "parameters": [
                {"in": "query", "name": "language", "schema": {"type": "string", "enum": ["it", "en"]}},
            ],
            "security": [{}],
            "responses": {"200": {"content": _content("ChatWidget"), "description": ""}},
        }
    },
    "/api/v1/chat/messages": {
        "post": {
            "operationId": "chat_messages_create",
            "description": _STREAM,
            "tags": ["chat"],
            "requestBody": {"content": _content("ChatQuestion"), "required": True},
            "security": _ANYBODY,
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
