"""Shapes of the API for signing in and for sessions."""

from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers

from accounts.login import devices
from accounts.models import UserSession
from core.web.fields import EmailSerializerField


class LoginSerializer(serializers.Serializer[Any]):
    email = EmailSerializerField()
    password = serializers.CharField(max_length=200, trim_whitespace=False, write_only=True)


class TokenPairSerializer(serializers.Serializer[Any]):
    access = serializers.CharField()
    refresh = serializers.CharField()
    expires_in_s = serializers.IntegerField()


class ChallengeSerializer(serializers.Serializer[Any]):
    mfa_required = serializers.SerializerMethodField()
    mfa_token = serializers.CharField(source="token")
    methods = serializers.ListField(child=serializers.ChoiceField(["totp", "backup_code", "passkey"]))
    expires_in_s = serializers.IntegerField()

    def get_mfa_required(self, challenge: Any) -> bool:
        return True


class CodeSerializer(serializers.Serializer[Any]):
    mfa_token = serializers.CharField(max_length=100)
    code = serializers.CharField(max_length=30)
    trust_device = serializers.BooleanField(default=False)


class RefreshSerializer(serializers.Serializer[Any]):
    # room for an access token sent here by mistake: it is refused as a token, not as a field
    refresh = serializers.CharField(max_length=1000)


class SessionSerializer(serializers.ModelSerializer[UserSession]):
    kind = serializers.ChoiceField(UserSession.Kind.choices, read_only=True)
    device = serializers.SerializerMethodField(help_text="The program, as a person names it.")
    place = serializers.CharField(source="network", read_only=True, help_text="The network, not the whole address.")
    current = serializers.SerializerMethodField(help_text="Whether this call belongs to it.")

    class Meta:
        model = UserSession
        fields = ("id", "kind", "device", "place", "created_at", "last_used_at", "current")
        read_only_fields = fields

    def get_device(self, session: UserSession) -> str:
        return devices.describe(session.user_agent)

    def get_current(self, session: UserSession) -> bool:
        return bool(session == self.context["request"].user.session)


class ReauthenticationSerializer(serializers.Serializer[Any]):
    """One of the two."""

    password = serializers.CharField(max_length=200, trim_whitespace=False, write_only=True, required=False)
    code = serializers.CharField(max_length=30, write_only=True, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len(attrs) != 1:
            raise serializers.ValidationError(_("Send either the password or a code."), code="one_of_two")
        return attrs


class PasswordChangeSerializer(serializers.Serializer[Any]):
    old_password = serializers.CharField(max_length=200, trim_whitespace=False, write_only=True)
    new_password = serializers.CharField(max_length=200, trim_whitespace=False, write_only=True)
