"""The assistant's doors: the streamed answer for widget and app, and a page that works without script."""

import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from http import HTTPStatus
from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync, sync_to_async
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.signing import BadSignature
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.shortcuts import redirect, render
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST
from rest_framework.exceptions import APIException
from rest_framework.request import Request

from accounts.authentication import BearerAuthentication
from chatbot import services, sse
from chatbot.answers import answer, ending
from chatbot.models import Citation, Conversation, Message
from core.errors import DomainError
from core.offload import gives_back
from core.problems import problem_response
from core.ratelimit import TooManyRequestsError, client_ip

COOKIE = "conversation"
COOKIE_AGE_S = int(services.RETENTION.total_seconds())
_SHOWN = 50


class StalePageError(DomainError):
    """The CSRF token does not fit the cookie: somebody signed in or out since, or it is not our page."""

    code = "csrf"
    status = 403

    def __init__(self) -> None:
        super().__init__(_("This page is too old to ask from: please reload it."))


@csrf_exempt  # checked below, for callers that come with a cookie
@login_not_required
@require_POST
async def post_message(request: HttpRequest) -> HttpResponseBase:
    """Answer a question as server-sent events: conversation, token…, citation…, replace, done."""
    try:
        # gives its connection back: the request, and with it what the thread holds, lasts as long as the stream
        question = await sync_to_async(gives_back(_keep_question))(request)
    except TooManyRequestsError as error:
        refusal = problem_response(error.status, error.code, str(error.message))
        refusal["Retry-After"] = str(error.retry_after_s)
        return refusal
    except DomainError as error:
        return problem_response(error.status, error.code, str(error.message))
    except APIException as error:
        return problem_response(error.status_code, "token_invalid", str(error.detail))
    conversation = question.conversation
    events = answer(question=question, conversation=conversation)
    response = StreamingHttpResponse(
        _closing(sse.stream(events, conversation=str(conversation.token)), events), content_type="text/event-stream"
    )
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"
    _remember(response, conversation)
    return response


async def _closing(stream: AsyncIterator[bytes], events: Any) -> AsyncIterator[bytes]:
    """End the work behind the stream as soon as the reader is gone."""
    async with aclosing(events), aclosing(stream) as parts:  # type: ignore[type-var]
        async for part in parts:
            yield part


def _keep_question(request: HttpRequest) -> Message:
    user = _caller(request)
    try:
        body = json.loads(request.body)
        text, token = body.get("text"), body.get("conversation")
    except (ValueError, AttributeError, RecursionError):
        text, token = None, None
    return services.ask(
        text=text,
        token=_known_token(request) if token is None else _as_token(token),
        user=user,
        language=translation.get_language() or "it",
        ip=client_ip(request),
        now=timezone.now(),
    )


def _as_token(value: Any) -> str | None:
    try:
        return str(UUID(str(value)))
    except ValueError:
        return None


def _caller(request: HttpRequest) -> Any:
    """The user by token or by session; whoever comes with a session must show the CSRF token too."""
    if found := BearerAuthentication().authenticate(Request(request)):
        return found[0]
    if CsrfViewMiddleware(_protected).process_view(request, _protected, (), {}) is not None:
        raise StalePageError
    return request.user


def _protected(_request: HttpRequest) -> HttpResponse:
    """What the CSRF check is told it protects: anything that is not exempt."""
    return HttpResponse()


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def show_assistant(request: HttpRequest) -> HttpResponse:
    """The assistant as a page: with script the same widget, without it a form and the conversation below."""
    error, status = "", HTTPStatus.OK.value
    if request.method == "POST":
        try:
            question = services.ask(
                text=request.POST.get("text", ""),
                token=_known_token(request),
                user=request.user,
                language=translation.get_language() or "it",
                ip=client_ip(request),
                now=timezone.now(),
            )
        except DomainError as refused:
            error, status = str(refused.message), refused.status
        else:
            async_to_sync(_drain)(question)
            response = redirect("chatbot:show_assistant")
            _remember(response, question.conversation)
            return response
    context = {"chat_messages": _said(request), "error": error, "asked": request.POST.get("text", "")}
    return render(request, "chatbot/assistant.html", context, status=status)


async def _drain(question: Message) -> None:
    async for _event in answer(question=question, conversation=question.conversation):
        pass


@login_not_required
@require_http_methods(["GET", "HEAD"])
def show_conversation(request: HttpRequest) -> JsonResponse:
    """The caller's conversation for the widget: what was said before this page was opened."""
    response = JsonResponse({"messages": [_as_json(message) for message in _said(request)]})
    response["Cache-Control"] = "no-store"
    return response


def _said(request: HttpRequest) -> list[Message]:
    """The last messages of the caller's conversation, oldest first."""
    token = _known_token(request)
    if token is None:
        return []
    visible = Conversation.objects.visible_to(user=request.user, token=token).filter(token=token)
    citations = Prefetch("citations", Citation.objects.order_by("number"))
    messages = (
        Message.objects.filter(conversation__in=visible).select_related("conversation").prefetch_related(citations)
    )
    return list(messages.order_by("-pk")[:_SHOWN])[::-1]


def _as_json(message: Message) -> dict[str, Any]:
    return {
        "role": message.role,
        "text": message.text,
        "outcome": message.outcome,
        "note": ending(message.outcome, message.conversation.language),
        "citations": [
            {
                "number": cite.number, "title": cite.title, "heading": cite.heading, "page": cite.page,
                "passage": cite.passage, "quote": cite.quote,
            }
            for cite in message.citations.all()
        ],
    }  # fmt: skip


def _known_token(request: HttpRequest) -> str | None:
    try:
        return str(request.get_signed_cookie(COOKIE, max_age=COOKIE_AGE_S))
    except (KeyError, BadSignature):
        return None


def _remember(response: HttpResponseBase, conversation: Conversation) -> None:
    response.set_signed_cookie(
        COOKIE, str(conversation.token), max_age=COOKIE_AGE_S, secure=settings.HTTPS, httponly=True, samesite="Lax"
    )
