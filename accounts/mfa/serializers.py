"""Shapes of the API of the second factor."""

from typing import Any

from rest_framework import serializers


class StatusSerializer(serializers.Serializer[Any]):
    totp = serializers.BooleanField()
    backup_codes_left = serializers.IntegerField()


class SetupSerializer(serializers.Serializer[Any]):
    secret = serializers.CharField(help_text="Base32, for typing it into the app.")
    otpauth_uri = serializers.CharField()
    qr_svg = serializers.CharField(help_text="The address as a QR code: an <svg> element.")


class FactorCodeSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(max_length=30, write_only=True)


class PasswordAndCodeSerializer(FactorCodeSerializer):
    password = serializers.CharField(max_length=200, trim_whitespace=False, write_only=True)


class BackupCodesSerializer(serializers.Serializer[Any]):
    backup_codes = serializers.ListField(child=serializers.CharField(), help_text="Ten; they are not shown again.")
