"""Shapes of the accounts API."""

from typing import Any

from django.conf import settings
from rest_framework import serializers

from accounts.fiscal.checks import clean_identity
from accounts.models import BillingProfile, DataExport, User
from core.privacy import Outcome
from core.web.fields import EmailSerializerField, NameSerializerField


class RegistrationSerializer(serializers.Serializer[Any]):
    email = EmailSerializerField()
    password = serializers.CharField(max_length=200, trim_whitespace=False, write_only=True)
    first_name = NameSerializerField(max_length=60)
    last_name = NameSerializerField(max_length=60)
    language = serializers.ChoiceField(choices=settings.LANGUAGES, default="it")


class EmailSerializer(serializers.Serializer[Any]):
    email = EmailSerializerField()


class LinkSerializer(serializers.Serializer[Any]):
    token = serializers.CharField(max_length=100)


class NewPasswordSerializer(LinkSerializer):
    password = serializers.CharField(max_length=200, trim_whitespace=False, write_only=True)


class PasswordSerializer(serializers.Serializer[Any]):
    password = serializers.CharField(max_length=200, trim_whitespace=False, write_only=True)


class DataExportSerializer(serializers.ModelSerializer[DataExport]):
    state = serializers.ChoiceField(DataExport.State.choices, read_only=True)

    class Meta:
        model = DataExport
        fields = ("reference", "state", "requested_at", "ready_at", "expires_at", "size")
        read_only_fields = fields


class ErasureLineSerializer(serializers.Serializer[Any]):
    title = serializers.CharField()
    outcome = serializers.ChoiceField(Outcome.choices)
    why = serializers.CharField()
    count = serializers.IntegerField()


class BlockerSerializer(serializers.Serializer[Any]):
    text = serializers.CharField()
    path = serializers.CharField(allow_blank=True)


class ErasureSerializer(serializers.Serializer[Any]):
    due_at = serializers.DateTimeField(allow_null=True, help_text="When it is carried out, if it waits.")
    lines = ErasureLineSerializer(many=True)
    blockers = BlockerSerializer(many=True)


class UserSerializer(serializers.ModelSerializer[User]):
    first_name = NameSerializerField(max_length=60)
    last_name = NameSerializerField(max_length=60)

    class Meta:
        model = User
        fields = ("email", "first_name", "last_name", "language", "date_joined")
        read_only_fields = ("email", "date_joined")


class BillingProfileSerializer(serializers.ModelSerializer[BillingProfile]):
    kind = serializers.ChoiceField(BillingProfile.SHOP_KINDS)
    pec = EmailSerializerField(required=False, allow_blank=True)
    vat_number = serializers.CharField(max_length=20, required=False, allow_blank=True)
    tax_code = serializers.CharField(max_length=20, required=False, allow_blank=True)
    recipient_code = serializers.CharField(max_length=20, required=False, allow_blank=True)
    province = serializers.CharField(max_length=2, required=False, allow_blank=True)

    class Meta:
        model = BillingProfile
        fields = BillingProfile.FISCAL_FIELDS
        extra_kwargs = {name: {"required": False, "allow_blank": True} for name in ("street", "postcode", "city")} | {
            "country": {"default": "IT"}
        }

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        identity, errors = clean_identity({name: attrs.get(name, "") for name in BillingProfile.FISCAL_FIELDS})
        if errors:
            raise serializers.ValidationError(
                {name: [serializers.ErrorDetail(str(error.message), error.code)] for name, error in errors.items()}
            )
        return identity
