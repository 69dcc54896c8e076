"""Requests for a person over the API: handing a conversation over, and going on with one's own."""

from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.db.models import Prefetch
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import api_view, authentication_classes, parser_classes, permission_classes
from rest_framework.generics import ListAPIView, RetrieveAPIView
from rest_framework.parsers import MultiPartParser
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.current_user import require_user, user_of
from chatbot.conversations.callers import ANYBODY, CallerAuthentication, api_caller
from chatbot.models import Conversation, Ticket, TicketAttachment, TicketMessage
from chatbot.tickets import services as tickets
from chatbot.tickets.downloads import file_response
from chatbot.tickets.limits import check_answering_allowed, check_opening_allowed
from chatbot.tickets.links import link_of
from chatbot.tickets.serializers import (
    AnswerSerializer,
    HandedOffSerializer,
    HandoffSerializer,
    TicketDetailSerializer,
    TicketMessageSerializer,
    TicketSerializer,
)
from core.web.bodies import takes_files
from core.web.rest import BoundedJSONParser, validate_request


@extend_schema(
    operation_id="chat_conversations_handoff",
    request=HandoffSerializer,
    responses={201: HandedOffSerializer},
    auth=ANYBODY,
    tags=["chat"],
)
@api_view(["POST"])
@authentication_classes([CallerAuthentication])
@permission_classes([AllowAny])
def hand_off(request: Request, token: UUID) -> Response:
    """Have a person take the conversation over: a customer their own, a guest the one their cookie or key names.

    Asked again while the request is open, it answers with the same number, and adds the text to it. Whoever sends no
    access token must send the CSRF cookie and `X-CSRFToken`.
    """
    caller = api_caller(request)
    visible = Conversation.objects.visible_to(user=request.user, token=caller.token)
    conversation = get_object_or_404(visible, token=token)
    data = validate_request(HandoffSerializer, request)
    guest = None if user_of(request) else tickets.Guest(data.get("name", ""), data.get("email", ""))
    check_opening_allowed(request, guest.email if guest else "")
    ticket = tickets.open_from_conversation(
        conversation=conversation, reason=data.get("reason") or tickets.reason_of(conversation),
        text=data.get("text", ""), guest=guest, now=timezone.now(),
    )  # fmt: skip
    answer = HandedOffSerializer({"number": ticket.number, "link": link_of(ticket)})
    return Response(answer.data, status=HTTPStatus.CREATED, headers={"Cache-Control": "no-store"})


@extend_schema(tags=["tickets"])
class TicketList(ListAPIView[Ticket]):
    """The caller's requests, newest first."""

    serializer_class = TicketSerializer
    queryset = Ticket.objects.none()

    def get_queryset(self) -> Any:
        return Ticket.objects.visible_to(self.request.user).order_by("-created_at", "-pk")


@extend_schema(tags=["tickets"])
class TicketDetail(RetrieveAPIView[Ticket]):
    """One request by its number, with what was said in it."""

    serializer_class = TicketDetailSerializer
    queryset = Ticket.objects.none()
    lookup_field = "number"

    def get_queryset(self) -> Any:
        files = Prefetch("attachments", TicketAttachment.objects.defer("content").order_by("pk"))
        messages = TicketMessage.objects.for_customer().prefetch_related(files).order_by("pk")
        return Ticket.objects.visible_to(self.request.user).prefetch_related(Prefetch("messages", messages))


@takes_files
@extend_schema(request=AnswerSerializer, responses={201: TicketMessageSerializer}, tags=["tickets"])
@api_view(["POST"])
@parser_classes([BoundedJSONParser, MultiPartParser])
def answer(request: Request, number: str) -> Response:
    """Go on with a request; files come along as multipart/form-data."""
    ticket = get_object_or_404(Ticket.objects.visible_to(request.user), number=number)
    values = validate_request(AnswerSerializer, request)
    check_answering_allowed(ticket)
    message = tickets.answer_as_customer(
        ticket=ticket, text=values["text"], files=values.get("file", ()),
        author=require_user(request), now=timezone.now(),
    )  # fmt: skip
    return Response(TicketMessageSerializer(message).data, status=HTTPStatus.CREATED)


@extend_schema(request=None, responses=TicketSerializer, tags=["tickets"])
@api_view(["POST"])
def resolve(request: Request, number: str) -> Response:
    """Say that nothing more is needed; an answer later opens the request again."""
    ticket = get_object_or_404(Ticket.objects.visible_to(request.user), number=number)
    tickets.resolve_as_customer(ticket=ticket, now=timezone.now(), actor=require_user(request))
    ticket.refresh_from_db()
    return Response(TicketSerializer(ticket).data)


@extend_schema(
    operation_id="tickets_attachments_download",
    responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    tags=["tickets"],
)
@api_view(["GET"])
def download(request: Request, number: str, reference: UUID) -> HttpResponse:
    """A file that came along."""
    ticket = get_object_or_404(Ticket.objects.visible_to(request.user), number=number)
    visible = TicketMessage.objects.for_customer().filter(ticket=ticket)
    return file_response(get_object_or_404(TicketAttachment, reference=reference, message__in=visible))
