"""Keys of the PEC providers, kept between runs: a root, below it AgID's authority, below that one signer each.

As in life the authority travels with each signature; `signers.pem` in the folder, the root, is what a client needs to
verify the envelopes.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs7,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_VALIDITY = timedelta(days=3650)


class Signer:
    """Signs what one provider sends."""

    def __init__(
        self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey, above: tuple[x509.Certificate, ...] = ()
    ) -> None:
        self.certificate = certificate
        self.key = key
        self.above = above

    def sign(self, content: bytes) -> bytes:
        """A detached CMS signature (DER) of exactly these bytes."""
        builder = pkcs7.PKCS7SignatureBuilder().set_data(content).add_signer(self.certificate, self.key, SHA256())
        for authority in self.above:
            builder = builder.add_certificate(authority)
        return builder.sign(Encoding.DER, [pkcs7.PKCS7Options.DetachedSignature, pkcs7.PKCS7Options.Binary])


class SigningAuthority:
    """Issues one signer per provider address and remembers them under `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root_file = folder / "signers.pem"
        folder.mkdir(parents=True, exist_ok=True)
        root = self._load("signers") or self._issue_root()
        self._authority, self._key = self._load("authority") or self._issue_authority(*root)

    def signer(self, address: str) -> Signer:
        return Signer(*(self._load(address) or self._issue(address)), above=(self._authority,))

    def _load(self, name: str) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None:
        certificate_file, key_file = self._files(name)
        if not certificate_file.exists():
            return None
        key = load_pem_private_key(key_file.read_bytes(), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError(f"{key_file} is not an elliptic curve key")
        return x509.load_pem_x509_certificate(certificate_file.read_bytes()), key

    def _save(self, name: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        certificate_file, key_file = self._files(name)
        key_file.touch(mode=0o600)
        key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        # the certificate last and in one step: it is what says that the pair is complete
        draft = certificate_file.with_suffix(".part")
        draft.write_bytes(certificate.public_bytes(Encoding.PEM))
        draft.replace(certificate_file)

    def _files(self, name: str) -> tuple[Path, Path]:
        return self.folder / f"{name}.pem", self.folder / f"{name}-key.pem"

    def _issue_root(self) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name("CA dei gestori PEC di prova")
        builder = _builder(name, name, key).add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
        certificate = builder.add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True).sign(
            key, SHA256()
        )
        self._save("signers", certificate, key)
        return certificate, key

    def _issue_authority(
        self, root: x509.Certificate, root_key: ec.EllipticCurvePrivateKey
    ) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(_name("Autorità dei gestori PEC di prova"), root.subject, key)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        builder = builder.add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
        certificate = builder.sign(root_key, SHA256())
        self._save("authority", certificate, key)
        return certificate, key

    def _issue(self, address: str) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(_name(address), self._authority.subject, key)
        builder = builder.add_extension(_usage(digital_signature=True), critical=True)
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.RFC822Name(address)]), critical=False)
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        certificate = builder.add_extension(usage, critical=False).sign(self._key, SHA256())
        self._save(address, certificate, key)
        return certificate, key


def _usage(**usages: bool) -> x509.KeyUsage:
    every = (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
        "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    )  # fmt: skip
    return x509.KeyUsage(**{**dict.fromkeys(every, False), **usages})


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _VALIDITY)
    )
