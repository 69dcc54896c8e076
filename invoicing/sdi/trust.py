"""Whether an authority we trust stands behind a certificate: path validation of RFC 5280 by `cryptography`.

Its own policies are for web servers, so the extensions are judged by ours: every issuer must say that it is an
authority and may sign certificates, the signer that it may sign mails or documents. Path lengths, validity of each
link, name constraints and critical extensions that nobody knows are the library's matter. Revocation is not asked for:
envelopes come within minutes, and SDI itself looks a signer up.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import Criticality, ExtensionPolicy, PolicyBuilder, Store, VerificationError
from django.utils.translation import gettext_noop

_MAX_INTERMEDIATES = 4
_MIN_RSA_BITS = 2048
_MAIL = {ExtendedKeyUsageOID.EMAIL_PROTECTION, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}


class Purpose(Enum):
    """What the signer's certificate must be good for."""

    MAIL = "mail"  # RFC 8550 §4.4.2 and §4.4.4: digitalSignature or nonRepudiation, emailProtection where it is limited
    DOCUMENT = "document"  # a signature that its owner cannot disown: nonRepudiation (ETSI EN 319 412-2 §4.3.2)


SHORT_KEY = gettext_noop("a key of %(bits)s bits")


class NotTrustedError(ValueError):
    """No chain leads from the certificate to an authority we trust, or it may not be used for this."""


def verify_chain(
    certificate: x509.Certificate, intermediates: Sequence[x509.Certificate], authorities: Path, *,
    purpose: Purpose, at: datetime,
) -> None:  # fmt: skip
    """`NotTrustedError` unless a chain leads from it to one of `authorities` (PEM), through some of `intermediates`.

    Every link must be valid `at` that moment.
    """
    policy = PolicyBuilder().store(_store(authorities, authorities.stat().st_mtime)).time(at)
    policy = policy.max_chain_depth(_MAX_INTERMEDIATES)
    verifier = policy.extension_policies(ca_policy=_ISSUER, ee_policy=_SIGNER[purpose]).build_client_verifier()
    try:
        chain = verifier.verify(certificate, list(intermediates)).chain
    except (VerificationError, ValueError) as error:
        raise NotTrustedError(str(error)) from error
    is_constrained = any(_has(link, x509.NameConstraints) for link in chain)
    if is_constrained and purpose is Purpose.MAIL and not _has(certificate, x509.SubjectAlternativeName):
        # the address stands in the subject, where the library does not hold it to the names an issuer may give
        raise NotTrustedError(gettext_noop("an issuer of certain names only, and no name to compare"))
    for link in chain:
        key = link.public_key()
        if isinstance(key, rsa.RSAPublicKey) and key.key_size < _MIN_RSA_BITS:
            raise NotTrustedError(SHORT_KEY % {"bits": key.key_size})


def _has(certificate: x509.Certificate, extension: type[x509.ExtensionType]) -> bool:
    return any(isinstance(each.value, extension) for each in certificate.extensions)


@lru_cache(maxsize=8)
def _store(path: Path, _changed_at: float) -> Store:
    return Store(x509.load_pem_x509_certificates(path.read_bytes()))


def _may_issue(_policy: Any, _certificate: x509.Certificate, constraints: x509.BasicConstraints) -> None:
    if not constraints.ca:
        raise ValueError("an issuer that is no authority")


def _may_sign_certificates(_policy: Any, _certificate: x509.Certificate, usage: x509.KeyUsage | None) -> None:
    if usage and not usage.key_cert_sign:
        raise ValueError("an issuer that may not sign certificates")


def _may_sign_mail(_policy: Any, _certificate: x509.Certificate, usage: x509.KeyUsage | None) -> None:
    if usage and not (usage.digital_signature or usage.content_commitment):
        raise ValueError("a key that may not sign")


def _may_protect_mail(_policy: Any, _certificate: x509.Certificate, usage: x509.ExtendedKeyUsage | None) -> None:
    if usage and not _MAIL & set(usage):
        raise ValueError("a certificate that is not for mail")


def _may_commit(_policy: Any, _certificate: x509.Certificate, usage: x509.KeyUsage) -> None:
    if not usage.content_commitment:
        raise ValueError("a key whose signature can be disowned")


_EITHER = Criticality.AGNOSTIC
_ISSUER = (
    ExtensionPolicy.permit_all()
    .require_present(x509.BasicConstraints, _EITHER, _may_issue)
    .may_be_present(x509.KeyUsage, _EITHER, _may_sign_certificates)
)
_SIGNER = {
    Purpose.MAIL: ExtensionPolicy.permit_all()
    .may_be_present(x509.KeyUsage, _EITHER, _may_sign_mail)
    .may_be_present(x509.ExtendedKeyUsage, _EITHER, _may_protect_mail),
    Purpose.DOCUMENT: ExtensionPolicy.permit_all().require_present(x509.KeyUsage, _EITHER, _may_commit),
}
