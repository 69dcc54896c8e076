"""The customer's form: a file and a word with it; the services check the rules."""

from typing import Any

from django import forms
from django.conf import settings
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.documents.services import Usage
from accounts.models import CustomerDocument


class UploadForm(forms.Form):
    """What to send."""

    file = forms.FileField(
        label=_("File"),
        error_messages={"required": _("Choose a file."), "empty": _("The file is empty. Choose another one.")},
    )
    note = forms.CharField(
        label=_("What the file is"), max_length=CustomerDocument.MAX_NOTE, required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )  # fmt: skip

    def __init__(self, *args: Any, usage: Usage, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["file"]
        field.widget.attrs["accept"] = ",".join(f".{kind}" for kind in sorted(settings.ALLOWED_EXTENSIONS))
        field.help_text = file_hint(usage)


def file_hint(usage: Usage) -> str:
    """Which files are taken, and how much room there is."""
    kinds = ", ".join(sorted(settings.ALLOWED_EXTENSIONS)).upper()
    text = gettext("%(kinds)s, up to %(size)d MB. You use %(used)s of %(room)d MB and %(count)d of %(most)d files.")
    return text % {
        "kinds": kinds, "size": settings.MAX_UPLOAD_SIZE_MB, "used": filesizeformat(usage.size),
        "room": settings.DOCUMENTS_MAX_MB, "count": usage.file_count, "most": usage.max_files,
    }  # fmt: skip
