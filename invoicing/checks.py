"""Refuses to start without what an invoice legally needs: the seller's identity, the schema, a PEC mailbox."""

from pathlib import Path
from typing import Any

from cryptography import x509
from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.checks import Warning as CheckWarning
from stdnum.it import iva

from invoicing.fatturapa.schema import SchemaMissingError, schema_ready


@register("invoicing")
def check_seller(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """The seller on every invoice must be complete and its VAT number right."""
    names = ("NAME", "VAT_NUMBER", "TAX_CODE", "TAX_REGIME", "STREET", "POSTCODE", "CITY", "PROVINCE")
    missing = [f"SELLER_{name}" for name in names if not getattr(settings, f"SELLER_{name}")]
    if missing:
        return [Error(f"{', '.join(missing)} must be set: they are on every invoice", id="invoicing.E001")]
    if not iva.is_valid(settings.SELLER_VAT_NUMBER):
        return [Error("SELLER_VAT_NUMBER is not a valid partita IVA", id="invoicing.E002")]
    return []


@register("invoicing")
def check_schema(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """The official XSD is installed and is the one we know, by its SHA-256."""
    try:
        schema_ready()
    except SchemaMissingError as error:
        return [Error(str(error), id="invoicing.E003")]
    return []


@register("invoicing")
def check_pec(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Without a PEC mailbox invoices are written and wait."""
    names = ("SDI_PEC_EMAIL", "SDI_PEC_PASSWORD", "SDI_PEC_SMTP_HOST", "SDI_PEC_IMAP_HOST")
    missing = [name for name in names if not getattr(settings, name)]
    if missing:
        return [CheckWarning(f"{', '.join(missing)} not set: invoices will not be sent to SDI", id="invoicing.W001")]
    return []


@register("invoicing", deploy=True)
def check_signers(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Who believes only headers can be told anything by whoever can write to the mailbox."""
    if settings.SDI_PEC_EMAIL and not settings.SDI_PEC_SIGNER_CA_FILE:
        hint = "Set it to a PEM file of the authorities behind the PEC providers' signatures."
        return [
            CheckWarning("SDI_PEC_SIGNER_CA_FILE is not set: envelopes are not verified", hint, id="invoicing.W002")
        ]
    return []


@register("invoicing")
def check_authorities(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """The files of authorities hold certificates, or everything signed would be refused."""
    errors: list[CheckMessage] = []
    for name in ("SDI_PEC_SIGNER_CA_FILE", "INVOICE_SIGNER_CA_FILE"):
        path = getattr(settings, name)
        try:
            if path:
                x509.load_pem_x509_certificates(Path(path).read_bytes())
        except (OSError, ValueError) as error:
            hint = "It must be a PEM file of the authorities' certificates."
            errors.append(Error(f"{name}: {path} cannot be used: {error}", hint, id="invoicing.E004"))
    return errors
