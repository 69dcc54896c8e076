"""The assistant's doors: the conversation and feedback by REST framework, and the streamed answer, which it cannot.

The API's general limit is not theirs: whoever reads our pages comes here with each of them, and what writes has a limit
of its own.
"""

import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from http import HTTPStatus
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import (
    api_view,
    authentication_classes,
    permission_classes,
    throttle_classes,
)
from rest_framework.exceptions import APIException
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from chatbot.conversations import feedback, sse, widget
from chatbot.conversations import services as conversations
from chatbot.conversations.callers import (
    ANYBODY,
    Caller,
    CallerAuthentication,
    api_caller,
    as_uuid,
    base_of,
    caller_of,
    forget,
    key_of,
    remember,
)
from chatbot.conversations.resume import deliver_answer, finished_answer
from chatbot.conversations.serializers import (
    ChatBeginSerializer,
    ChatBegunSerializer,
    ChatConversationSerializer,
    ChatFeedbackKeptSerializer,
    ChatFeedbackSerializer,
    ChatWidgetSerializer,
)
from chatbot.models import Conversation, Message
from core.errors import DomainError, InvalidInputError
from core.web.languages import current_language
from core.web.offload import gives_back
from core.web.problems import refuse
from core.web.ratelimit import Limit, caller_network, check

_FEEDBACK = Limit("chat-feedback", per_minute=20, burst=20, strict=True)
_NOT_STORED = {"Cache-Control": "no-store"}


@extend_schema(auth=ANYBODY, tags=["chat"])
class CurrentConversation(APIView):
    """The caller's conversation: what was said before this page was opened; or, deleted, nothing any more."""

    authentication_classes = (CallerAuthentication,)
    permission_classes = (AllowAny,)
    throttle_classes = ()

    @extend_schema(operation_id="chat_conversations_current_retrieve", responses=ChatConversationSerializer)
    def get(self, request: Request) -> Response:
        """The conversation that the caller's cookie names, oldest message first."""
        caller = api_caller(request)
        conversation = caller.conversation()
        about = _describe(caller, conversation) if conversation else {"token": None}
        body = {
            **about, "is_guest": not caller.user.is_authenticated, "messages": conversations.messages_of(conversation),
        }  # fmt: skip
        return Response(ChatConversationSerializer(body).data, headers=_NOT_STORED)

    @extend_schema(operation_id="chat_conversations_current_destroy", responses={204: None})
    def delete(self, request: Request) -> Response:
        """Deletes what was said in the caller's conversation."""
        caller = api_caller(request)
        if conversation := caller.conversation():
            conversations.forget_conversation(conversation=conversation, now=timezone.now())
        response = Response(status=HTTPStatus.NO_CONTENT, headers=_NOT_STORED)
        if not caller.is_embedded:
            forget(response)
        return response


@extend_schema(
    operation_id="chat_conversations_create", request=ChatBeginSerializer, responses={201: ChatBegunSerializer},
    auth=ANYBODY, tags=["chat"],
)  # fmt: skip
@api_view(["POST"])
@authentication_classes([CallerAuthentication])
@permission_classes([AllowAny])
@throttle_classes([])
def begin_conversation(request: Request) -> Response:
    """The caller's conversation, begun if needed: for asking a person before any question."""
    caller = api_caller(request)
    conversation = caller.conversation() or conversations.begin_conversation(
        user=caller.user, language=current_language(), network=caller_network(request._request)
    )
    body = ChatBegunSerializer(_describe(caller, conversation)).data
    response = Response(body, status=HTTPStatus.CREATED, headers=_NOT_STORED)
    if not caller.is_embedded:
        remember(response, conversation, keep=_body(request.data).get("keep") is True)
    return response


@extend_schema(
    operation_id="chat_messages_feedback_create", request=ChatFeedbackSerializer, responses=ChatFeedbackKeptSerializer,
    auth=ANYBODY, tags=["chat"],
)  # fmt: skip
@api_view(["POST"])
@authentication_classes([CallerAuthentication])
@permission_classes([AllowAny])
@throttle_classes([])
def post_feedback(request: Request, reference: UUID) -> Response:
    """Whether an answer in the caller's conversation helped; given again, the last word counts."""
    check(_FEEDBACK, caller_network(request._request))
    answers = Message.objects.filter(role=Message.Role.ANSWER, conversation=api_caller(request).conversation())
    message = get_object_or_404(answers, reference=reference)
    body = _body(request.data)
    # the service says what a verdict is, and says it stricter than a serializer: "no" is not false
    verdict = feedback.give_feedback(
        message=message, is_helpful=body.get("helpful"), reason=body.get("reason", ""), text=body.get("text", ""),
        now=timezone.now(),
    )  # fmt: skip
    offer = feedback.wants_person(message.conversation)
    return Response({**ChatFeedbackSerializer(verdict).data, "offer_person": offer}, headers=_NOT_STORED)


@extend_schema(
    operation_id="chat_widget_retrieve", responses=ChatWidgetSerializer, auth=[{}],  # type: ignore[list-item]
    tags=["chat"],
    parameters=[OpenApiParameter("language", enum=[code for code, _name in settings.LANGUAGES])],
)  # fmt: skip
@api_view(["GET"])
@authentication_classes([])
@permission_classes([AllowAny])
@throttle_classes([])
def show_configuration(request: Request) -> Response:
    """What the widget needs before it can show anything (docs/widget.md); the same for everybody, and cacheable."""
    choice = request.GET.get("language", "")
    language = choice if choice in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE
    configuration = widget.configuration(language, base=base_of(request._request))
    return Response(configuration, headers={"Cache-Control": "public, max-age=300"})


@csrf_exempt  # checked in caller_of, for callers that come with a cookie
@login_not_required
@require_POST
async def post_message(request: HttpRequest) -> HttpResponseBase:
    """Answer a question as server-sent events: conversation, token…, citation…, replace, done.

    Outside REST framework, whose views cannot wait for others while they stream.
    """
    try:
        # gives its connection back: the request, and with it what the thread holds, lasts as long as the stream
        caller, question, keep = await sync_to_async(gives_back(_keep_question))(request)
    except (DomainError, APIException) as error:
        return refuse(error)
    stream = sse.stream(deliver_answer(question), about=_describe(caller, question.conversation))
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
    caller, body, now = caller_of(request), _read_json(request), timezone.now()
    token = caller.token
    if caller.user.is_authenticated and body.get("conversation") is not None:  # a guest proves theirs, by cookie or key
        token = as_uuid(body["conversation"])
    client_id = as_uuid(body["id"], version=4) if body.get("id") is not None else None
    if body.get("id") is not None and client_id is None:
        raise InvalidInputError(
            _("A question id must be a random UUID (version 4)."), code="question_id_invalid", field="id"
        )
    question = conversations.ask(
        text=body.get("text"), token=token, user=caller.user, language=current_language(),
        network=caller_network(request), now=now, client_id=client_id, service=body.get("service"),
    )  # fmt: skip
    if question.created_at < now and finished_answer(question) is None:
        conversations.check_retry_limit(caller_network(request))
    return caller, question, body.get("keep") is True


def _describe(caller: Caller, conversation: Conversation) -> dict[str, str]:
    """How the next request goes on with the conversation; the key only where no cookie of ours can do it."""
    names = {"token": str(conversation.token)}
    return {**names, "key": key_of(conversation)} if caller.is_embedded else names


def _read_json(request: HttpRequest) -> dict[str, Any]:
    try:
        return _body(json.loads(request.body))
    except (ValueError, RecursionError):
        return {}


def _body(data: Any) -> dict[str, Any]:
    return data if isinstance(data, dict) else {}
