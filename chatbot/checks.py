"""Says at start what the assistant will not be able to do."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.checks import Warning as CheckWarning
from django.utils import timezone

from chatbot.clients.claude import facts_of, find_facts
from chatbot.conversations.callers import is_origin
from chatbot.working_hours import opening_hours


@register("chatbot")
def check_keys(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Answers need Claude's key, retrieval needs the embeddings' key."""
    missing = [name for name in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY") if not getattr(settings, name)]
    if missing:
        return [CheckWarning(f"{', '.join(missing)} not set: the assistant cannot answer", id="chatbot.W001")]
    return []


@register("chatbot")
def check_embedding(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Whoever may embed the widget is named: a star would let every site in the world ask at our cost."""
    wrong = [origin for origin in settings.CHAT_EMBED_ORIGINS if "*" in origin or not is_origin(origin)]
    if wrong:
        message = f"CHAT_EMBED_ORIGINS must be whole origins such as https://www.example.it, not {', '.join(wrong)}"
        return [Error(message, id="chatbot.E002")]
    return []


_NEAR_END = timedelta(days=90)


@register("chatbot")
def check_models(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """A model that ends takes the assistant with it; one we know nothing of is asked as if it took nothing."""
    messages: list[CheckMessage] = []
    for setting in ("CLAUDE_MODEL", "CLAUDE_REWRITE_MODEL"):
        name = getattr(settings, setting)
        facts = find_facts(name)
        if facts is None:
            text = f"{setting}: nothing is known of {name}; enter it in chatbot/clients/claude/models.py"
            messages.append(CheckWarning(text, id="chatbot.W002"))
        elif facts.retires and facts.retires - timezone.localdate() <= _NEAR_END:
            text = f"{setting}: {name} may be retired from {facts.retires:%d %B %Y} on; choose another model"
            messages.append(CheckWarning(text, id="chatbot.W003"))
    if settings.CLAUDE_TEMPERATURE is not None and not facts_of(settings.CLAUDE_MODEL).takes_temperature:
        text = f"CLAUDE_TEMPERATURE is not sent: {settings.CLAUDE_MODEL} takes none"
        messages.append(CheckWarning(text, id="chatbot.W004"))
    return messages


@register("chatbot")
def check_chunks(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """An overlap as large as the chunk would never come to an end."""
    if not 0 <= settings.RAG_CHUNK_OVERLAP < settings.RAG_CHUNK_SIZE // 2:
        return [Error("RAG_CHUNK_OVERLAP must be less than half of RAG_CHUNK_SIZE", id="chatbot.E001")]
    return []


@register("chatbot")
def check_ticket_hours(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Each priority needs its hours, and a solution cannot be due before the first answer."""
    pairs = list(zip(settings.TICKET_FIRST_RESPONSE_HOURS, settings.TICKET_RESOLUTION_HOURS, strict=False))
    lengths = {len(settings.TICKET_FIRST_RESPONSE_HOURS), len(settings.TICKET_RESOLUTION_HOURS)}
    if lengths != {4} or any(not 0 < answer <= solution for answer, solution in pairs):
        text = "TICKET_FIRST_RESPONSE_HOURS and TICKET_RESOLUTION_HOURS need four hours each, the second no smaller"
        return [Error(text, id="chatbot.E003")]
    try:
        opening_hours()
    except ValueError:
        return [Error("SUPPORT_HOURS must be two times such as 09:00-18:00", id="chatbot.E004")]
    return []
