"""Form fields and forms of the assistant's back office."""

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from chatbot.models import Topic
from chatbot.texts import MAX_TEXT


class ManyFilesWidget(UnfoldAdminFileFieldWidget):
    allow_multiple_selected = True


class ArticleForm(forms.Form):
    question = forms.CharField(label=_("Question"), max_length=200, widget=UnfoldAdminTextInputWidget())
    answer = forms.CharField(
        label=_("Answer"), max_length=MAX_TEXT, widget=UnfoldAdminTextareaWidget(attrs={"rows": 12}),
        help_text=_("Markdown: an empty line between paragraphs, a hyphen before each item of a list."),
    )  # fmt: skip
    topic = forms.ChoiceField(label=_("Topic"), choices=Topic.choices, widget=UnfoldAdminSelectWidget())
    language = forms.ChoiceField(
        label=_("Language"), choices=[("it", "Italiano"), ("en", "English")], widget=UnfoldAdminSelectWidget()
    )
