"""The provider end to end: real SMTP in, real IMAP out, receipts and SDI's answers as certified mail."""

import base64
import email
import email.policy
import hashlib
import imaplib
import re
import smtplib
import ssl
import time
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

import pytest
from asn1crypto import cms
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from lxml import etree

from sandbox.patience import Deadline
from sandbox.pec import PecStandIn
from tests.sandbox.pec.test_sdi_checks import NAME, invoice, line

PRIVATE = "{http://ivaservizi.agenziaentrate.gov.it/docs/xsd/fattura/messaggi/v1.0}"
MESSAGE_ID = "<fattura-1@aish.test>"
EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}" + rb"$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


@dataclass
class Product:
    """What the product does: submits over SMTP, reads over IMAP."""

    env: dict[str, str]

    @property
    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.env["SDI_PEC_CA_FILE"])

    def smtp(self, timeout: float = 10) -> smtplib.SMTP_SSL:
        port = int(self.env["SDI_PEC_SMTP_PORT"])
        client = smtplib.SMTP_SSL("127.0.0.1", port, timeout=timeout, context=self.context)
        try:
            client.login(self.env["SDI_PEC_EMAIL"], self.env["SDI_PEC_PASSWORD"])
        except smtplib.SMTPException:
            client.close()
            raise
        return client

    def imap(self) -> imaplib.IMAP4_SSL:
        port = int(self.env["SDI_PEC_IMAP_PORT"])
        client = imaplib.IMAP4_SSL("127.0.0.1", port, ssl_context=self.context, timeout=10)
        client.login(self.env["SDI_PEC_EMAIL"], self.env["SDI_PEC_PASSWORD"])
        client.select("INBOX")
        return client

    def message(self, content: bytes, name: str = NAME, *, message_id: str = MESSAGE_ID, to: str = "") -> EmailMessage:
        message = EmailMessage()
        message["From"] = self.env["SDI_PEC_EMAIL"]
        message["To"] = to or self.env["SDI_PEC_RECIPIENT"]
        message["Subject"] = f"Fattura – {name}"
        message["Message-ID"] = message_id
        message.set_content("Fattura in allegato.")
        message.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
        return message

    def send(self, content: bytes, name: str = NAME, **parts: str) -> None:
        with self.smtp() as client:
            assert client.send_message(self.message(content, name, **parts)) == {}

    def mails(self, count: int) -> list[EmailMessage]:
        """All mails in the inbox once there are `count`; more is an error, fewer after ten seconds too."""
        return [email.message_from_bytes(raw, policy=email.policy.default) for raw in self.raw_mails(count)]

    def raw_mails(self, count: int) -> list[bytes]:
        deadline = Deadline(10)
        client = self.imap()
        try:
            while True:
                client.noop()
                uids = client.uid("SEARCH", "ALL")[1][0].split()
                if len(uids) >= count or deadline.has_passed:
                    break
                time.sleep(0.02)
            assert len(uids) == count
            return [client.uid("FETCH", uid.decode(), "(BODY.PEEK[])")[1][0][1] for uid in uids]
        finally:
            client.logout()


@pytest.fixture
def pec(tmp_path, authority, run_stand_in):
    """A running provider without delays."""
    running = run_stand_in(PecStandIn(tmp_path, authority=authority))
    running.post("/settings", receipt_delay_s=0, sdi_delay_s=0)
    return running


@pytest.fixture
def product(pec) -> Product:
    return Product(pec.env)


def content_of(message: EmailMessage, name: str) -> bytes:
    parts = [part for part in message.walk() if part.get_filename() == name]
    assert len(parts) == 1
    return parts[0].get_payload(decode=True)


def sdi_message(message: EmailMessage) -> tuple[str, etree._Element]:
    """File name and root of SDI's message inside a transport envelope, found as a careful client does."""
    assert message["X-Trasporto"] == "posta-certificata"
    envelope = next(part for part in message.walk() if part.get_filename() == "postacert.eml")
    inner = envelope.get_payload()[0]
    part = next(part for part in inner.walk() if part.get_filename())
    assert part.get_content_type() == "application/octet-stream"
    return part.get_filename(), etree.fromstring(part.get_payload(decode=True))


def kinds(mails: list[EmailMessage]) -> list[str]:
    return [mail["X-Ricevuta"] or mail["X-Trasporto"] or "ordinaria" for mail in mails]


def test_invoice_gets_acceptance_delivery_and_sdi_receipt(pec, product):
    product.send(invoice())

    acceptance, delivery, answer = product.mails(3)

    assert kinds([acceptance, delivery, answer]) == ["accettazione", "avvenuta-consegna", "posta-certificata"]
    assert acceptance["Subject"] == f"ACCETTAZIONE: Fattura – {NAME}"
    assert delivery["Subject"] == f"CONSEGNA: Fattura – {NAME}"
    assert acceptance["From"] == "posta-certificata@pec.gestore.test"
    assert delivery["From"] == "posta-certificata@pcert.sogei.it"
    assert {mail["X-Riferimento-Message-ID"] for mail in (acceptance, delivery)} == {MESSAGE_ID}
    assert len({mail["Message-ID"] for mail in (acceptance, delivery, answer)}) == 3
    name, root = sdi_message(answer)
    assert re.fullmatch(r"IT07643520567_00001_RC_00\d\.xml", name)
    assert root.tag == f"{PRIVATE}RicevutaConsegna"
    assert root.findtext("NomeFile") == NAME
    assert root.findtext("Hash") == hashlib.sha256(invoice()).hexdigest()
    assert root.findtext("Destinatario/Codice") == "ABC1234"


def test_receipts_carry_certified_data(product):
    product.send(invoice())

    acceptance, delivery, _ = product.mails(3)

    data = etree.fromstring(content_of(acceptance, "daticert.xml"))
    assert dict(data.attrib) == {"tipo": "accettazione", "errore": "nessuno"}
    assert data.findtext("intestazione/mittente") == "fatture@pec.gestore.test"
    assert data.findtext("intestazione/destinatari") == "sdi01@pec.fatturapa.it"
    assert data.findtext("dati/msgid") == MESSAGE_ID
    assert data.find("dati/consegna") is None
    data = etree.fromstring(content_of(delivery, "daticert.xml"))
    assert dict(data.attrib) == {"tipo": "avvenuta-consegna", "errore": "nessuno"}
    assert data.findtext("dati/consegna") == "sdi01@pec.fatturapa.it"
    assert data.find("dati/ricevuta").get("tipo") == "completa"
    envelope = next(part for part in delivery.walk() if part.get_filename() == "postacert.eml")
    assert envelope.get_payload()[0]["Message-ID"] == MESSAGE_ID
    assert content_of(envelope.get_payload()[0], NAME) == invoice()


def test_answer_is_a_transport_envelope_from_sogei(product):
    product.send(invoice())

    answer = product.mails(3)[2]

    assert answer["From"] == '"Per conto di: sdi03@pec.fatturapa.it" <posta-certificata@pcert.sogei.it>'
    assert answer["Reply-To"] == "sdi03@pec.fatturapa.it"
    assert answer["Return-Path"] == "<sdi03@pec.fatturapa.it>"
    assert re.fullmatch(r"POSTA CERTIFICATA: Ricevuta di consegna \d+", answer["Subject"])
    assert etree.fromstring(content_of(answer, "daticert.xml")).get("tipo") == "posta-certificata"


def test_every_mail_is_signed_by_its_provider(pec, product, tmp_path: Path):
    product.send(invoice())

    raw_mails = product.raw_mails(3)

    root = x509.load_pem_x509_certificate((tmp_path / "pec" / "keys" / "signers.pem").read_bytes())
    senders = [verify_signer(raw, root) for raw in raw_mails]
    assert senders == [
        "posta-certificata@pec.gestore.test",
        "posta-certificata@pcert.sogei.it",
        "posta-certificata@pcert.sogei.it",
    ]


def verify_signer(raw: bytes, root: x509.Certificate) -> str:
    """The address in the signer's certificate, once chain, digest and signature are right."""
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert message.get_content_type() == "multipart/signed"
    line_of = b"\r\n--" + message.get_boundary().encode() + b"\r\n"
    content = raw.split(line_of)[1]
    signed_data = cms.ContentInfo.load(content_of(message, "smime.p7s"))["content"]
    signer = signed_data["signer_infos"][0]
    attributes = {item["type"].native: item["values"][0].native for item in signer["signed_attrs"]}
    assert attributes["message_digest"] == hashlib.sha256(content).digest()
    certificates = [x509.load_der_x509_certificate(choice.chosen.dump()) for choice in signed_data["certificates"]]
    authority, certificate = sorted(certificates, key=lambda each: each.issuer != root.subject)
    authority.verify_directly_issued_by(root)
    certificate.verify_directly_issued_by(authority)
    key = certificate.public_key()
    key.verify(signer["signature"].native, signer["signed_attrs"].untag().dump(), ec.ECDSA(SHA256()))
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return names.get_values_for_type(x509.RFC822Name)[0]


def test_message_without_name_address_is_refused_by_host_check(product):
    context = product.context
    port = int(product.env["SDI_PEC_SMTP_PORT"])

    with smtplib.SMTP_SSL("localhost", port, context=context, timeout=5) as client:
        assert client.noop()[0] == 250
    with pytest.raises(ssl.SSLCertVerificationError):
        smtplib.SMTP_SSL("127.0.0.1", port, context=ssl.create_default_context(), timeout=5)


def test_submission_needs_the_right_password(product):
    client = smtplib.SMTP_SSL("127.0.0.1", int(product.env["SDI_PEC_SMTP_PORT"]), context=product.context, timeout=5)
    with client:
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login(product.env["SDI_PEC_EMAIL"], "wrong")
        with pytest.raises(smtplib.SMTPSenderRefused, match="Authentication required"):
            client.sendmail(product.env["SDI_PEC_EMAIL"], ["sdi01@pec.fatturapa.it"], b"x")


def test_mailbox_needs_the_right_password(product):
    port = int(product.env["SDI_PEC_IMAP_PORT"])
    client = imaplib.IMAP4_SSL("127.0.0.1", port, ssl_context=product.context, timeout=5)

    with pytest.raises(imaplib.IMAP4.error):
        client.login(product.env["SDI_PEC_EMAIL"], "wrong")
    client.shutdown()


def test_another_sender_is_refused_by_smtp(pec, product):
    with product.smtp() as client, pytest.raises(smtplib.SMTPSenderRefused):
        client.sendmail("someone@else.test", ["sdi01@pec.fatturapa.it"], b"Subject: x\r\n\r\nx")

    assert pec.get("/outgoing") == []


def test_message_over_thirty_megabytes_is_refused_by_smtp(pec, product):
    with product.smtp() as client, pytest.raises(smtplib.SMTPSenderRefused) as refusal:
        client.sendmail(product.env["SDI_PEC_EMAIL"], ["sdi01@pec.fatturapa.it"], b"x" * (30 * 1024 * 1024 + 1))

    assert refusal.value.smtp_code == 552
    assert pec.get("/outgoing") == []


def test_failed_checks_give_a_rejection_with_all_codes(pec, product):
    xml = invoice(lines=line(price="50.00", rate="22.00"), number="BIS")

    product.send(xml)

    name, root = sdi_message(product.mails(3)[2])
    assert "_NS_" in name
    assert root.tag == f"{PRIVATE}RicevutaScarto"
    assert [error.findtext("Codice") for error in root.iterfind("ListaErrori/Errore")] == ["00425", "00422"]
    (file,) = pec.get("/invoices")
    assert file["state"] == "rejected"
    assert [verdict["code"] for verdict in file["verdicts"]] == ["00425", "00422"]


def test_recipient_without_address_gives_unavailable_without_daticert(pec, product):
    product.send(invoice(code="0000000"))

    answer = product.mails(3)[2]
    name, root = sdi_message(answer)
    assert "_MC_" in name
    assert root.tag == f"{PRIVATE}RicevutaImpossibilitaRecapito"
    assert [part.get_filename() for part in answer.walk() if part.get_filename() == "daticert.xml"] == []
    assert pec.get("/invoices")[0]["state"] == "unavailable"


def test_recipient_with_pec_gives_a_delivery(pec, product):
    product.send(invoice(code="0000000", pec="cliente@pec.example.test"))

    assert sdi_message(product.mails(3)[2])[1].tag == f"{PRIVATE}RicevutaConsegna"


def test_first_answer_assigns_an_address_and_later_ones_do_not_repeat_it(pec, product):
    product.send(invoice())
    product.send(invoice(number="2026/00002"), "IT07643520567_00002.xml", to="sdi48@pec.fatturapa.it")
    pec.post("/settings", assigned_address="sdi51@pec.fatturapa.it")
    product.send(invoice(number="2026/00003"), "IT07643520567_00003.xml", to="sdi01@pec.fatturapa.it")

    answers = [mail for mail in product.mails(9) if mail["X-Trasporto"]]

    sentence = re.compile(r"nuovo indirizzo da utilizzare .* e' (sdi\d+@pec\.fatturapa\.it)", re.DOTALL)
    assert [sentence.findall(covering_text(mail)) for mail in answers] == [
        ["sdi48@pec.fatturapa.it"],
        [],
        ["sdi51@pec.fatturapa.it"],
    ]


def covering_text(mail: EmailMessage) -> str:
    envelope = next(part for part in mail.walk() if part.get_filename() == "postacert.eml")
    return envelope.get_payload()[0].get_body(("plain",)).get_content()


def test_file_name_is_taken_for_ever_and_number_only_when_not_rejected(pec, product):
    product.send(invoice(number="BIS"))
    product.send(invoice())
    product.send(invoice(), "IT07643520567_00002.xml")
    product.send(invoice(), "IT07643520567_00003.xml")

    product.mails(12)

    verdicts = [[verdict["code"] for verdict in file["verdicts"]] for file in pec.get("/invoices")]
    assert verdicts == [["00425"], ["00002"], [], ["00404"]]
    assert len({file["sdi_id"] for file in pec.get("/invoices")}) == 4


def test_several_files_in_one_message_get_an_answer_each(pec, product):
    message = product.message(invoice())
    message.add_attachment(
        invoice(number="2026/00002"), maintype="application", subtype="xml", filename="IT07643520567_00002.xml"
    )
    with product.smtp() as client:
        client.send_message(message)

    names = [sdi_message(mail)[1].findtext("NomeFile") for mail in product.mails(4)[2:]]

    assert names == [NAME, "IT07643520567_00002.xml"]


def test_virus_is_not_accepted(pec, product):
    product.send(EICAR)

    (refusal,) = product.mails(1)

    assert refusal["X-Ricevuta"] == "non-accettazione"
    assert refusal["X-VerificaSicurezza"] == "errore"
    assert refusal["Subject"] == f"AVVISO DI NON ACCETTAZIONE PER VIRUS: Fattura – {NAME}"
    assert etree.fromstring(content_of(refusal, "daticert.xml")).get("errore") == "virus"
    assert pec.get("/invoices") == []


def test_hidden_recipient_is_not_accepted(pec, product):
    message = product.message(invoice())
    with product.smtp() as client:
        client.send_message(message, to_addrs=["sdi01@pec.fatturapa.it", "hidden@pec.example.test"])

    (refusal,) = product.mails(1)

    assert kinds([refusal]) == ["non-accettazione"]
    assert "copia nascosta" in etree.fromstring(content_of(refusal, "daticert.xml")).findtext("dati/errore-esteso")


def test_mailbox_that_sdi_does_not_have_gives_a_delivery_error(pec, product):
    product.send(invoice(), to="fatture@pec.fatturapa.it")

    acceptance, failure = product.mails(2)

    assert kinds([acceptance, failure]) == ["accettazione", "errore-consegna"]
    assert failure["Subject"] == f"AVVISO DI MANCATA CONSEGNA: Fattura – {NAME}"
    assert etree.fromstring(content_of(failure, "daticert.xml")).get("errore") == "no-dest"
    assert pec.get("/invoices") == []


def test_delivery_receipt_without_the_original_on_request(product):
    message = product.message(invoice())
    message["X-TipoRicevuta"] = "sintetica"
    with product.smtp() as client:
        client.send_message(message)

    delivery = product.mails(3)[1]

    assert delivery["X-TipoRicevuta"] == "sintetica"
    assert [part.get_filename() for part in delivery.walk() if part.get_filename() == "postacert.eml"] == []


def test_imap_searches_flags_moves_and_expunges(product):
    product.send(invoice())
    product.mails(3)
    client = product.imap()

    assert {"IDLE", "UIDPLUS", "MOVE"} <= set(client.capability()[1][0].decode().split())
    uids = client.uid("SEARCH", "HEADER", "X-Riferimento-Message-ID", f'"{MESSAGE_ID}"')[1][0].split()
    assert uids == [b"1", b"2"]
    assert client.uid("SEARCH", "UID", "3:*")[1] == [b"3"]
    assert client.uid("SEARCH", "UNSEEN", "SINCE", "01-Jan-2020")[1] == [b"1 2 3"]
    client.uid("STORE", "1", "+FLAGS", r"(\Seen)")
    assert client.uid("SEARCH", "UNSEEN")[1] == [b"2 3"]
    assert client.create("Archivio")[0] == "OK"
    assert client.uid("MOVE", "2", "Archivio")[0] == "OK"
    client.uid("STORE", "3", "+FLAGS", r"(\Deleted)")
    assert client.uid("EXPUNGE", "3")[0] == "OK"
    assert client.uid("SEARCH", "ALL")[1] == [b"1"]
    assert client.select("Archivio")[1] == [b"1"]
    client.logout()


def test_idle_reports_a_mail_that_arrives(pec, product):
    client = product.imap()
    client.send(b"a1 IDLE\r\n")
    assert client.readline().startswith(b"+")

    pec.post("/mail", raw=base64.b64encode(b"Subject: x\n\nx\n").decode())

    assert client.readline().strip() == b"* 1 EXISTS"
    client.send(b"DONE\r\n")
    while not client.readline().startswith(b"a1 OK"):
        pass
    client.shutdown()
