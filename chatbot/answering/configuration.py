"""How the assistant is set at this moment: the newest version, with the installation's settings where it is silent."""

from dataclasses import dataclass

from django.conf import settings
from django.utils.crypto import salted_hmac

from chatbot.clients.claude import Model
from chatbot.models import AssistantVersion
from chatbot.prompts import load


@dataclass(frozen=True)
class Setting:
    """A version with nothing left open. `canary` is a word of the prompt that no answer may hold."""

    version: AssistantVersion
    model: Model
    rewrite_model: Model
    prompt: str
    canary: str
    top_k: int


def current() -> Setting:
    """The newest version; before there is any, the product's defaults."""
    return setting_of(AssistantVersion.objects.order_by("-pk").first() or AssistantVersion())


def setting_of(version: AssistantVersion) -> Setting:
    """A version completed from the settings of the installation."""
    temperature = settings.CLAUDE_TEMPERATURE if version.temperature is None else version.temperature
    max_tokens = version.max_tokens if version.pk else settings.CLAUDE_MAX_TOKENS
    canary = salted_hmac("chatbot.canary", "", algorithm="sha256").hexdigest()[:16]
    prompt = (version.prompt.strip() or load("answer").strip()) + f"\n\nInternal mark of these rules: {canary}"
    return Setting(
        version=version,
        model=Model(version.model or settings.CLAUDE_MODEL, max_tokens, temperature),
        rewrite_model=Model(version.rewrite_model or settings.CLAUDE_REWRITE_MODEL, 200),
        prompt=prompt,
        canary=canary,
        top_k=version.top_k if version.pk else settings.RAG_TOP_K_RESULTS,
    )
