"""Whether a PEC envelope is what it says: signed by a provider we trust, for the address it comes from.

A provider signs every receipt and every envelope (S/MIME, DM 2.11.2005 §6.6). Whom to trust is a file of certificates:
the authorities of the providers' signing keys, as published by AgID.
"""

import re
from pathlib import Path

from cryptography import x509
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from invoicing.sdi.cms import NotSignedError, certificates, load, signatures
from invoicing.sdi.trust import NotTrustedError, Purpose, verify_chain

UNKNOWN_SIGNER = gettext_noop("The envelope is signed by %(name)s, whom we do not trust: %(trouble)s")
OTHER_ADDRESS = gettext_noop("The envelope is signed for another address than %(sender)s.")
_BOUNDARY = re.compile(rb'^content-type:\s*multipart/signed;.*?boundary="?([^";\r\n]+)"?', re.I | re.S | re.M)


class UntrustedError(ValueError):
    """The envelope is not signed, was changed, or is signed by somebody we do not know."""


def verify(raw: bytes, *, sender: str, authorities: Path) -> None:
    """`UntrustedError` unless one of `authorities` (PEM) stands behind the signature and it names `sender`."""
    content, signature = _parts(raw)
    try:
        signed_data = load(signature)
    except NotSignedError as error:
        raise UntrustedError(_("The envelope's signature cannot be read.")) from error
    signers = list(signatures(signed_data, content))
    if not signers:
        raise UntrustedError(_("The envelope is not signed."))
    for signer in signers:
        if signer.trouble or signer.certificate is None:
            raise UntrustedError(signer.trouble)
        intermediates = certificates(signed_data)
        try:
            verify_chain(signer.certificate, intermediates, authorities, purpose=Purpose.MAIL, at=timezone.now())
        except NotTrustedError as error:
            raise UntrustedError(_(UNKNOWN_SIGNER) % {"name": signer.name, "trouble": error}) from error
        if sender.lower() not in _addresses(signer.certificate):
            raise UntrustedError(_(OTHER_ADDRESS) % {"sender": sender})


def _parts(raw: bytes) -> tuple[bytes, bytes]:
    """What was signed, byte for byte with CRLF line ends (RFC 8551 §3.1.1), and the signature."""
    raw = re.sub(rb"\r?\n", b"\r\n", raw)
    head, _blank, body = raw.partition(b"\r\n\r\n")
    boundary = _BOUNDARY.search(head)
    if boundary is None:
        raise UntrustedError(_("The envelope is not signed."))
    pieces = body.split(b"--" + boundary.group(1))
    if len(pieces) != 4:  # before, content, signature, after: a further part would not be signed
        raise UntrustedError(_("The envelope is not signed."))
    content = pieces[1].removeprefix(b"\r\n").removesuffix(b"\r\n")
    return content, pieces[2].partition(b"\r\n\r\n")[2]


def _addresses(certificate: x509.Certificate) -> set[str]:
    """Whom it was issued to: the subject's address counts only where there is no other (RFC 8550 §3)."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        subject = certificate.subject.get_attributes_for_oid(x509.NameOID.EMAIL_ADDRESS)
        return {str(attribute.value).lower() for attribute in subject}
    return {name.lower() for name in names.get_values_for_type(x509.RFC822Name)}
