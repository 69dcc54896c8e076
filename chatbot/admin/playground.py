"""The place to try the assistant: what a question finds, and what the model makes of it, by any saved version."""

from typing import Any

from asgiref.sync import async_to_sync
from django import forms
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from accounts.models import User
from chatbot.answering import configuration
from chatbot.answering.rewriting import is_sure
from chatbot.clients import embeddings
from chatbot.conversations.services import clean_question
from chatbot.evaluation import trial
from chatbot.languages import language_of
from chatbot.models import AssistantVersion
from chatbot.retrieval.search import is_off_topic, search
from core.errors import DomainError, VendorError

_SHOWN = 10
_REASONS = {
    trial.OFF_TOPIC: _("Off topic: refused without asking a model."),
    trial.NO_SUPPORT: _("The model found no answer in the passages."),
    "unsupported": _("The model answered without citing a passage: the answer became the refusal."),
    "prompt_leak": _("The model was repeating its instructions: stopped."),
    "budget": _("The day’s budget is spent."),
    "switched_off": _("This version does not answer: it is switched off."),
    "overloaded_error": _("The provider is overloaded: try again in a minute."),
    "rate_limit_error": _("The provider takes no more requests just now: try again in a minute."),
    "api_error": _("The provider has trouble: try again in a minute."),
    "timeout_error": _("The provider has trouble: try again in a minute."),
    "spend_limit": _("The month’s spend limit at the provider is reached."),
    "authentication_error": _("The provider refuses the key: look at ANTHROPIC_API_KEY."),
    "not_found_error": _("The provider does not know this model."),
    "connection": _("The provider cannot be reached, or did not answer in time."),
    "truncated": _("The provider ended the answer before its end."),
}


class VersionField(forms.ModelChoiceField):
    def label_from_instance(self, version: AssistantVersion) -> str:
        return f"{version.pk}: {version.note} ({timezone.localtime(version.created_at):%d.%m.%Y})"


class TryForm(forms.Form):
    question = forms.CharField(label=_("Question"), widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}))
    version = VersionField(
        label=_("Setting"), required=False, empty_label=_("the one in use"), widget=UnfoldAdminSelectWidget(),
        queryset=AssistantVersion.objects.defer("prompt").order_by("-pk"),
    )  # fmt: skip


def build_context(request: HttpRequest) -> dict[str, Any]:
    """The page's context. Only a posted form asks a model: that costs money, and an address is only looked at."""
    form = TryForm(request.POST if request.method == "POST" else request.GET or None)
    if not form.is_valid():
        return {"form": form}
    version = form.cleaned_data["version"]
    try:
        question = clean_question(form.cleaned_data["question"])
        if request.method == "POST" and "ask" in request.POST:
            return {"form": form} | _ask_model(question, version, request.user)
        return {"form": form} | _search_passages(question, version)
    except DomainError as error:
        form.add_error("question", str(error.message))
    return {"form": form}


def _search_passages(question: str, version: AssistantVersion | None) -> dict[str, Any]:
    setting = configuration.setting_of(version) if version else configuration.current()
    language = language_of(question, "it")
    try:
        vector, trouble = async_to_sync(embeddings.embed_question)(question), ""
    except VendorError as error:
        vector, trouble = None, str(error)
    hits = search(question, vector, count=max(_SHOWN, setting.top_k))
    top = hits[: setting.top_k]
    return {
        "hits": hits, "top_k": setting.top_k, "language": language, "trouble": trouble,
        "is_off_topic": is_off_topic(top, setting.version.off_topic_similarity), "is_sure": is_sure(top, language),
    }  # fmt: skip


def _ask_model(question: str, version: AssistantVersion | None, user: User) -> dict[str, Any]:
    answer = trial.run(text=question, version=version, user=user, now=timezone.now())
    fallback = gettext("The provider’s word for it: %(code)s.") % {"code": answer.reason} if answer.reason else ""
    reason = _REASONS.get(answer.reason, fallback)
    return {"answer": answer, "reason": reason, "passage_count": len(answer.retrieval.hits)}
