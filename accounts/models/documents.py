"""Documents between a customer and us: what they send, and what we deliver, version by version."""

import uuid
from pathlib import Path
from typing import ClassVar, Self

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models.users import User

DOCUMENTS_FOLDER = "documents"


class CustomerDocumentQuerySet(models.QuerySet["CustomerDocument"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """A customer's own, as long as it is not withdrawn; staff see all in the back office."""
        return self.filter(customer=user, withdrawn_at=None) if user.is_authenticated else self.none()

    def for_list(self) -> Self:
        """The newest first, with what a list shows of each."""
        return self.prefetch_related("versions").order_by("-changed_at", "-pk")

    def unread(self) -> Self:
        """What we delivered and its customer has not opened yet, a new version included."""
        return self.filter(origin=CustomerDocument.Origin.DELIVERABLE, opened_at=None, withdrawn_at=None)

    def without_file(self) -> Self:
        """With a version whose file should be there and is not."""
        return self.filter(pk__in=DocumentVersion.objects.without_file().values("document"))

    def to_look_at(self) -> Self:
        """What a customer has sent and nobody of the staff has opened yet."""
        return self.filter(origin=CustomerDocument.Origin.UPLOAD, opened_at=None)


class CustomerDocument(models.Model):
    """One document of one customer. Its files are its versions; an upload has one."""

    class Origin(models.TextChoices):
        UPLOAD = "upload", _("from the customer")
        DELIVERABLE = "deliverable", _("from us")

    MAX_TITLE: ClassVar[int] = 120
    MAX_NOTE: ClassVar[int] = 500

    reference = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    customer = models.ForeignKey(User, on_delete=models.CASCADE, related_name="documents", verbose_name=_("customer"))
    origin = models.CharField(_("origin"), max_length=11, choices=Origin.choices)
    title = models.CharField(_("title"), max_length=MAX_TITLE)
    note = models.TextField(_("note"), blank=True, max_length=MAX_NOTE)
    order_number = models.CharField(_("order number"), max_length=16, blank=True)
    created_at = models.DateTimeField(pgettext_lazy("of a document", "added"))
    changed_at = models.DateTimeField(_("newest version of"))
    opened_at = models.DateTimeField(
        pgettext_lazy("of a document", "opened"), null=True,
        help_text=_("When the other side first opened the newest version."),
    )  # fmt: skip
    withdrawn_at = models.DateTimeField(_("withdrawn"), null=True)

    objects = CustomerDocumentQuerySet.as_manager()

    class Meta:
        verbose_name = _("customer’s document")
        verbose_name_plural = _("customers’ documents")
        indexes: ClassVar = [
            models.Index(fields=["customer", "-changed_at"], name="accounts_document_customer"),
            models.Index(fields=["origin", "customer"], condition=Q(opened_at=None), name="accounts_document_unopened"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(origin__in=["upload", "deliverable"]), name="accounts_customerdocument_origin"
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_at=None) | Q(origin="deliverable"), name="accounts_customerdocument_withdrawn"
            ),
        ]

    def __str__(self) -> str:
        """Without a word of its content: it goes into the audit trail, which forgets nothing."""
        return str(self.reference)

    def get_absolute_url(self) -> str:
        """Its customer's page of it."""
        return reverse("accounts:show_document", args=[self.reference])

    @property
    def is_upload(self) -> bool:
        return self.origin == self.Origin.UPLOAD

    @property
    def is_new(self) -> bool:
        """To its customer."""
        return not self.is_upload and self.opened_at is None

    @property
    def may_be_deleted(self) -> bool:
        """By the customer who sent it: as long as nobody of the staff may rely on it."""
        return self.is_upload and self.opened_at is None

    def newest(self) -> "DocumentVersion":
        """Of its versions, which a list has fetched already (`for_list`)."""
        return max(self.versions.all(), key=lambda version: version.number)


class DocumentVersionQuerySet(models.QuerySet["DocumentVersion"]):
    def uploads_of(self, customer: User) -> Self:
        """The files that a customer has sent and that count against their limits."""
        return self.filter(document__customer=customer, document__origin=CustomerDocument.Origin.UPLOAD)

    def with_file(self) -> Self:
        """Those whose file must lie in the folder: a withdrawn document has only the rows."""
        return self.filter(document__withdrawn_at=None)

    def without_file(self) -> Self:
        """Those whose file should be there and is not."""
        return self.with_file().exclude(missing_since=None)


class DocumentVersion(models.Model):
    """A file as it came, under a random name in UPLOAD_DIR/documents, only ever given out as a download."""

    reference = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    document = models.ForeignKey(
        CustomerDocument, on_delete=models.CASCADE, related_name="versions", verbose_name=_("document")
    )
    number = models.PositiveSmallIntegerField(_("version"), default=1)
    name = models.CharField(_("file name"), max_length=120)
    kind = models.CharField(_("kind"), max_length=4)
    size = models.PositiveIntegerField(_("bytes"))
    sha256 = models.CharField("SHA-256", max_length=64)
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", verbose_name=_("added by")
    )
    added_at = models.DateTimeField(pgettext_lazy("of a document", "added"))
    missing_since = models.DateTimeField(_("file missing since"), null=True)

    objects = DocumentVersionQuerySet.as_manager()

    class Meta:
        verbose_name = _("version of a document")
        verbose_name_plural = _("versions of documents")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["document", "number"], name="accounts_documentversion_number")
        ]

    def __str__(self) -> str:
        return f"{self.document} {self.number}"

    @property
    def path(self) -> Path:
        name = self.reference.hex
        return Path(settings.MEDIA_ROOT) / DOCUMENTS_FOLDER / name[:2] / name
