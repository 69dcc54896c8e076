"""What people think of the answers: given once for each, changeable, and looked at by staff."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from chatbot.knowledge import articles
from chatbot.models import Conversation, Document, Message, MessageFeedback, Topic
from core.errors import DomainError, InvalidInputError
from core.text import storable

UNHELPFUL_UNTIL_PERSON = 2


class AlreadyReviewedError(DomainError):
    code = "already_reviewed"
    message = _("This feedback has been reviewed.")


def give_feedback(
    *, message: Message, is_helpful: Any, reason: Any = "", text: Any = "", now: datetime
) -> MessageFeedback:
    """Keep what was thought of an answer, in place of what was thought before; it is to be reviewed anew."""
    if not isinstance(is_helpful, bool):
        raise InvalidInputError(_("Say whether the answer helped."), code="verdict_missing", field="helpful")
    if reason not in ("", *MessageFeedback.Reason.values):
        raise InvalidInputError(_("There is no such reason."), code="reason_unknown", field="reason")
    comment = storable(text).strip() if isinstance(text, str) else ""
    if len(comment) > MessageFeedback.MAX_TEXT:
        too_long = _("A comment may have up to %(max)d characters.") % {"max": MessageFeedback.MAX_TEXT}
        raise InvalidInputError(too_long, code="comment_too_long", field="text")
    feedback, _created = MessageFeedback.objects.update_or_create(
        message=message,
        defaults={
            "is_helpful": is_helpful, "given_at": now,
            "reason": "" if is_helpful else reason, "text": "" if is_helpful else comment,
            "reviewed_at": None, "reviewed_by": None, "note": "",
        },
    )  # fmt: skip
    return feedback


def wants_person(conversation: Conversation) -> bool:
    """Whether so many answers did not help that a person should be offered."""
    unhelpful = MessageFeedback.objects.filter(message__conversation=conversation, is_helpful=False)
    return unhelpful.count() >= UNHELPFUL_UNTIL_PERSON


@transaction.atomic
def review(*, feedback: MessageFeedback, note: str, actor: User, now: datetime) -> None:
    """Take it off the queue. Raises when somebody else just did."""
    waiting = MessageFeedback.objects.filter(pk=feedback.pk, reviewed_at=None)
    if not waiting.update(reviewed_at=now, reviewed_by=actor, note=note):
        raise AlreadyReviewedError


def question_of(feedback: MessageFeedback) -> Message | None:
    """The question whose answer this is about."""
    answer = feedback.message
    questions = answer.conversation.messages.filter(role=Message.Role.QUESTION, pk__lt=answer.pk)
    question = questions.filter(client_id=answer.client_id).first() if answer.client_id else None
    return question or questions.order_by("-pk").first()


def article_draft(feedback: MessageFeedback) -> dict[str, str]:
    """What an article begins with: the question, its language, and the topic of what was cited."""
    question = question_of(feedback)
    citations = feedback.message.citations.filter(chunk__isnull=False).order_by("number")
    topic = citations.values_list("chunk__document__topic", flat=True).first()
    return {
        "question": Truncator(question.text_with_about).chars(200) if question else "",
        "topic": topic or Topic.GENERAL,
        "language": feedback.message.conversation.language,
    }


@transaction.atomic
def write_article(
    *, feedback: MessageFeedback, question: str, answer: str, topic: str, language: str, actor: User, now: datetime
) -> Document:
    """Say it better in an article, and take the feedback off the queue; as `articles.add_article` otherwise."""
    review(feedback=feedback, note=question, actor=actor, now=now)
    customer = feedback.message.conversation.user
    return articles.add_article(
        question=question, answer=answer, topic=topic, language=language, name=f"feedback-{feedback.pk}",
        people=[customer.get_full_name()] if customer else [], now=now,
    )  # fmt: skip
