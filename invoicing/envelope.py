"""Whether a PEC envelope is what it says: signed by a provider we trust, for the address it comes from.

A provider signs every receipt and every envelope (S/MIME, DM 2.11.2005 §6.6). Whom to trust is a file of certificates:
the authorities of the providers' signing keys, as published by AgID.
"""

import re
from functools import lru_cache
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from django.utils.translation import gettext as _

from invoicing.signatures import NotSignedError, certificates, load, signatures

_BOUNDARY = re.compile(rb'^content-type:\s*multipart/signed;.*?boundary="?([^";\r\n]+)"?', re.I | re.S | re.M)
_MAX_CHAIN = 4


class UntrustedError(ValueError):
    """The envelope is not signed, was changed, or is signed by somebody we do not know."""


def verify(raw: bytes, *, sender: str, authorities: Path) -> None:
    """`UntrustedError` unless one of `authorities` (PEM) stands behind the signature and it names `sender`."""
    content, signature = _parts(raw)
    try:
        signed_data = load(signature)
    except NotSignedError as error:
        raise UntrustedError(_("The envelope's signature cannot be read.")) from error
    known = _authorities(authorities, authorities.stat().st_mtime)
    found = list(signatures(signed_data, content))
    if not found:
        raise UntrustedError(_("The envelope is not signed."))
    for signer in found:
        if signer.trouble or signer.certificate is None:
            raise UntrustedError(signer.trouble)
        if not _is_vouched_for(signer.certificate, certificates(signed_data), known):
            raise UntrustedError(_("The envelope is signed by %(name)s, whom we do not know.") % {"name": signer.name})
        if sender.lower() not in _addresses(signer.certificate):
            raise UntrustedError(_("The envelope is signed for another address than %(sender)s.") % {"sender": sender})


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


def _is_vouched_for(
    certificate: x509.Certificate, carried: list[x509.Certificate], known: list[x509.Certificate]
) -> bool:
    """Whether a chain leads from the certificate to one we know."""
    for _step in range(_MAX_CHAIN):
        if any(_issued(certificate, authority) for authority in known):
            return True
        above = next((candidate for candidate in carried if _issued(certificate, candidate)), None)
        if above is None or above == certificate:
            return False
        certificate = above
    return False


def _issued(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    if certificate == authority:
        return True
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _addresses(certificate: x509.Certificate) -> set[str]:
    emails = {str(a.value).lower() for a in certificate.subject.get_attributes_for_oid(x509.NameOID.EMAIL_ADDRESS)}
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return emails
    return emails | {name.lower() for name in names.get_values_for_type(x509.RFC822Name)}


@lru_cache(maxsize=4)
def _authorities(path: Path, _changed_at: float) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(path.read_bytes())
