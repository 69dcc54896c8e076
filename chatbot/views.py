"""The assistant's doors: the streamed answer for widget and app, and a page that works without script."""

import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from http import HTTPStatus
from typing import Any

from asgiref.sync import async_to_sync, sync_to_async
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.signing import BadSignature
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
from chatbot.answers import answer
from chatbot.models import Conversation, Message
from core.errors import DomainError
from core.problems import problem_response
from core.ratelimit import TooManyRequestsError, client_ip

COOKIE = "conversation"
COOKIE_AGE_S = 30 * 24 * 3600


@csrf_exempt  # checked below, for callers that come with a cookie
@login_not_required
@require_POST
async def post_message(request: HttpRequest) -> HttpResponseBase:
    """Answer a question as server-sent events: conversation, token…, citation…, replace, done."""
    try:
        question = await sync_to_async(_keep_question)(request)
    except TooManyRequestsError as error:
        response = problem_response(error.status, error.code, str(error.message))
        response["Retry-After"] = str(error.retry_after_s)
        return response
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
    except (ValueError, AttributeError):
        text, token = None, None
    return services.ask(
        text=text,
        token=_known_token(request) if token is None else str(token),
        user=user,
        language=translation.get_language() or "it",
        ip=client_ip(request),
        now=timezone.now(),
    )


def _caller(request: HttpRequest) -> Any:
    """The user by token or by session; whoever comes with a session must show the CSRF token too."""
    if request.headers.get("Authorization"):
        found = BearerAuthentication().authenticate(Request(request))
        return found[0] if found else request.user
    reason = CsrfViewMiddleware(lambda _request: HttpResponse()).process_view(request, lambda: None, (), {})
    if reason is not None:
        raise DomainError(_("This page is too old to ask from: please reload it."), code="csrf")
    return request.user


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def show_assistant(request: HttpRequest) -> HttpResponse:
    """The assistant as a page: with script the same widget, without it a form and the conversation below."""
    error = ""
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
            error = str(refused.message)
        else:
            async_to_sync(_drain)(question)
            response = redirect("chatbot:show_assistant")
            _remember(response, question.conversation)
            return response
    token = _known_token(request)
    conversation = (
        Conversation.objects.visible_to(user=request.user, token=token).filter(token=token).first() if token else None
    )
    messages = conversation.messages.prefetch_related("citations").order_by("pk") if conversation else []
    status = HTTPStatus.BAD_REQUEST if error else HTTPStatus.OK
    return render(request, "chatbot/assistant.html", {"chat_messages": messages, "error": error}, status=status)


async def _drain(question: Message) -> None:
    async for _event in answer(question=question, conversation=question.conversation):
        pass


@login_not_required
@require_http_methods(["GET", "HEAD"])
def show_conversation(request: HttpRequest) -> JsonResponse:
    """The caller's conversation for the widget: what was said before this page was opened."""
    token = _known_token(request)
    conversation = (
        Conversation.objects.visible_to(user=request.user, token=token).filter(token=token).first() if token else None
    )
    messages = conversation.messages.prefetch_related("citations").order_by("pk") if conversation else []
    response = JsonResponse(
        {
            "messages": [
                {
                    "role": message.role,
                    "text": message.text,
                    "outcome": message.outcome,
                    "citations": [
                        {
                            "number": cite.number, "title": cite.title, "heading": cite.heading, "page": cite.page,
                            "passage": cite.passage, "quote": cite.quote,
                        }
                        for cite in message.citations.all()
                    ],
                }
                for message in messages
            ]
        }
    )  # fmt: skip
    response["Cache-Control"] = "no-store"
    return response


def _known_token(request: HttpRequest) -> str | None:
    try:
        return str(request.get_signed_cookie(COOKIE, max_age=COOKIE_AGE_S))
    except (KeyError, BadSignature):
        return None


def _remember(response: HttpResponseBase, conversation: Conversation) -> None:
    response.set_signed_cookie(
        COOKIE, str(conversation.token), max_age=COOKIE_AGE_S, secure=settings.HTTPS, httponly=True, samesite="Lax"
    )
