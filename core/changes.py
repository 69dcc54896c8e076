"""What was changed, field by field, as the audit trail may keep it for ever.

An entry can be neither changed nor deleted, so nothing may stand in it that a person can ask to be forgotten (GDPR,
article 17) and no secret. Of a table that holds something of people (`core.privacy.tables`) both values are kept only
where the column takes one of a few words, a yes or no, an amount or a moment. Of other tables also short texts and what
a row belongs to. Of everything else the field's name alone.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.db.models import Field, ForeignKey, Model

from core.privacy import is_personal

# {field: [before, after]}, or {field: None} where only its name may be kept
Changes = dict[str, list[Any] | None]

_SHORT = 200
_CLOSED = (models.BooleanField, models.DecimalField, models.DateTimeField, models.DurationField)
_PLAIN = (*_CLOSED, models.IntegerField, models.FloatField, models.DateField)
_SECRET = re.compile(r"password|secret|token(?!s)|hash|(^|_)key$")


def keeps_values(field: "Field[Any, Any]") -> bool:
    """Whether the trail keeps what stood in this column and what stands in it now, or its name alone."""
    if _SECRET.search(field.name) or field.primary_key:
        return False
    if isinstance(field, ForeignKey):
        # of people there is a number, which is what the trail calls them by anyway
        return field.related_model is get_user_model() or not is_personal(field.model)
    if field.choices or isinstance(field, _CLOSED):
        return True
    if is_personal(field.model):
        return False
    if isinstance(field, models.CharField):
        return (field.max_length or _SHORT + 1) <= _SHORT
    return isinstance(field, _PLAIN)


def snapshot(row: Model, names: Iterable[str]) -> dict[str, Any]:
    """The values of these columns now, for `between` later; of a foreign key the number it holds."""
    return {name: getattr(row, _field_of(row, name).attname) for name in names}


def between(row: Model, before: Mapping[str, Any]) -> Changes:
    """What differs between `before` and `row` as it is; a name that is no column counts as changed, without values."""
    result: Changes = {}
    for name, old in before.items():
        try:
            field = _field_of(row, name)
        except FieldDoesNotExist:
            result[name] = None
            continue
        new = getattr(row, field.attname)
        if _in_python(field, old) != new:
            result[name] = [_plain(field, old), _plain(field, new)] if keeps_values(field) else None
    return result


def of_form(form: Any) -> Changes:
    """What a form of the back office changed in its row, which has been saved."""
    return between(form.instance, {name: form[name].initial for name in form.changed_data})


def of_formset(formset: Any) -> list[dict[str, Any]]:
    """The parts of a row that were added, changed or deleted beside it: table, number, what, and their changes."""
    acts = [(row, "created") for row in formset.new_objects]
    acts += [(row, "changed") for row, _names in formset.changed_objects]
    acts += [(row, "deleted") for row in formset.deleted_objects]
    parts = []
    for form in formset.forms:
        verb = next((verb for row, verb in acts if row is form.instance), None)
        if verb:
            key = form[form.instance._meta.pk.name].initial or form.instance.pk  # a deleted row has lost its own
            parts.append(part(form.instance, verb, {} if verb == "deleted" else of_form(form), key=key))
    return parts


def part(row: Model, verb: str, values: Changes, *, key: Any = None) -> dict[str, Any]:
    """A part that was created, changed or deleted with the object of an entry, as its `parts` have it."""
    return {"table": row._meta.label_lower, "key": str(key or row.pk), "verb": verb, "changes": values}


def _field_of(row: Model, name: str) -> Any:
    field = row._meta.get_field(name)
    if not field.concrete or field.many_to_many:
        raise FieldDoesNotExist(name)
    return field


def _in_python(field: Any, value: Any) -> Any:
    return None if value is None else field.to_python(value)


def _plain(field: Any, value: Any) -> Any:
    """The value as JSON that comes back from the database as it went in, for the seal is made over that."""
    value = _in_python(field, value)
    if value is None or isinstance(value, bool | int):
        return _name_of(field, value) if isinstance(field, ForeignKey) and value is not None else value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value:f}"
    return str(value)


def _name_of(field: Any, key: Any) -> str:
    """What a row was called when something came to belong to it; a person is called by number."""
    if is_personal(field.related_model):
        return str(key)
    row = field.related_model.objects.filter(pk=key).first()
    return str(row if row else key)[:_SHORT]
