"""How an answer ends, in words for whoever asked."""

from typing import Any

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chatbot.answering.events import Done
from chatbot.answering.handoff import has_little_support
from chatbot.models import Message

_WRITE = _("Write to %(email)s: a person will answer within one working day.")
_ENDINGS: dict[str, Any] = {
    Message.Outcome.REFUSED: _WRITE,
    Message.Outcome.PERSON: _WRITE,
    Message.Outcome.LIMITED: _(
        "The assistant has answered all it may today. Write to %(email)s: a person will answer."
    ),
    Message.Outcome.INCOMPLETE: _(
        "The answer ends here, before it was complete. Ask about one part of it, or write to %(email)s."
    ),
    Message.Outcome.FAILED: _("The assistant cannot answer. Write to %(email)s: a person will answer."),
}
_PASSING_ENDINGS: dict[str, Any] = {
    Message.Outcome.INCOMPLETE: _("The answer was cut off. Your question is kept: please ask it again."),
    Message.Outcome.FAILED: _(
        "The assistant does not answer just now. Your question is kept: please try again in a minute."
    ),
}


def done(message: Message) -> Done:
    """The last event of an answer that is kept."""
    return Done(str(message.reference), message.outcome, ending(message), message.may_retry)


def ending(message: Message) -> str:
    """What a person reads below an answer that is none, or has little behind it; "" below one that is."""
    with translation.override(message.conversation.language):
        if has_little_support(message):
            return gettext("Little of this answer has a source in our documents. If it matters, ask a person.")
        endings = _PASSING_ENDINGS if message.may_retry else _ENDINGS
        return str(endings.get(message.outcome, "")) % {"email": settings.SUPPORT_EMAIL}
