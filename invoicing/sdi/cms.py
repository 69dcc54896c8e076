"""CMS signatures (RFC 5652), as invoices (CAdES) and PEC envelopes (S/MIME) carry them: read, and checked to be intact.

Says who signed and whether the bytes are the ones signed; whom to believe is for the caller.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from asn1crypto import cms
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

_HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    "sha256": hashes.SHA256, "sha384": hashes.SHA384, "sha512": hashes.SHA512,
}  # fmt: skip


OLD_ALGORITHM = gettext_noop("The signature uses %(algorithm)s, which is no longer allowed.")


class NotSignedError(ValueError):
    """The bytes are no CMS SignedData."""


@dataclass(frozen=True)
class Signature:
    """One signer; `trouble` is "" when the signature fits content and certificate, else what is wrong, in words."""

    certificate: x509.Certificate | None
    trouble: str

    @property
    def name(self) -> str:
        if self.certificate is None:
            return ""
        names = self.certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        return str(names[0].value) if names else self.certificate.subject.rfc4514_string()


def load(data: bytes) -> cms.SignedData:
    """The SignedData in DER, BER or base64; `NotSignedError` when there is none."""
    if not data.startswith(b"\x30"):
        text = re.sub(rb"-----[A-Z0-9 ]+-----|\s", b"", data)
        try:
            data = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError) as error:
            raise NotSignedError from error
    try:
        info: Any = cms.ContentInfo.load(data)  # type: ignore[no-untyped-call]
        if info["content_type"].native != "signed_data":
            raise NotSignedError
        signed_data = info["content"]
        signed_data.native  # noqa: B018 -- asn1crypto parses lazily: now is the time to find that it is broken
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise NotSignedError from error
    return cast("cms.SignedData", signed_data)


def signatures(signed_data: cms.SignedData, content: bytes) -> Iterator[Signature]:
    """Every signer of `content`, checked."""
    for info in signed_data["signer_infos"]:
        try:
            yield _check(signed_data, info, content)
        except (ValueError, TypeError, KeyError, UnsupportedAlgorithm, x509.InvalidVersion):  # damaged, or made up
            yield Signature(None, _("The signer's certificate cannot be read."))


def certificates(signed_data: cms.SignedData) -> list[x509.Certificate]:
    """All certificates that travel with the signature, intermediate authorities included; not those that are broken."""
    result = []
    for choice in signed_data["certificates"] or ():
        if choice.name == "certificate":
            with suppress(ValueError, x509.InvalidVersion):
                result.append(x509.load_der_x509_certificate(choice.chosen.dump()))
    return result


def _check(signed_data: cms.SignedData, info: cms.SignerInfo, content: bytes) -> Signature:
    certificate = _certificate(signed_data, info)
    if certificate is None:
        return Signature(None, _("The signer's certificate is missing."))
    return Signature(certificate, _trouble(info, certificate, content))


def _trouble(info: cms.SignerInfo, certificate: x509.Certificate, content: bytes) -> str:
    digest_name = info["digest_algorithm"]["algorithm"].native
    algorithm = _HASHES.get(digest_name)
    if algorithm is None:
        return _(OLD_ALGORITHM) % {"algorithm": digest_name}
    attributes = {attribute["type"].native: attribute["values"] for attribute in info["signed_attrs"]}
    if "message_digest" not in attributes:
        return _("The signature does not say what it signs.")
    digest = hashes.Hash(algorithm())
    digest.update(content)
    if digest.finalize() != attributes["message_digest"][0].native:
        return _("The content was changed after it was signed.")
    signed = b"\x31" + info["signed_attrs"].dump()[1:]  # signed as a SET, carried as [0] (RFC 5652 §5.4)
    if not _fits(certificate, info["signature"].native, signed, algorithm()):
        return _("The signature does not fit its certificate.")
    at: datetime = attributes["signing_time"][0].native if "signing_time" in attributes else timezone.now()
    if not certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc:
        return _("The certificate was not valid on the day of the signature.")
    return ""


def _certificate(signed_data: cms.SignedData, info: cms.SignerInfo) -> x509.Certificate | None:
    signer_id = info["sid"].native
    for choice in signed_data["certificates"] or ():
        if choice.name != "certificate":
            continue
        if info["sid"].name == "issuer_and_serial_number":
            is_it = choice.chosen.serial_number == signer_id["serial_number"]
        else:
            is_it = choice.chosen.key_identifier == signer_id
        if is_it:
            return x509.load_der_x509_certificate(choice.chosen.dump())
    return None


def _fits(certificate: x509.Certificate, signature: bytes, signed: bytes, algorithm: hashes.HashAlgorithm) -> bool:
    key = certificate.public_key()
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, signed, padding.PKCS1v15(), algorithm)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, signed, ec.ECDSA(algorithm))
        else:
            return False
    except (InvalidSignature, UnsupportedAlgorithm):
        return False
    return True
