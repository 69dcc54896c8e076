"""How an answer ends, in words for whoever asked."""

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from chatbot.answering.events import Done
from chatbot.answering.handoff import has_little_support
from chatbot.models import Message


def done(message: Message) -> Done:
    """The last event of an answer that is kept."""
    return Done(str(message.reference), message.outcome, ending(message), message.may_retry)


def ending(message: Message) -> str:
    """What a person reads below an answer that is none, or has little behind it; "" below one that is."""
    with translation.override(message.conversation.language):
        if has_little_support(message):
            return _("Little of this answer has a source in our documents. If it matters, ask a person.")
        sentence = _endings(may_retry=message.may_retry).get(message.outcome, "")
        return sentence % {"email": settings.SUPPORT_EMAIL} if sentence else ""


def _endings(*, may_retry: bool) -> dict[str, str]:
    """By outcome; an answer that failed in a way that lasts sends on to a person."""
    write = _("Write to %(email)s: a person will answer within one working day.")
    endings: dict[str, str] = {
        Message.Outcome.REFUSED: write,
        Message.Outcome.PERSON: write,
        Message.Outcome.LIMITED: _(
            "The assistant has answered all it may today. Write to %(email)s: a person will answer."
        ),
    }
    if may_retry:
        return endings | {
            Message.Outcome.INCOMPLETE: _("The answer was cut off. Your question is kept: please ask it again."),
            Message.Outcome.FAILED: _(
                "The assistant does not answer just now. Your question is kept: please try again in a minute."
            ),
        }
    return endings | {
        Message.Outcome.INCOMPLETE: _(
            "The answer ends here, before it was complete. Ask about one part of it, or write to %(email)s."
        ),
        Message.Outcome.FAILED: _("The assistant cannot answer. Write to %(email)s: a person will answer."),
    }
