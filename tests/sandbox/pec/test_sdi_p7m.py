"""The XML inside a .p7m, in the encodings that signing devices and portals produce."""

import base64
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from sandbox.pec.p7m import P7mError, extract_content
from sandbox.pec.signing import SigningAuthority

XML = b'<?xml version="1.0"?>\r\n<a>\xc3\xa8</a>\n' * 20


@pytest.fixture(scope="module")
def sign_p7m(tmp_path_factory: pytest.TempPathFactory):
    """Sign bytes as a .p7m of the given encoding."""
    signer = SigningAuthority(tmp_path_factory.mktemp("keys")).signer("firmatario@example.test")

    def sign(content: bytes, encoding=Encoding.DER, *options: pkcs7.PKCS7Options) -> bytes:
        builder = pkcs7.PKCS7SignatureBuilder().set_data(content)
        builder = builder.add_signer(signer.certificate, signer.key, SHA256())
        return builder.sign(encoding, [pkcs7.PKCS7Options.Binary, *options])

    return sign


def indefinite(tag: int, *children: bytes) -> bytes:
    return bytes([tag, 0x80]) + b"".join(children) + b"\0\0"


def short(tag: int, content: bytes) -> bytes:
    return bytes([tag, len(content)]) + content


def test_content_of_der_is_what_was_signed(sign_p7m):
    assert extract_content(sign_p7m(XML)) == XML


def test_content_of_a_large_file_is_what_was_signed(sign_p7m):
    content = XML * 5000

    assert extract_content(sign_p7m(content)) == content


def test_content_of_pem_and_bare_base64_is_read(sign_p7m):
    assert extract_content(sign_p7m(XML, Encoding.PEM)) == XML
    assert extract_content(base64.encodebytes(sign_p7m(XML))) == XML


def test_indefinite_lengths_and_chunked_octets_are_read():
    signed_data_oid, data = (
        short(0x06, bytes.fromhex("2a864886f70d010702")),
        short(0x06, bytes.fromhex("2a864886f70d010701")),
    )
    octets = indefinite(0x24, short(0x04, XML[:100]), short(0x04, XML[100:180]))
    content = indefinite(0x30, data, indefinite(0xA0, octets))
    p7m = indefinite(
        0x30, signed_data_oid, indefinite(0xA0, indefinite(0x30, short(0x02, b"\1"), short(0x31, b""), content))
    )

    assert extract_content(p7m) == XML[:180]


def test_detached_signature_has_no_content(sign_p7m):
    with pytest.raises(P7mError, match="detached"):
        extract_content(sign_p7m(XML, Encoding.DER, pkcs7.PKCS7Options.DetachedSignature))


@pytest.mark.parametrize(
    "data",
    [b"", b"<xml/>", b"0", b"0\x80", b"0\x82", b"0\x03\x02\x01\x01", b"\x30\x80" * 100, b"0\x84\xff\xff\xff\xff"],
)
def test_rubbish_is_refused(data):
    with pytest.raises(P7mError):
        extract_content(data)


def test_truncated_file_is_refused(sign_p7m):
    p7m = sign_p7m(XML)

    for length in range(0, len(p7m), 97):
        with pytest.raises(P7mError):
            extract_content(p7m[:length])


def test_signers_are_kept_between_runs(tmp_path: Path):
    first = SigningAuthority(tmp_path).signer("posta-certificata@example.test")
    second = SigningAuthority(tmp_path).signer("posta-certificata@example.test")

    assert second.certificate == first.certificate
