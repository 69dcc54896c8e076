"""What each model takes and refuses, after platform.claude.com (models, thinking, prompt caching; November 2026).

Where the documentation and what was measured differ, the harder holds: prompts for Sonnet 4.6 are cached from 2,048
tokens on (anthropics/anthropic-sdk-python#1194).
"""

from dataclasses import dataclass
from typing import Any

from sandbox.claude.errors import ApiError, invalid

Block = dict[str, Any]

MAX_BYTES = 32 * 1024 * 1024
_SAMPLING = ("temperature", "top_p", "top_k")


@dataclass(frozen=True)
class Model:
    """`thinking` are the values of `thinking.type` it takes; without one it thinks or not by `thinks`."""

    thinks: bool
    thinking: frozenset[str]
    samples: bool  # takes temperature, top_p and top_k
    shows_thinking: bool  # as text; newer models send the signature alone
    cache_minimum: int
    context: int = 1_000_000
    max_output: int = 128_000


def _current(off: str = "", cache_minimum: int = 512) -> Model:
    """A model that thinks unless told not to, by the word `off` where it has one."""
    return Model(True, frozenset({"adaptive", off} - {""}), False, False, cache_minimum)


_OPUS_4 = Model(False, frozenset({"adaptive", "disabled"}), False, False, 1024)
MODELS = {
    "claude-opus-5-5": _current(),
    "claude-sonnet-5-5": _current("between_tools"),
    "claude-haiku-5-5": _current("disabled"),
    "claude-opus-5": _current("disabled"),
    "claude-sonnet-5": _current("disabled", 1024),
    "claude-opus-4-8": _OPUS_4,
    "claude-opus-4-7": Model(False, _OPUS_4.thinking, False, False, 2048),
    "claude-opus-4-6": Model(False, frozenset({"adaptive", "enabled", "disabled"}), True, True, 4096),
    "claude-sonnet-4-6": Model(False, frozenset({"adaptive", "enabled", "disabled"}), True, True, 2048),
    "claude-opus-4-5": Model(False, frozenset({"enabled", "disabled"}), True, True, 4096, 200_000, 64_000),
    "claude-haiku-4-5": Model(False, frozenset({"enabled", "disabled"}), True, True, 4096, 200_000, 64_000),
}
_DATED = {"claude-haiku-4-5-20251001": "claude-haiku-4-5", "claude-opus-4-5-20251101": "claude-opus-4-5"}


def find_model(name: str) -> Model:
    """The model of this name, or the API's 404 for one that it has not, or no longer."""
    model = MODELS.get(_DATED.get(name, name))
    if model is None:
        raise ApiError(404, "not_found_error", f"model: {name}")
    return model


def thinks(body: Block) -> bool:
    """Whether the model thinks before it answers this request."""
    setting = (body.get("thinking") or {}).get("type")
    return find_model(body["model"]).thinks if setting is None else setting in ("adaptive", "enabled")


def check_fit(body: Block, model: Model) -> None:
    """Refuse what this model does not take."""
    if body["max_tokens"] > model.max_output:
        raise invalid(
            f"max_tokens: {body['max_tokens']} > {model.max_output}, which is the maximum allowed number of output "
            f"tokens for {body['model']}"
        )
    for parameter in _SAMPLING:
        if body.get(parameter) is not None and not model.samples:
            raise invalid(f"`{parameter}` is deprecated for this model.")
    _check_thinking(body, model)


def _check_thinking(body: Block, model: Model) -> None:
    setting = body.get("thinking")
    if setting is None:
        return
    kind = setting.get("type") if isinstance(setting, dict) else None
    if kind not in ("adaptive", "enabled", "disabled", "between_tools"):
        raise invalid(f"thinking: Input tag '{kind}' found using 'type' does not match any of the expected tags")
    if kind not in model.thinking:
        cure = 'Use "thinking.type.adaptive" and "output_config.effort" to control thinking behavior.'
        if "between_tools" in model.thinking and kind == "disabled":
            cure = 'To turn thinking off on this model, send "thinking": {"type": "between_tools"}.'
        raise invalid(f'"thinking.type.{kind}" is not supported for this model. {cure}')
    if kind == "enabled":
        budget = setting.get("budget_tokens")
        if not isinstance(budget, int) or budget < 1024:
            raise invalid("thinking.enabled.budget_tokens: Input should be greater than or equal to 1024")
        if budget >= body["max_tokens"]:
            raise invalid("`max_tokens` must be greater than `thinking.budget_tokens`.")
        if body.get("temperature") not in (None, 1):
            raise invalid("`temperature` may only be set to 1 when thinking is enabled.")
