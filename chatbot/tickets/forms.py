"""The HTML door's forms of tickets: shapes and labels; the services check the rules."""

from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chatbot.texts import MAX_TEXT
from core.uploads import FILES_AT_ONCE
from core.web.fields import EmailField, NameField


class ManyFilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Files chosen together, as a list."""

    def clean(self, data: Any, initial: Any = None) -> list["UploadedFile[Any]"]:
        files = [file for file in data or [] if file]
        return [super(FilesField, self).clean(file, initial) for file in files]


def files_hint() -> str:
    """Which files may come along, as the settings say."""
    kinds = ", ".join(sorted(settings.ALLOWED_EXTENSIONS)).upper()
    text = gettext("Up to %(count)d files of %(size)d MB each: %(kinds)s.")
    return text % {"count": FILES_AT_ONCE, "size": settings.MAX_UPLOAD_SIZE_MB, "kinds": kinds}


class PersonForm(forms.Form):
    """A request for a person; who has a login is known."""

    name = NameField(label=_("Your name"), max_length=80, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    email = EmailField(label=_("E-mail address"))
    text = forms.CharField(label=_("What is it about?"), max_length=MAX_TEXT, widget=forms.Textarea, required=False)

    def __init__(self, *args: Any, is_guest: bool, has_conversation: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not is_guest:
            del self.fields["name"], self.fields["email"]
        self.fields["text"].required = not has_conversation


class AnswerForm(forms.Form):
    """The customer goes on."""

    text = forms.CharField(label=_("Your answer"), max_length=MAX_TEXT, widget=forms.Textarea(attrs={"rows": 5}))
    file = FilesField(label=_("Files"), required=False, widget=ManyFilesInput())

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["file"].help_text = files_hint()
