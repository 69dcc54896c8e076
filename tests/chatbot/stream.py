"""Asking over the web as the tests of the doors do it: what is sent, and the events that come back."""

import json
from collections.abc import Callable
from typing import Any

from asgiref.sync import async_to_sync
from django.http import HttpResponse
from django.test import AsyncClient
from openapi_schema_validator import OAS30Validator, oas30_format_checker

from accounts.models import User
from config.openapi import EVENTS
from tests.factories import sign_in

URL = "/api/v1/chat/messages"
CURRENT = "/api/v1/chat/conversations/current"
QUESTION = "Entro quante ore va notificata la violazione dei dati?"
FOREIGN = "Qual è la ricetta della carbonara?"


def client_of(user: User) -> AsyncClient:
    client = AsyncClient()
    sign_in(client, user)
    return client


def send(client: AsyncClient, method: str, path: str, body: Any = None, **headers: str) -> tuple[HttpResponse, bytes]:
    """The answer and its whole body, read to the end."""

    async def call() -> tuple[Any, bytes]:
        content = body if isinstance(body, str | bytes) else json.dumps(body)
        more = {} if body is None else {"data": content, "content_type": "application/json"}
        response: Any = await getattr(client, method.lower())(path, headers=headers, **more)
        if response.streaming:
            return response, b"".join([part async for part in response.streaming_content])
        return response, response.content

    return async_to_sync(call)()


def events_of(body: bytes) -> list[tuple[str, Any]]:
    """Name and data of each event, each as the API's description has it; comments are none."""
    events = []
    for block in body.decode().removesuffix("\n\n").split("\n\n"):
        if not block.startswith(":"):
            name, data = block.split("\n")
            events.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
            check_described(*events[-1])
    return events


def check_described(name: str, data: Any) -> None:
    """That the API's description has this event, with these fields and values."""
    OAS30Validator(EVENTS[name], format_checker=oas30_format_checker).validate(data)


def post_question(
    client: AsyncClient, text: str, headers: dict[str, str] | None = None, **more: Any
) -> list[tuple[str, Any]]:
    """The events a question is answered with."""
    response, body = send(client, "POST", URL, {"text": text, **more}, **(headers or {}))
    assert response.status_code == 200, body
    return events_of(body)


def get_problem(client: AsyncClient, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, str]:
    """Status and code of a problem."""
    response, content = send(client, method, path, body, **headers)
    assert response["Content-Type"] == "application/problem+json"
    return response.status_code, json.loads(content)["code"]


def get_conversation(client: AsyncClient, **headers: str) -> Any:
    """The conversation as the door gives it."""
    return json.loads(send(client, "GET", CURRENT, **headers)[1])


def get_messages(client: AsyncClient, **headers: str) -> list[tuple[str, str]]:
    """Who said what in the conversation as the door gives it."""
    return [(message["role"], message["text"]) for message in get_conversation(client, **headers)["messages"]]


def text_of(events: list[tuple[str, Any]]) -> str:
    """What a reader has in the end."""
    text = ""
    for name, data in events:
        if name == "token":
            text += data["text"]
        elif name == "replace":
            text = data["text"]
        elif name == "citation" and not text.endswith(f"[{data['number']}]"):
            text += f"[{data['number']}]"
    return text


def call_until_refused(call: Callable[[], Any], *, most: int) -> list[Any]:
    """What a limited door answers until it says 429; a slow machine gives time back between two tries."""
    codes: list[Any] = []
    while len(codes) < most and (not codes or codes[-1] != 429):
        codes.append(call())
    return codes
