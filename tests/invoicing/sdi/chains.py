"""Chains of certificates, sound and forged, as an authority or somebody who would like to be one issues them."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PROVIDER = "posta-certificata@pcert.sogei.it"
MAIL = (ExtendedKeyUsageOID.EMAIL_PROTECTION,)
SIGNS_DATA = {"digital_signature": True}
SIGNS_CERTIFICATES = {"key_cert_sign": True, "crl_sign": True}
_USAGES = (
    "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
    "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
)  # fmt: skip


@dataclass(frozen=True)
class Issued:
    """A certificate and the key of its owner."""

    certificate: x509.Certificate
    key: Any


def subject(common_name: str, *, email: str = "") -> x509.Name:
    names = [x509.NameAttribute(NameOID.COUNTRY_NAME, "IT"), x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    return x509.Name([*names, x509.NameAttribute(NameOID.EMAIL_ADDRESS, email)] if email else names)


def issue(
    name: str | x509.Name, issuer: Issued | None = None, *, usage: dict[str, bool] | None = None,
    extended: tuple[Any, ...] = (), address: str = "", authority: tuple[bool, int | None] | None = None,
    days: tuple[int, int] = (-10, 3650), more: x509.ExtensionType | None = None, bits: int = 0,
) -> Issued:  # fmt: skip
    """A certificate by `issuer`, or by itself; `authority` are its BasicConstraints."""
    key: Any = rsa.generate_private_key(65537, bits) if bits else ec.generate_private_key(ec.SECP256R1())
    name = subject(name) if isinstance(name, str) else name
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer.certificate.subject if issuer else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
    )
    if authority:
        builder = builder.add_extension(x509.BasicConstraints(*authority), critical=True)
    if usage is not None:
        builder = builder.add_extension(x509.KeyUsage(**{**dict.fromkeys(_USAGES, False), **usage}), critical=True)
    if extended:
        builder = builder.add_extension(x509.ExtendedKeyUsage(extended), critical=False)
    if address:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.RFC822Name(address)]), critical=False)
    if more:
        builder = builder.add_extension(more, critical=True)
    return Issued(builder.sign(issuer.key if issuer else key, SHA256()), key)


def authority(name: str, issuer: Issued | None = None, **fields: Any) -> Issued:
    """One that may issue certificates."""
    return issue(name, issuer, **{"usage": SIGNS_CERTIFICATES, "authority": (True, None), **fields})


def mail_signer(issuer: Issued, **fields: Any) -> Issued:
    """What a provider of certified mail signs with."""
    values = {"usage": SIGNS_DATA, "extended": MAIL, "address": PROVIDER, **fields}
    return issue(values.pop("name", "Posta Certificata"), issuer, **values)
