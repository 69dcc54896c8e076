"""Shapes of the API of the assistant; the stream's events are described in `config/openapi.py`."""

from typing import Any

from rest_framework import serializers

from chatbot.answering.endings import ending
from chatbot.models import Citation, Message, MessageFeedback
from core.web.fields import EmailSerializerField


class ChatCitationSerializer(serializers.ModelSerializer[Citation]):
    class Meta:
        model = Citation
        fields = ("number", "title", "heading", "page", "passage", "quote", "url")
        read_only_fields = fields
        extra_kwargs: Any = {
            "number": {"help_text": "As in the answer's mark [1]."},
            "quote": {"help_text": "The words of the passage that the answer rests on."},
            "url": {"help_text": "Where the customer's own order or invoice is; empty for a document."},
        }


class ChatFeedbackSerializer(serializers.Serializer[MessageFeedback]):
    helpful = serializers.BooleanField(source="is_helpful")
    reason = serializers.ChoiceField(choices=MessageFeedback.Reason.choices, allow_blank=True, required=False)
    text = serializers.CharField(max_length=MessageFeedback.MAX_TEXT, allow_blank=True, required=False)


class ChatFeedbackKeptSerializer(ChatFeedbackSerializer):
    offer_person = serializers.BooleanField(help_text="Two answers of the conversation did not help.")


class ChatMessageSerializer(serializers.ModelSerializer[Message]):
    id = serializers.UUIDField(source="client_id", allow_null=True, read_only=True, help_text="The asker's own id.")
    outcome = serializers.ChoiceField(
        choices=Message.Outcome.choices, allow_blank=True, help_text="How an answer ended; empty for a question."
    )
    note = serializers.SerializerMethodField(help_text="What to say below an answer that ended early.")
    may_retry = serializers.BooleanField(
        read_only=True, help_text="Whether asking the same again may bring a better end."
    )
    feedback = ChatFeedbackSerializer(allow_null=True, read_only=True)
    citations = ChatCitationSerializer(many=True, read_only=True)

    class Meta:
        model = Message
        fields = ("reference", "id", "role", "text", "outcome", "note", "may_retry", "feedback", "citations")
        read_only_fields = fields
        extra_kwargs: Any = {
            "reference": {"help_text": "Names the message, for instance for feedback."},
        }

    def get_note(self, message: Message) -> str:
        return ending(message)


class ChatBegunSerializer(serializers.Serializer[Any]):
    token = serializers.UUIDField()
    key = serializers.CharField(
        required=False, help_text="Proves the conversation on another site, in the header `X-Conversation`."
    )


class ChatConversationSerializer(ChatBegunSerializer):
    token = serializers.UUIDField(allow_null=True, help_text="null before the first question")
    is_guest = serializers.BooleanField()
    messages = ChatMessageSerializer(many=True)


class ChatBeginSerializer(serializers.Serializer[Any]):
    keep = serializers.BooleanField(
        required=False, help_text="Whether the cookie outlives the browser's session, for 180 days."
    )


class ChatWidgetSerializer(serializers.Serializer[Any]):
    language = serializers.CharField()
    words = serializers.DictField(child=serializers.CharField())
    reasons = serializers.ListField(
        child=serializers.ListField(child=serializers.CharField(), min_length=2, max_length=2),
        help_text="Of feedback: value and label.",
    )
    stylesheets = serializers.ListField(child=serializers.URLField())
    privacy_url = serializers.URLField()
    support_email = EmailSerializerField()
    max_question = serializers.IntegerField(help_text="Characters.")
    max_comment = serializers.IntegerField(help_text="Characters.")
    link_hosts = serializers.ListField(child=serializers.CharField(), help_text="Where a link in an answer may lead.")
