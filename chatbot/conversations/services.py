"""Conversations: who may go on with which, how many questions an hour, and how they are forgotten."""

import hashlib
import hmac
import uuid
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Prefetch, Q
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from billing.models import Service
from chatbot.models import Citation, Conversation, Message, QuestionTrace
from core.errors import DomainError, InvalidInputError
from core.text import storable
from core.web.ratelimit import Limit, TooManyRequestsError, check

MAX_QUESTION = 5_000
RETENTION = timedelta(days=180)
_HOUR = timedelta(hours=1)
_SHOWN = 50
# The same question asked again is not counted as one more, so this is what keeps it from being asked without end.
_AGAIN = Limit("chat-again", per_minute=1, burst=10, strict=True)
_BEGIN = Limit("chat-begin", per_minute=2, burst=10, strict=True)


class QuestionIdTakenError(DomainError):
    """The id already belongs to another question, or to another person's."""

    code = "question_id_taken"
    message = _("This question id is already used: please give every question one of its own.")


class QuestionExistsError(Exception):
    """Somebody else kept a question of this id at the same moment."""


def caller_hash(network: str) -> str:
    """The network (`caller_network`) as a keyed hash: enough to count with, useless to find somebody."""
    return hmac.new(settings.SECRET_KEY.encode(), network.encode(), hashlib.sha256).hexdigest()


def clean_question(text: Any) -> str:
    """The question in order, or `InvalidInputError`."""
    question = storable(text).strip() if isinstance(text, str) else ""
    if not question:
        raise InvalidInputError(_("Please write a question."), code="question_empty", field="text")
    if len(question) > MAX_QUESTION:
        message = _("A question may have up to %(max)d characters; yours has %(count)d.")
        raise InvalidInputError(
            message % {"max": MAX_QUESTION, "count": len(question)}, code="question_too_long", field="text"
        )
    return question


def ask(
    *,
    text: Any,
    token: str | None,
    user: User | AnonymousUser,
    language: str,
    network: str,
    now: datetime,
    client_id: str | None = None,
    service: Any = None,
) -> Message:
    """Keep a question in the caller's conversation, begun if needed. Raises on an empty, long or one too many.

    `service` is the slug of the service beside whose page it was asked; one that is not there says nothing.
    A question that comes again with the same `client_id` is the same one: its row is returned and it counts once.
    """
    question, caller = clean_question(text), caller_hash(network)
    message = find_question(client_id, text=question, token=token, user=user, caller=caller, now=now)
    if message is None:
        try:
            about = _name_of(service)
            return _keep(question, token, user, language, caller, now, client_id, about)
        except QuestionExistsError:
            message = find_question(client_id, text=question, token=token, user=user, caller=caller, now=now)
            if message is None:
                raise QuestionIdTakenError from None
    return message


def _name_of(slug: Any) -> str:
    """The service's name in the reader's language; "" when there is none of that slug."""
    if not isinstance(slug, str):
        return ""
    service = Service.objects.filter(slug=storable(slug), is_active=True).first()
    return service.name if service else ""


def find_question(
    client_id: str | None, *, text: str, token: str | None, user: User | AnonymousUser, caller: str, now: datetime
) -> Message | None:
    """The question kept under this id, if it is the caller's; raises if it is another's or says something else.

    A guest who never got the first answer knows no conversation yet: the id, known to them alone, and the same address
    within the hour are then enough.
    """
    if client_id is None:
        return None
    questions = Message.objects.filter(client_id=client_id, role=Message.Role.QUESTION).select_related("conversation")
    message = questions.first()
    if message is None:
        return None
    conversation = message.conversation
    if user.is_authenticated:
        is_theirs = conversation.user_id == user.pk
    else:
        is_new = conversation.caller == caller and message.created_at > now - _HOUR
        is_theirs = conversation.user_id is None and (is_new or str(conversation.token) == token)
    if not is_theirs or message.text != text:
        raise QuestionIdTakenError
    return message


@transaction.atomic
def _keep(
    question: str, token: str | None, user: User | AnonymousUser, language: str, caller: str, now: datetime,
    client_id: str | None, about: str,
) -> Message:  # fmt: skip
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
    try:
        return Message.objects.create(
            conversation=conversation, role=Message.Role.QUESTION, text=question, client_id=client_id, about=about
        )
    except IntegrityError as error:  # the transaction, and with it a conversation begun here, is taken back
        raise QuestionExistsError from error


def ask_for_evaluation(*, text: Any, language: str) -> Message:
    """Keep a question in a conversation of its own that is nobody's: it counts for no person's limit or budget."""
    question = clean_question(text)
    conversation = Conversation.objects.create(language=language, caller=Conversation.EVALUATION)
    return Message.objects.create(conversation=conversation, role=Message.Role.QUESTION, text=question)


def check_retry_limit(network: str) -> None:
    """Take one of the tries an address has for questions whose answer was cut off."""
    check(_AGAIN, caller_hash(network))


def begin_conversation(*, user: User | AnonymousUser, language: str, network: str) -> Conversation:
    """A conversation without a question yet, for whoever wants a person at once."""
    check(_BEGIN, caller_hash(network))
    owner = user if user.is_authenticated else None
    return Conversation.objects.create(user=owner, language=language, caller=caller_hash(network))


@transaction.atomic
def forget_conversation(*, conversation: Conversation, now: datetime) -> None:
    """Delete what was said. Questions of the last hour leave an empty row, or the hourly limit could be deleted too."""
    recent_questions = conversation.messages.filter(role=Message.Role.QUESTION, created_at__gt=now - _HOUR)
    if not recent_questions.exists():
        conversation.delete()
        return
    conversation.messages.exclude(pk__in=recent_questions.values("pk")).delete()
    recent_questions.update(text="", client_id=None)
    # a vector tells much of the text it was made of
    QuestionTrace.objects.filter(question__in=recent_questions).delete()
    conversation.token = uuid.uuid4()
    conversation.save(update_fields=["token"])


def clear_old_conversations(*, now: datetime) -> int:
    """Forget conversations nobody went on with for 180 days, as the privacy notice says; returns how many.

    With them go those without a question, an hour after they were begun or emptied: an answer that was being written
    when its conversation was deleted may have come late. And what an evaluation that was killed left behind.
    """
    messages = Message.objects.filter(conversation=OuterRef("pk"))
    is_stale = ~Exists(messages.filter(created_at__gt=now - RETENTION)) & Q(created_at__lt=now - RETENTION)
    questions = messages.filter(role=Message.Role.QUESTION).exclude(text="")
    is_empty = ~Exists(questions) & ~Exists(messages.filter(created_at__gt=now - _HOUR))
    is_leftover = is_empty | Q(caller=Conversation.EVALUATION)
    old = Conversation.objects.filter(is_stale | (is_leftover & Q(created_at__lt=now - _HOUR)))
    count = old.count()
    old.delete()
    return count


def _check_hourly_limit(user: User | AnonymousUser, caller: str, now: datetime) -> None:
    """Questions are rows, so they are counted exactly, with or without Redis."""
    whose = Q(conversation__caller=caller)
    if user.is_authenticated:
        whose |= Q(conversation__user=user)
    questions = Message.objects.filter(whose, role=Message.Role.QUESTION, created_at__gt=now - _HOUR)
    times = list(
        questions.order_by("created_at").values_list("created_at", flat=True)[: settings.CHAT_QUESTIONS_PER_HOUR]
    )
    if len(times) >= settings.CHAT_QUESTIONS_PER_HOUR:
        wait = times[0] + _HOUR - now
        raise TooManyRequestsError(retry_after_s=max(1, int(wait.total_seconds())))


def messages_of(conversation: Conversation | None) -> list[Message]:
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
        elif row.client_id is None and row.outcome in Message.UNFINISHED and is_over:
            continue
        shown.append((places.get(row.client_id, row.pk) if row.client_id else row.pk, row.pk, row))
    return [row for _place, _pk, row in sorted(shown, key=lambda item: item[:2])]
