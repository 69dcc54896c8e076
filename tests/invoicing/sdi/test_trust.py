"""Whom a signature is believed: chains that lead to a trusted authority, and the many ways in which one does not."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from cryptography.x509.oid import ExtendedKeyUsageOID

from invoicing.checks import check_authorities
from invoicing.sdi import smime
from invoicing.sdi.p7m import read_p7m
from invoicing.sdi.smime import UntrustedError
from tests.invoicing.sdi.chains import PROVIDER, SIGNS_DATA, Issued, authority, issue, mail_signer, subject

ROOT = authority("Root")
AUTHORITY = authority("AgID CA", ROOT)
# A chain: who signs, and what travels with the signature.
Chain = tuple[Issued, tuple[Issued, ...]]


@pytest.fixture
def authorities(tmp_path: Path) -> Path:
    file = tmp_path / "authorities.pem"
    file.write_bytes(ROOT.certificate.public_bytes(Encoding.PEM))
    return file


def mail_of(chain: Chain) -> bytes:
    """A mail signed by the first, with the others beside its certificate."""
    signer, intermediates = chain
    builder = pkcs7.PKCS7SignatureBuilder().set_data(b"Content-Type: text/plain\r\n\r\nAccettazione\r\n")
    builder = builder.add_signer(signer.certificate, signer.key, SHA256())
    for other in intermediates:
        builder = builder.add_certificate(other.certificate)
    return builder.sign(Encoding.SMIME, [pkcs7.PKCS7Options.DetachedSignature, pkcs7.PKCS7Options.Binary])


def verify(chain: Chain, authorities: Path, sender: str = PROVIDER) -> None:
    smime.verify(mail_of(chain), sender=sender, authorities=authorities)


def constrained_authority(to: str) -> Issued:
    return authority("AgID CA", ROOT, more=x509.NameConstraints([x509.RFC822Name(to)], None))


def through(issuer: Issued, *above: Issued, **fields: Any) -> Chain:
    return mail_signer(issuer, **fields), (issuer, *above)


SOUND: dict[str, Callable[[], Chain]] = {
    "three": lambda: through(AUTHORITY),
    "two": lambda: (mail_signer(ROOT), ()),
    "four": lambda: through(authority("Below", AUTHORITY), AUTHORITY),
    "with its root": lambda: through(AUTHORITY, ROOT),
    "name constraints as AgID has them": lambda: through(constrained_authority("pcert.sogei.it")),
    "no usage said": lambda: through(AUTHORITY, usage=None, extended=()),
    "address in the subject": lambda: through(AUTHORITY, name=subject("Posta", email=PROVIDER), address=""),
    "address in other case": lambda: through(AUTHORITY, address="Posta-Certificata@PCERT.sogei.it"),
    "RSA": lambda: through(authority("RSA CA", ROOT, bits=3072), bits=2048),
}

END_ENTITY = issue("Mario Rossi", AUTHORITY, usage=SIGNS_DATA, address="mario@example.it")
STRANGER = authority("Another root")
NO_AUTHORITY = issue("Mario Rossi", AUTHORITY, authority=(False, None), usage=SIGNS_DATA)
FORGED: dict[str, Callable[[], Chain]] = {
    "leaf as issuer": lambda: through(END_ENTITY, AUTHORITY),
    "leaf as issuer that says so": lambda: through(NO_AUTHORITY, AUTHORITY),
    "expired intermediate": lambda: through(authority("Old CA", ROOT, days=(-800, -1))),
    "intermediate not valid yet": lambda: through(authority("New CA", ROOT, days=(1, 800))),
    "expired signer": lambda: through(AUTHORITY, days=(-800, -1)),
    "path too long": lambda: through(authority("Below", low := authority("Low", ROOT, authority=(True, 0))), low),
    "issuer that may not sign certificates": lambda: through(authority("CRL", ROOT, usage={"crl_sign": True})),
    "usage of the key": lambda: through(AUTHORITY, usage={"key_encipherment": True}),
    "usage of the certificate": lambda: through(AUTHORITY, extended=(ExtendedKeyUsageOID.SERVER_AUTH,)),
    "outside of the name constraints": lambda: through(constrained_authority("altro.example")),
    "unknown critical extension": lambda: through(
        AUTHORITY, more=x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0")
    ),
    "unknown root": lambda: through(authority("CA", STRANGER), STRANGER),
    "own root of the same name": lambda: (mail_signer(authority("Root")), ()),
    "missing intermediate": lambda: (mail_signer(AUTHORITY), ()),
    "address in the subject under name constraints": lambda: through(
        constrained_authority("pcert.sogei.it"), name=subject("Posta", email=PROVIDER), address=""
    ),
    "weak key": lambda: through(AUTHORITY, bits=1024),
}


@pytest.mark.parametrize("kind", SOUND)
def test_sound_chain_is_believed(kind: str, authorities: Path):
    verify(SOUND[kind](), authorities)


@pytest.mark.parametrize("kind", FORGED)
def test_forged_chain_is_not_believed(kind: str, authorities: Path):
    with pytest.raises(UntrustedError):
        verify(FORGED[kind](), authorities)


def test_address_in_the_subject_does_not_count_beside_another(authorities: Path):
    chain = through(AUTHORITY, name=subject("Posta", email=PROVIDER), address="mario@example.it")

    with pytest.raises(UntrustedError, match="per un indirizzo diverso"):
        verify(chain, authorities)


@pytest.mark.parametrize("sender", ["posta-certificata@pec.aruba.it", "mario@example.it", ""])
def test_sound_chain_for_another_address_is_not_believed(sender: str, authorities: Path):
    with pytest.raises(UntrustedError, match="per un indirizzo diverso"):
        verify(through(AUTHORITY), authorities, sender)


def test_chain_is_looked_at_on_the_day_the_mail_comes(authorities: Path):
    chain = through(AUTHORITY, days=(-10, 10))

    verify(chain, authorities)
    with time_machine.travel(datetime.now(UTC) + timedelta(days=11)), pytest.raises(UntrustedError):
        verify(chain, authorities)


NON_REPUDIATION = {"content_commitment": True}


def document_of(chain: Chain) -> bytes:
    signer, intermediates = chain
    builder = pkcs7.PKCS7SignatureBuilder().set_data(b"<xml/>").add_signer(signer.certificate, signer.key, SHA256())
    for other in intermediates:
        builder = builder.add_certificate(other.certificate)
    return builder.sign(Encoding.DER, [pkcs7.PKCS7Options.Binary])


def person(issuer: Issued, *above: Issued, **fields: Any) -> Chain:
    return issue("Anna Bianchi", issuer, **{"usage": NON_REPUDIATION, **fields}), (issuer, *above)


def test_document_of_a_signer_whom_a_trusted_authority_knows_is_taken(authorities: Path):
    signed = read_p7m(document_of(person(AUTHORITY)), authorities=authorities)

    assert (signed.content, signed.signers, signed.troubles) == (b"<xml/>", ("Anna Bianchi",), ())


SIGNED_BY_NOBODY: dict[str, Callable[[], Chain]] = {
    "leaf as issuer": lambda: person(END_ENTITY, AUTHORITY),
    "expired intermediate": lambda: person(authority("Old CA", ROOT, days=(-800, -1))),
    "wrong usage": lambda: person(AUTHORITY, usage=SIGNS_DATA),
    "no usage": lambda: person(AUTHORITY, usage=None),
    "itself": lambda: (issue("Anna Bianchi", usage=NON_REPUDIATION), ()),
}


@pytest.mark.parametrize("kind", SIGNED_BY_NOBODY)
def test_document_of_a_signer_whom_nobody_knows_is_told(kind: str, authorities: Path):
    data = document_of(SIGNED_BY_NOBODY[kind]())

    [trouble] = read_p7m(data, authorities=authorities).troubles

    assert trouble.startswith("Nessuna autorità di fiducia garantisce la firma di Anna Bianchi")
    assert read_p7m(data).troubles == (), "where no authorities are named, an intact signature is taken"


def test_file_of_authorities_that_holds_none_is_told_at_the_start(tmp_path: Path, settings: Any):
    settings.SDI_PEC_SIGNER_CA_FILE = str(tmp_path / "missing.pem")
    settings.INVOICE_SIGNER_CA_FILE = str(tmp_path / "empty.pem")
    (tmp_path / "empty.pem").touch()

    errors = check_authorities(None)

    assert [(message.id, str(message.msg).split(":")[0]) for message in errors] == [
        ("invoicing.E004", "SDI_PEC_SIGNER_CA_FILE"), ("invoicing.E004", "INVOICE_SIGNER_CA_FILE"),
    ]  # fmt: skip
