"""Shapes of the API of requests for a person. Internal notes have no shape here."""

from typing import Any

from rest_framework import serializers

from chatbot.models import Ticket, TicketAttachment, TicketMessage
from chatbot.texts import MAX_TEXT
from core.web.fields import EmailSerializerField, NameSerializerField

HANDOVER_REASONS = [
    (str(reason.value), str(reason.value))
    for reason in (
        Ticket.Reason.ASKED, Ticket.Reason.MISSING_KNOWLEDGE, Ticket.Reason.THUMBS_DOWN, Ticket.Reason.LOW_SUPPORT,
    )
]  # fmt: skip


class HandoffSerializer(serializers.Serializer[Any]):
    name = NameSerializerField(max_length=80, required=False, allow_blank=True, help_text="Guests only.")
    email = EmailSerializerField(required=False, allow_blank=True, help_text="Guests only.")
    text = serializers.CharField(
        max_length=MAX_TEXT, required=False, allow_blank=True, help_text="What to add to the conversation."
    )
    reason = serializers.ChoiceField(
        choices=HANDOVER_REASONS, required=False, help_text="Why a person was offered; left out, the last answer tells."
    )


class HandedOffSerializer(serializers.Serializer[Any]):
    number = serializers.CharField()
    link = serializers.URLField(help_text="Where to go on; for a guest it is signed and ends with the request.")


class TicketSerializer(serializers.ModelSerializer[Ticket]):
    class Meta:
        model = Ticket
        fields: Any = (
            "number", "status", "topic", "subject", "language", "created_at", "first_response_due_at",
            "first_responded_at", "resolved_at", "closed_at",
        )  # fmt: skip
        read_only_fields = fields


class TicketAttachmentSerializer(serializers.ModelSerializer[TicketAttachment]):
    class Meta:
        model = TicketAttachment
        fields = ("reference", "name", "kind", "size")
        read_only_fields = fields


class TicketMessageSerializer(serializers.ModelSerializer[TicketMessage]):
    said_by = serializers.ChoiceField(source="kind", choices=["customer", "staff"], read_only=True)
    attachments = TicketAttachmentSerializer(many=True, read_only=True)

    class Meta:
        model = TicketMessage
        fields = ("said_by", "text", "at", "attachments")
        read_only_fields = fields


class TicketDetailSerializer(TicketSerializer):
    messages = TicketMessageSerializer(many=True, read_only=True)

    class Meta(TicketSerializer.Meta):
        fields: Any = (*TicketSerializer.Meta.fields, "transcript", "messages")
        read_only_fields = fields


class AnswerSerializer(serializers.Serializer[Any]):
    text = serializers.CharField(max_length=MAX_TEXT)
    file = serializers.ListField(child=serializers.FileField(), required=False, help_text="With multipart/form-data.")
