"""Fields of forms and serializers for what has one rule at every door."""

from typing import Any

from django import forms
from rest_framework import serializers

from core.errors import InvalidInputError
from core.mail_address import check_address
from core.person_name import check_name


class EmailField(forms.EmailField):
    """An address as `core.mail_address` keeps it, put in order before anything else looks at it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"max_length": 254, **options})

    def to_python(self, value: Any) -> str:
        text = super().to_python(value) or ""
        try:
            return check_address(text) if text else text
        except InvalidInputError as error:
            raise forms.ValidationError(str(error.message), code=error.code) from error


class EmailSerializerField(serializers.EmailField):
    """The same for the API."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"max_length": 254, **options})

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        try:
            return check_address(text) if text else text
        except InvalidInputError as error:
            raise serializers.ValidationError(str(error.message), code="invalid") from error  # as REST framework's own


class NameField(forms.CharField):
    """A person's name by the rule of `core.person_name`."""

    def to_python(self, value: Any) -> str:
        text = super().to_python(value) or ""
        try:
            return check_name(text, field="") if text else text
        except InvalidInputError as error:
            raise forms.ValidationError(str(error.message), code=error.code) from error


class NameSerializerField(serializers.CharField):
    """The same for the API."""

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        try:
            return check_name(text, field="") if text else text
        except InvalidInputError as error:
            raise serializers.ValidationError(str(error.message), code=error.code) from error
