"""Signed invoices: opened, and told apart when whole, changed, detached, signed twice or no signature at all."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from asn1crypto import cms, core
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from invoicing.sdi.file_check import check
from invoicing.sdi.p7m import P7mError, read_p7m
from tests.invoicing.drafts import DAY, golden_xml

XML = golden_xml("public-administration")
NAME = "IT11847200968_0001A.xml.p7m"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
Options = pkcs7.PKCS7Options


def certificate(name, key=KEY, days=(-30, 30)):
    now = datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now + timedelta(days[0])).not_valid_after(now + timedelta(days[1]))
    return builder.sign(key, SHA256())


ANNA = certificate("Anna Bianchi")


def sign(content=XML, encoding=Encoding.DER, *options, signer=ANNA, key=KEY, algorithm=SHA256):
    builder = pkcs7.PKCS7SignatureBuilder().set_data(content).add_signer(signer, key, algorithm())
    return builder.sign(encoding, [Options.Binary, *options])


def encode_indefinite(tag, *children):
    return bytes([tag, 0x80]) + b"".join(children) + b"\0\0"


def stream(der):
    """The same signature as signing devices write it: lengths left open, the content in pieces."""
    outer = cms.ContentInfo.load(der)
    inner = outer["content"]
    info = inner["encap_content_info"]
    content = info["content"].native
    pieces = [core.OctetString(content[at : at + 1000]).dump() for at in range(0, len(content), 1000)]
    content_info = encode_indefinite(
        0x30, info["content_type"].dump(), encode_indefinite(0xA0, encode_indefinite(0x24, *pieces))
    )
    names = ("version", "digest_algorithms", "certificates", "signer_infos")
    version, algorithms, certificates, signers = (inner[name].dump() for name in names)
    signed_data = encode_indefinite(0x30, version, algorithms, content_info, certificates, signers)
    return encode_indefinite(0x30, outer["content_type"].dump(), encode_indefinite(0xA0, signed_data))


@pytest.mark.parametrize("algorithm", [SHA256, SHA384, SHA512])
def test_intact_file_gives_its_invoice_and_its_signer(algorithm):
    signed = read_p7m(sign(algorithm=algorithm))

    assert (signed.content, signed.signers, signed.troubles) == (XML, ("Anna Bianchi",), ())


def test_base64_pem_and_streamed_files_are_read():
    for data in (sign(encoding=Encoding.PEM), base64.encodebytes(sign()), base64.b64encode(sign()), stream(sign())):
        signed = read_p7m(data)
        assert (signed.content, signed.signers, signed.troubles) == (XML, ("Anna Bianchi",), ())


def test_two_signers_side_by_side_are_both_named():
    builder = pkcs7.PKCS7SignatureBuilder().set_data(XML).add_signer(ANNA, KEY, SHA256())
    builder = builder.add_signer(certificate("Luca Verdi", OTHER_KEY), OTHER_KEY, SHA256())

    signed = read_p7m(builder.sign(Encoding.DER, [Options.Binary]))

    assert (signed.content, sorted(signed.signers), signed.troubles) == (XML, ["Anna Bianchi", "Luca Verdi"], ())


def test_file_signed_twice_is_opened_to_the_invoice():
    outer = sign(sign(), signer=certificate("Luca Verdi", OTHER_KEY), key=OTHER_KEY)

    signed = read_p7m(outer)

    assert (signed.content, signed.signers, signed.troubles) == (XML, ("Luca Verdi", "Anna Bianchi"), ())


def test_file_signed_too_often_is_refused():
    with pytest.raises(P7mError, match="più strati di firme"):
        read_p7m(sign(sign(sign(sign()))))


def change_content():
    return sign().replace(b"Valutazione", b"Valutazioni")


def change_signature():
    return sign()[:-1] + bytes([sign()[-1] ^ 1])


@pytest.mark.parametrize(
    ("make", "trouble"),
    [
        (change_content, "Il contenuto è stato cambiato dopo la firma."),
        (change_signature, "La firma non corrisponde al suo certificato."),
        (
            lambda: sign(signer=certificate("Anna", OTHER_KEY), key=KEY),
            "La firma non corrisponde al suo certificato.",
        ),
        (lambda: sign(XML, Encoding.DER, Options.NoCerts), "Manca il certificato di chi ha firmato."),
        (lambda: sign(XML, Encoding.DER, Options.NoAttributes), "La firma non dice che cosa firma."),
        (
            lambda: sign(signer=certificate("Anna", days=(-30, -1))),
            "Il certificato non era valido nel giorno della firma.",
        ),
        (
            lambda: sign(signer=certificate("Anna", days=(1, 30))),
            "Il certificato non era valido nel giorno della firma.",
        ),
    ],
)
def test_trouble_with_a_signature_is_told(make, trouble):
    signed = read_p7m(make())

    assert signed.troubles == (trouble,)


def test_signature_by_an_unusual_scheme_is_not_believed():
    builder = pkcs7.PKCS7SignatureBuilder().set_data(XML)
    pss = padding.PSS(padding.MGF1(SHA256()), padding.PSS.DIGEST_LENGTH)
    data = builder.add_signer(ANNA, KEY, SHA256(), rsa_padding=pss).sign(Encoding.DER, [Options.Binary])

    assert read_p7m(data).troubles == ("La firma non corrisponde al suo certificato.",)


def test_detached_signature_is_refused():
    with pytest.raises(P7mError, match="inviate il"):
        read_p7m(sign(XML, Encoding.DER, Options.DetachedSignature))


@pytest.mark.parametrize(
    "data",
    [
        b"", XML, b"0", b"0\x80", b"0\x82", b"0\x03\x02\x01\x01", b"\x30\x80" * 5000, b"0\x84\xff\xff\xff\xff",
        "però".encode(), b"%PDF-1.7", base64.b64encode(XML), cms.ContentInfo({"content_type": "data"}).dump(),
    ],
)  # fmt: skip
def test_what_is_no_signed_file_is_refused(data):
    with pytest.raises(P7mError, match=r"\(\.p7m\)"):
        read_p7m(data)


def test_cut_file_is_refused_wherever_it_ends():
    data = sign()

    for length in range(0, len(data), 89):
        with pytest.raises(P7mError):
            read_p7m(data[:length])


def test_damaged_file_is_never_an_accident():
    data = sign(XML[:200])

    for place in range(0, len(data), 3):
        damaged = bytearray(data)
        damaged[place] ^= 0xFF
        try:
            signed = read_p7m(bytes(damaged))
        except P7mError:
            continue
        assert signed.content == XML[:200] or signed.troubles


def test_certificate_of_an_unknown_version_is_a_trouble():
    version_3, version_6 = b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x05"

    signed = read_p7m(sign().replace(version_3, version_6))

    assert signed.content == XML
    assert len(signed.troubles) == 1


@pytest.mark.parametrize(
    ("file_name", "content", "errors", "warnings"),
    [
        (NAME, sign(), [], []),
        (NAME, change_content(), ["00102"], []),
        (NAME, XML, ["00102"], []),
        (NAME, sign(XML, Encoding.DER, Options.DetachedSignature), ["00102"], []),
        (NAME, sign(b"<a/>"), ["00200"], []),
        ("IT11847200968_000001.xml.p7m", sign(), ["00001"], []),
        ("fattura.p7m", sign(), [], ["00001"]),
        ("fattura.p7m", XML, ["00102"], ["00001"]),
        (NAME[:-4], XML, [], ["unsigned"]),
        (NAME[:-4], XML.replace(b"Valutazione", b"Signature"), [], ["unsigned"]),
        (NAME[:-4], sign(), ["00200"], []),
        (NAME[:-4], golden_xml("company"), [], []),
        (NAME, sign(golden_xml("company")), [], []),
    ],
)
def test_file_is_judged_by_its_name_its_signature_and_its_content(file_name, content, errors, warnings):
    result = check(file_name, content, today=DAY)

    assert [violation.code for violation in result.errors] == errors
    assert [violation.code for violation in result.warnings] == warnings
    assert result.is_signed == file_name.endswith(".p7m")


def test_xades_signature_counts_as_one():
    # the least that the schema takes; whether it is right is for SDI to say
    signature = (
        b'<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:SignedInfo>'
        b'<ds:CanonicalizationMethod Algorithm="urn:c"/><ds:SignatureMethod Algorithm="urn:s"/><ds:Reference>'
        b'<ds:DigestMethod Algorithm="urn:d"/><ds:DigestValue>AA==</ds:DigestValue></ds:Reference></ds:SignedInfo>'
        b"<ds:SignatureValue>AA==</ds:SignatureValue></ds:Signature></p:FatturaElettronica>"
    )
    signed = XML.replace(b"</p:FatturaElettronica>", signature)

    checked = check(NAME[:-4], signed, today=DAY)

    assert (checked.format, checked.errors, checked.warnings) == ("FPA12", (), ())
