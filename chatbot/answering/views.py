"""The assistant's doors: the streamed answer, the conversation and feedback; and pages without script."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from functools import wraps
from http import HTTPStatus
from typing import Any

from asgiref.sync import async_to_sync, sync_to_async
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db.models import Prefetch
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    JsonResponse,
    StreamingHttpResponse,
)
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from rest_framework.exceptions import APIException

from chatbot.answering import conversations, feedback, sse, widget
from chatbot.answering.answers import answer, ending
from chatbot.answering.callers import COOKIE, Caller, as_uuid, base_of, caller_of, key_of, page_caller, remember
from chatbot.answering.resume import deliver_answer, finished_answer
from chatbot.models import Citation, Conversation, Message
from core.errors import DomainError, InvalidInputError
from core.web.offload import gives_back
from core.web.problems import problem_response
from core.web.ratelimit import Limit, TooManyRequestsError, check, client_ip

_SHOWN = 50
_UNFINISHED = (Message.Outcome.INCOMPLETE, Message.Outcome.FAILED, Message.Outcome.LIMITED)
_FEEDBACK = Limit("chat-feedback", per_minute=20, burst=20, strict=True)


def refusal(error: DomainError | APIException) -> HttpResponse:
    """A refusal as problem+json, for doors outside REST framework."""
    if isinstance(error, APIException):
        return problem_response(error.status_code, "token_invalid", str(error.detail))
    response = problem_response(error.status, error.code, str(error.message))
    if isinstance(error, TooManyRequestsError):
        response["Retry-After"] = str(error.retry_after_s)
    return response


def _door(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Refusals of a view as problem+json; the caller is known by `caller_of`, which checks the CSRF token."""

    @login_not_required
    @wraps(view)
    def call(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            response = view(request, *args, **kwargs)
        except (DomainError, APIException) as error:
            response = refusal(error)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    return call


@csrf_exempt  # checked in caller_of, for callers that come with a cookie
@login_not_required
@require_POST
async def post_message(request: HttpRequest) -> HttpResponseBase:
    """Answer a question as server-sent events: conversation, token…, citation…, replace, done."""
    try:
        # gives its connection back: the request, and with it what the thread holds, lasts as long as the stream
        caller, question, keep = await sync_to_async(gives_back(_keep_question))(request)
    except (DomainError, APIException) as error:
        return refusal(error)
    stream = sse.stream(deliver_answer(question), about=_about(caller, question.conversation))
    response = StreamingHttpResponse(_closing(stream), content_type="text/event-stream")
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"
    if not caller.is_embedded:
        remember(response, question.conversation, keep=keep)
    return response


async def _closing(stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """End the work behind the stream as soon as the reader is gone."""
    async with aclosing(stream) as parts:  # type: ignore[type-var]
        async for part in parts:
            yield part


def _keep_question(request: HttpRequest) -> tuple[Caller, Message, bool]:
    caller, body, now = caller_of(request), _json(request), timezone.now()
    token = caller.token
    if not caller.is_embedded and body.get("conversation") is not None:
        token = as_uuid(body["conversation"])
    client_id = as_uuid(body["id"], version=4) if body.get("id") is not None else None
    if body.get("id") is not None and client_id is None:
        raise InvalidInputError(
            _("A question id must be a random UUID (version 4)."), code="question_id_invalid", field="id"
        )
    question = conversations.ask(
        text=body.get("text"), token=token, user=caller.user, language=_language(), ip=client_ip(request), now=now,
        client_id=client_id, service=body.get("service"),
    )  # fmt: skip
    if question.created_at < now and finished_answer(question) is None:
        conversations.check_asked_again(client_ip(request))
    return caller, question, body.get("keep") is True


def _about(caller: Caller, conversation: Conversation) -> dict[str, str]:
    """How the next request goes on with the conversation; the key only where no cookie of ours can do it."""
    about = {"token": str(conversation.token)}
    return {**about, "key": key_of(conversation)} if caller.is_embedded else about


def _json(request: HttpRequest) -> dict[str, Any]:
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _language() -> str:
    return translation.get_language() or "it"


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def show_assistant(request: HttpRequest) -> HttpResponse:
    """The assistant as a page: with script the same widget, without it a form and the conversation below."""
    error, status = "", HTTPStatus.OK.value
    caller = page_caller(request)
    if request.method == "POST":
        try:
            question = conversations.ask(
                text=request.POST.get("text", ""), token=caller.token, user=caller.user, language=_language(),
                ip=client_ip(request), now=timezone.now(),
            )  # fmt: skip
        except DomainError as refused:
            error, status = str(refused.message), refused.status
        else:
            async_to_sync(_drain)(question)
            response = redirect("chatbot:show_assistant")
            remember(response, question.conversation, keep="keep" in request.POST)
            return response
    said = [(message, ending(message)) for message in _said(caller.conversation())]
    context = {"chat_messages": said, "error": error, "asked": request.POST.get("text", "")}
    return render(request, "chatbot/assistant.html", context, status=status)


async def _drain(question: Message) -> None:
    async for _event in answer(question=question, conversation=question.conversation):
        pass


@login_not_required
@require_POST
def forget_here(request: HttpRequest) -> HttpResponse:
    """The same as DELETE on the conversation, from the page that works without script."""
    if conversation := page_caller(request).conversation():
        conversations.forget_conversation(conversation=conversation, now=timezone.now())
    response = redirect("chatbot:show_assistant")
    response.delete_cookie(COOKIE, samesite="Lax")
    return response


@csrf_exempt
@_door
@require_http_methods(["GET", "HEAD", "DELETE"])
def current_conversation(request: HttpRequest) -> HttpResponse:
    """The caller's conversation: what was said before this page was opened; or, deleted, nothing any more."""
    caller = caller_of(request)
    conversation = caller.conversation()
    if request.method != "DELETE":
        said = [_as_json(message) for message in _said(conversation)]
        about = _about(caller, conversation) if conversation else {"token": None}
        return JsonResponse({**about, "is_guest": not caller.user.is_authenticated, "messages": said})
    if conversation:
        conversations.forget_conversation(conversation=conversation, now=timezone.now())
    response = HttpResponse(status=HTTPStatus.NO_CONTENT)
    if not caller.is_embedded:
        response.delete_cookie(COOKIE, samesite="Lax")
    return response


@csrf_exempt
@_door
@require_POST
def begin_conversation(request: HttpRequest) -> HttpResponse:
    """A conversation before the first question, so that a person can be asked for at once; the caller's own if any."""
    caller = caller_of(request)
    conversation = caller.conversation() or conversations.begin_conversation(
        user=caller.user, language=_language(), ip=client_ip(request)
    )
    response = JsonResponse(_about(caller, conversation), status=HTTPStatus.CREATED)
    if not caller.is_embedded:
        remember(response, conversation, keep=_json(request).get("keep") is True)
    return response


@csrf_exempt
@_door
@require_POST
def post_feedback(request: HttpRequest, reference: Any) -> HttpResponse:
    """What the caller thinks of an answer in their own conversation; the last word counts."""
    caller, body = caller_of(request), _json(request)
    check(_FEEDBACK, client_ip(request))
    message = Message.objects.filter(
        conversation=caller.conversation(), role=Message.Role.ANSWER, reference=reference
    ).first()
    if message is None:
        return problem_response(HTTPStatus.NOT_FOUND, "not_found", _("There is nothing at this address."))
    given = feedback.give_feedback(
        message=message, is_helpful=body.get("helpful"), reason=body.get("reason", ""), text=body.get("text", ""),
        now=timezone.now(),
    )  # fmt: skip
    return JsonResponse({**_feedback_as_json(given), "offer_person": feedback.wants_person(message.conversation)})


@_door
@require_safe
def show_configuration(request: HttpRequest) -> HttpResponse:
    """The widget's words and settings in one language; the same for everybody, so that it may be cached."""
    asked = request.GET.get("language", "")
    language = asked if asked in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE
    response = JsonResponse(widget.configuration(language, base=base_of(request)))
    response["Cache-Control"] = "public, max-age=300"
    return response


@login_not_required
@require_safe
def show_script(request: HttpRequest) -> HttpResponse:
    """The widget's address for other sites: it stays, while the file behind it changes its name with its content."""
    response = HttpResponseRedirect(static("js/assistant.js"))
    response["Cache-Control"] = "public, max-age=300"
    response["Access-Control-Allow-Origin"] = "*"  # a module script is fetched with CORS, and this one is public
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


def _said(conversation: Conversation | None) -> list[Message]:
    """The last messages, oldest first: each finished answer below its question, none that another has replaced."""
    if conversation is None:
        return []
    citations = Prefetch("citations", Citation.objects.order_by("number"))
    rows = conversation.messages.select_related("conversation", "feedback").prefetch_related(citations)
    messages = list(rows.exclude(text="", outcome="").order_by("-pk")[:_SHOWN])[::-1]
    answered = {row.client_id for row in messages if row.role == Message.Role.ANSWER and row.client_id}
    places: dict[Any, int] = {}
    shown: list[tuple[int, int, Message]] = []
    is_over = False  # whether the question passed last has an answer that stands
    for row in messages:
        if row.role == Message.Role.QUESTION:
            places[row.client_id], is_over = row.pk, row.client_id in answered
        elif row.client_id is None and row.outcome in _UNFINISHED and is_over:
            continue
        shown.append((places.get(row.client_id, row.pk) if row.client_id else row.pk, row.pk, row))
    return [row for _place, _pk, row in sorted(shown, key=lambda item: item[:2])]


def _as_json(message: Message) -> dict[str, Any]:
    return {
        "reference": str(message.reference),
        "id": str(message.client_id) if message.client_id else None,
        "role": message.role,
        "text": message.text,
        "outcome": message.outcome,
        "note": ending(message),
        "feedback": _feedback_as_json(message.feedback) if hasattr(message, "feedback") else None,
        "citations": [
            {
                "number": cite.number, "title": cite.title, "heading": cite.heading, "page": cite.page,
                "passage": cite.passage, "quote": cite.quote, "url": cite.url,
            }
            for cite in message.citations.all()
        ],
    }  # fmt: skip


def _feedback_as_json(given: Any) -> dict[str, Any]:
    return {"helpful": given.is_helpful, "reason": given.reason, "text": given.text}
