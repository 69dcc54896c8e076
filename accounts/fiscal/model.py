"""The fiscal identity of a customer as columns: kept on the profile, copied onto order and invoice."""

from typing import Any, ClassVar, Self

from django.db import models
from django.utils.translation import gettext_lazy as _


class FiscalIdentity(models.Model):
    """What FatturaPA 1.4 (CessionarioCommittente) needs to know; a snapshot wherever it is inherited."""

    class Kind(models.TextChoices):
        COMPANY = "company", _("Company or professional with partita IVA")
        PERSON = "person", _("Private person")
        ASSOCIATION = "association", _("Association or condominium without partita IVA")
        PUBLIC_ADMINISTRATION = "public_administration", _("Public administration")

    kind = models.CharField(_("customer"), max_length=21, choices=Kind.choices, default=Kind.COMPANY)
    company_name = models.CharField(_("company name"), max_length=80, blank=True)
    first_name = models.CharField(_("first name"), max_length=60, blank=True)
    last_name = models.CharField(_("last name"), max_length=60, blank=True)
    vat_number = models.CharField(_("partita IVA"), max_length=28, blank=True)
    tax_code = models.CharField(_("codice fiscale"), max_length=16, blank=True)
    recipient_code = models.CharField(_("codice destinatario"), max_length=7, blank=True)
    pec = models.EmailField(_("PEC"), blank=True)
    street = models.CharField(_("street and number"), max_length=60)
    postcode = models.CharField(_("CAP"), max_length=16, blank=True)
    city = models.CharField(_("town"), max_length=60)
    province = models.CharField(_("province"), max_length=2, blank=True)
    country = models.CharField(_("country"), max_length=2, default="IT")

    # who can buy by themselves; the others are invoiced by hand
    SHOP_KINDS: ClassVar[list[tuple[str, Any]]] = [(kind.value, kind.label) for kind in (Kind.COMPANY, Kind.PERSON)]
    FISCAL_FIELDS: ClassVar[tuple[str, ...]] = (
        "kind", "company_name", "first_name", "last_name", "vat_number", "tax_code", "recipient_code", "pec",
        "street", "postcode", "city", "province", "country",
    )  # fmt: skip

    class Meta:
        abstract = True

    @property
    def display_name(self) -> str:
        return self.company_name or f"{self.first_name} {self.last_name}".strip()

    @property
    def is_company(self) -> bool:
        return self.kind == self.Kind.COMPANY

    def fiscal_values(self) -> dict[str, Any]:
        """The columns as keyword arguments for a copy."""
        return {name: getattr(self, name) for name in self.FISCAL_FIELDS}

    def same_identity_as(self, other: Self) -> bool:
        return self.fiscal_values() == other.fiscal_values()
