"""What the widget is told before it can show anything: its words, its stylesheets, and where a link may lead."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.templatetags.static import static
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from chatbot.conversations.services import MAX_QUESTION
from chatbot.models import MessageFeedback

STYLESHEETS = ("css/tokens.css", "css/base.css", "css/components.css", "css/assistant.css")


def configuration(language: str, *, base: str) -> dict[str, Any]:
    """Everything in one language; addresses are whole, below `base`: the page that asks may be another site's."""
    with translation.override(language):
        return {
            "language": language,
            "words": _words(),
            "reasons": [[value, label] for value, label in _reasons()],
            "stylesheets": [_whole(base, static(name)) for name in STYLESHEETS],
            "privacy_url": _whole(base, reverse("config:show_legal", args=["privacy"])),
            "support_email": settings.SUPPORT_EMAIL,
            "max_question": MAX_QUESTION,
            "max_comment": MessageFeedback.MAX_TEXT,
            "link_hosts": sorted(
                {urlsplit(settings.SITE_URL).netloc, urlsplit(base).netloc, *settings.CHAT_LINK_HOSTS}
            ),
        }


def _whole(base: str, path: str) -> str:
    return path if urlsplit(path).netloc else f"{base}{path}"


def _reasons() -> list[tuple[str, str]]:
    return [(reason.value, str(reason.label)) for reason in MessageFeedback.Reason]


def _words() -> dict[str, str]:
    return {**_panel_words(), **_answer_words(), **_state_words(), **_person_words(), **_storage_words()}


def _panel_words() -> dict[str, str]:
    return {
        "assistant": _("Assistant"),
        "close": _("Close the assistant"),
        "conversation": _("Conversation"),
        "you": _("You"),
        "question": _("Your question"),
        "send": _("Send"),
        "stop": _("Stop the answer"),
        "count": _("{count} of {max} characters"),
        "hint": _("↵ sends, ⇧ ↵ starts a new line. Please write no personal data of others."),
    }


def _answer_words() -> dict[str, str]:
    return {
        "source": _("Source {number}"),
        "sources": _("Sources"),
        "page": _("p. {number}"),
        "passage": _("Passage cited"),
        "back": _("Back to the answer"),
        "copy": _("Copy the answer"),
        "copied": _("Copied"),
        "helpful": _("This answer helped"),
        "unhelpful": _("This answer did not help"),
        "thanks": _("Thank you: your feedback is kept."),
        "reason": _("What was wrong with it?"),
        "comment": _("Tell us more, if you like"),
        "sendFeedback": _("Send the feedback"),
        "feedbackFailed": _("The feedback was not kept. Please try again."),
        "cancel": _("Cancel"),
    }


def _state_words() -> dict[str, str]:
    return {
        "waiting": _("The assistant is looking for an answer."),
        "stopped": _("You stopped the answer here."),
        "offline": _("You are offline. The answer goes on as soon as the connection is back."),
        "reconnecting": _("The connection was lost. Connecting again…"),
        "lost": _("The connection was lost and did not come back. Your question is kept: please try again."),
        "unavailable": _(
            "The assistant cannot be reached just now. Your question is still in the box: please try again in a minute."
        ),
        "wait": _("You can ask again in {minutes} min."),
        "retry": _("Try again"),
        "askAgain": _("Ask again"),
    }


def _person_words() -> dict[str, str]:
    return {
        "person": _("Talk to a person"),
        "personLead": _("A person reads your conversation and answers within one working day."),
        "personOffer": _("Two answers did not help. A person can take over."),
        "name": _("Name"),
        "email": _("E-mail"),
        "message": _("What do you need?"),
        "sendToPerson": _("Send to a person"),
        "personDone": _("Your request is {number}. A person will answer within one working day."),
        "personLink": _("Open the request"),
        "personFailed": _("The request could not be sent. You can write to {email}."),
        "writeMail": _("Write to {email}"),
        "required": _("Please fill in this field."),
    }


def _storage_words() -> dict[str, str]:
    return {
        "notice": _(
            "An artificial intelligence system answers, only from the documents of AI Strategy Hub and citing them. "
            "It does not replace an opinion."
        ),
        "privacy": _("What happens to your questions"),
        "choice": _("Shall this browser keep the conversation?"),
        "session": _("Only until I close the browser"),
        "keep": _("Keep it for 180 days"),
        "isSession": _("Kept until you close the browser."),
        "isKept": _("Kept in this browser for up to 180 days."),
        "forget": _("Delete the conversation"),
        "forgotten": _("The conversation has been deleted."),
        "forgetFailed": _("The conversation was not deleted. Please try again."),
    }
