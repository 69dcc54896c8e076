"""Conversations: who may go on with which, and how many questions an hour."""

import hashlib
import hmac
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from chatbot.models import Conversation, Message
from core.errors import InvalidInputError
from core.ratelimit import TooManyRequestsError

MAX_QUESTION = 5_000
RETENTION = timedelta(days=180)


def caller_hash(ip: str) -> str:
    """The address as a keyed hash: enough to count with, useless to find somebody."""
    return hmac.new(settings.SECRET_KEY.encode(), ip.encode(), hashlib.sha256).hexdigest()


def checked_question(text: Any) -> str:
    """The question in order, or `InvalidInputError`."""
    # what PostgreSQL cannot keep: NUL and halves of surrogate pairs, which JSON can spell
    question = text.replace("\0", "").encode(errors="ignore").decode().strip() if isinstance(text, str) else ""
    if not question:
        raise InvalidInputError(_("Please write a question."), code="question_empty", field="text")
    if len(question) > MAX_QUESTION:
        message = _("A question may have up to %(max)d characters; yours has %(count)d.")
        raise InvalidInputError(
            message % {"max": MAX_QUESTION, "count": len(question)}, code="question_too_long", field="text"
        )
    return question


@transaction.atomic
def ask(*, text: str, token: str | None, user: Any, language: str, ip: str, now: datetime) -> Message:
    """Keep a question in the caller's conversation, begun if needed. Raises on an empty, long or one too many."""
    question = checked_question(text)
    caller = caller_hash(ip)
    conversation = (
        Conversation.objects.visible_to(user=user, token=token).filter(token=token).first() if token else None
    )
    if conversation is None:
        owner = user if user.is_authenticated else None
        conversation = Conversation.objects.create(user=owner, language=language, caller=caller)
    elif conversation.language != language:
        conversation.language = language
        conversation.save(update_fields=["language"])
    _check_hourly_limit(user, caller, now)
    return Message.objects.create(conversation=conversation, role=Message.Role.QUESTION, text=question)


def clear_old_conversations(*, now: datetime) -> int:
    """Forget conversations nobody went on with for 180 days, as the privacy notice says; returns how many."""
    newest = Message.objects.filter(conversation=OuterRef("pk"), created_at__gt=now - RETENTION)
    old = Conversation.objects.filter(~Exists(newest), created_at__lt=now - RETENTION)
    count = old.count()
    old.delete()
    return count


def _check_hourly_limit(user: Any, caller: str, now: datetime) -> None:
    """Questions are rows, so they are counted exactly, with or without Redis."""
    whose = Q(conversation__caller=caller)
    if user.is_authenticated:
        whose |= Q(conversation__user=user)
    recent = Message.objects.filter(whose, role=Message.Role.QUESTION, created_at__gt=now - timedelta(hours=1))
    times = list(recent.order_by("created_at").values_list("created_at", flat=True)[: settings.CHAT_QUESTIONS_PER_HOUR])
    if len(times) >= settings.CHAT_QUESTIONS_PER_HOUR:
        wait = times[0] + timedelta(hours=1) - now
        raise TooManyRequestsError(retry_after_s=max(1, int(wait.total_seconds())))
