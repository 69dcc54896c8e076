"""Shapes of the API of documents."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import CustomerDocument, DocumentVersion


class DocumentVersionSerializer(serializers.ModelSerializer[DocumentVersion]):
    class Meta:
        model = DocumentVersion
        fields = ("number", "name", "kind", "size", "sha256", "added_at")
        read_only_fields = fields


class CustomerDocumentSerializer(serializers.ModelSerializer[CustomerDocument]):
    is_new = serializers.BooleanField(read_only=True, help_text="Delivered to you, and not opened in this version.")
    may_be_deleted = serializers.BooleanField(read_only=True, help_text="Sent by you, and opened by nobody of ours.")
    versions = serializers.SerializerMethodField(help_text="The newest first.")

    class Meta:
        model = CustomerDocument
        fields = (
            "reference", "origin", "title", "note", "order_number", "created_at", "changed_at", "opened_at", "is_new",
            "may_be_deleted", "versions",
        )  # fmt: skip
        read_only_fields = fields
        extra_kwargs = {"opened_at": {"help_text": "When the other side first opened the newest version."}}

    @extend_schema_field(DocumentVersionSerializer(many=True))
    def get_versions(self, document: CustomerDocument) -> list[dict[str, Any]]:
        versions = sorted(document.versions.all(), key=lambda version: version.number, reverse=True)
        return list(DocumentVersionSerializer(versions, many=True).data)


class UploadSerializer(serializers.Serializer[Any]):
    file = serializers.FileField(help_text="One of the kinds and up to the size that a refusal names.")
    note = serializers.CharField(
        max_length=CustomerDocument.MAX_NOTE, required=False, allow_blank=True, help_text="What it is."
    )
