"""Reads a CAdES `.p7m` (ETSI EN 319 122): the invoice that was signed, by whom, and whether it is intact.

Whether the certificate is a qualified one only the national trust list can tell; SDI looks there (00104, 00107), and so
do we where INVOICE_SIGNER_CA_FILE holds its authorities.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from asn1crypto import cms
from cryptography import x509
from django.utils import timezone
from django.utils.translation import gettext as _

from invoicing.sdi.cms import NotSignedError, Signature, certificates, load, signatures
from invoicing.sdi.trust import NotTrustedError, Purpose, verify_chain

_MAX_LAYERS = 3  # files are sometimes signed by several people, one around the other


class P7mError(ValueError):
    """The bytes are no signed file with its content inside."""


@dataclass(frozen=True)
class Signed:
    """`content` is the innermost file, `signers` their names, `troubles` what is wrong with the signatures."""

    content: bytes
    signers: tuple[str, ...]
    troubles: tuple[str, ...]


def read_p7m(data: bytes, *, authorities: Path | None = None) -> Signed:
    """Open every layer of signatures (DER or base64); `P7mError` when there is none.

    With `authorities` (PEM) it is a trouble, too, when none of them stands behind a signer today.
    """
    signers: list[str] = []
    troubles: list[str] = []
    content = data
    for _layer in range(_MAX_LAYERS):
        try:
            signed_data = load(content)
        except NotSignedError as error:
            raise P7mError(_("This is not a signed file (.p7m).")) from error
        content = _inner(signed_data)
        layer_signatures = list(signatures(signed_data, content))
        signers += [signature.name for signature in layer_signatures]
        troubles += [signature.trouble for signature in layer_signatures if signature.trouble]
        if authorities:
            troubles += _check_trust(layer_signatures, certificates(signed_data), authorities)
        if not layer_signatures:
            troubles.append(_("The file carries no signature."))
        if not _is_signed_again(content):
            return Signed(content, tuple(signers), tuple(troubles))
    raise P7mError(_("The file is signed more often than we open it."))


def _check_trust(
    layer_signatures: list[Signature], intermediates: list[x509.Certificate], authorities: Path
) -> Iterator[str]:
    for signature in layer_signatures:
        if signature.certificate is None:
            continue
        try:
            verify_chain(signature.certificate, intermediates, authorities, purpose=Purpose.DOCUMENT, at=timezone.now())
        except NotTrustedError as error:
            unknown = _("No authority that we trust stands behind the signature of %(name)s: %(reason)s.")
            yield unknown % {"name": signature.name, "reason": error}


def _is_signed_again(content: bytes) -> bool:
    return content[:1] == b"\x30" and b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02" in content[:64]


def _inner(signed_data: cms.SignedData) -> bytes:
    content = signed_data["encap_content_info"]["content"].native
    if not isinstance(content, bytes):
        raise P7mError(_("The signature is apart from the file: send the .p7m with the invoice inside."))
    return content
