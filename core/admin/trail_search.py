"""What the audit trail is searched by: person, act, object, number and days."""

from collections import defaultdict
from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db.models import Q
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from core import wording
from core.models import AuditEntryQuerySet

_PEOPLE = 200  # a word that fits more is no search for a person


class TrailForm(forms.Form):
    """What to look for; what is left empty narrows nothing. `finds_people`: whoever reads may see accounts."""

    person = forms.CharField(
        label=_("Person"), required=False, max_length=254, widget=UnfoldAdminTextInputWidget(),
        help_text=_("Who did it, or whom it is about: e-mail, name, or number of the account."),
    )  # fmt: skip
    act = forms.ChoiceField(label=_("Act"), required=False, widget=UnfoldAdminSelectWidget())
    table = forms.ChoiceField(label=_("Object"), required=False, widget=UnfoldAdminSelectWidget())
    number = forms.CharField(
        label=_("Number"), required=False, max_length=100, widget=UnfoldAdminTextInputWidget(),
        help_text=_("Of the object, such as ORD-2026-00012; of one without, the number in its address."),
    )  # fmt: skip
    since = forms.DateField(label=_("From"), required=False, widget=UnfoldAdminTextInputWidget({"type": "date"}))
    until = forms.DateField(label=_("To"), required=False, widget=UnfoldAdminTextInputWidget({"type": "date"}))

    def __init__(self, *args: Any, finds_people: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._finds_people = finds_people
        fields: Any = self.fields
        fields["act"].choices = [("", _("All")), *_act_choices()]
        fields["table"].choices = [("", _("All")), *_table_choices()]

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        since, until = values.get("since"), values.get("until")
        if since and until and until < since:
            self.add_error("until", gettext("The last day is before the first one."))
        return values

    def narrow(self, entries: AuditEntryQuerySet) -> AuditEntryQuerySet:
        """Those that fit; none while something in the form is wrong."""
        if not self.is_valid():
            return entries.none()
        values = self.cleaned_data
        if values["person"]:
            entries = entries.of_people(self._find_people(values["person"].strip()))
        if values["act"]:
            entries = entries.filter(_of_act(values["act"]))
        if values["table"] or values["number"]:
            entries = entries.filter(_about(values["table"], values["number"].strip()))
        if values["since"]:
            entries = entries.filter(at__gte=_midnight(values["since"]))
        if values["until"]:
            entries = entries.filter(at__lt=_midnight(values["until"] + timedelta(days=1)))
        return entries

    def _find_people(self, text: str) -> list[Any]:
        if text.isdecimal():
            return [text]
        if not self._finds_people:
            return []
        by_word = Q()
        for word in text.split():
            by_word &= Q(email__icontains=word) | Q(first_name__icontains=word) | Q(last_name__icontains=word)
        return list(get_user_model().objects.filter(by_word).values_list("pk", flat=True)[:_PEOPLE])


def _about(table: str, number: str) -> Q:
    if table and number:
        return Q(target__iexact=f"{table}:{number}")
    return Q(target__startswith=f"{table}:") if table else Q(target__iendswith=f":{number}")


def _of_act(code: str) -> Q:
    if "." in code:
        return Q(action=code)
    others = [act for act in wording.acts() if act.endswith(f".{code}")]  # called otherwise: choices of their own
    return Q(action__endswith=f".{code}") & ~Q(action__in=others)


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


def _act_choices() -> list[tuple[str, str]]:
    dots: dict[str, str] = defaultdict(lambda: "…")
    acts = wording.acts().items()
    return sorted(((code, str(act.sentence).format_map(dots)) for code, act in acts), key=lambda pair: pair[1])


def _table_choices() -> list[tuple[str, str]]:
    metas = [page.opts for page in admin.site._registry.values()]  # noqa: SLF001 -- every table that has a page
    return sorted(((meta.label_lower, str(capfirst(meta.verbose_name))) for meta in metas), key=lambda pair: pair[1])
