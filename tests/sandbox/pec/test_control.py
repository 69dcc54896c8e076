"""What tests and drills can ask of the provider and of SDI, and what outlives a restart."""

import base64
import json
import os
import signal
import smtplib
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from lxml import etree

from sandbox.pec import PecStandIn
from sandbox.pec.signing import SigningAuthority
from tests.sandbox.conftest import running
from tests.sandbox.pec.test_mail import Product, kinds, sdi_message
from tests.sandbox.pec.test_sdi_checks import NAME, invoice
from tests.waiting import until

PUBLIC = "{http://www.fatturapa.gov.it/sdi/messaggi/v1.0}"
PA_INVOICE = {"version": "FPA12", "code": "ABC123"}


@pytest.fixture
def pec(tmp_path, authority, run_stand_in):
    stand_in = run_stand_in(PecStandIn(tmp_path, authority=authority))
    stand_in.post("/settings", receipt_delay_s=0, sdi_delay_s=0)
    return stand_in


@pytest.fixture
def product(pec) -> Product:
    return Product(pec.env)


@pytest.fixture
def pa_invoice(tmp_path: Path) -> bytes:
    """A signed invoice to a public office."""
    signer = SigningAuthority(tmp_path / "firma").signer("firmatario@example.test")
    builder = pkcs7.PKCS7SignatureBuilder().set_data(invoice(**PA_INVOICE))
    return builder.add_signer(signer.certificate, signer.key, SHA256()).sign(Encoding.DER, [pkcs7.PKCS7Options.Binary])


def answers(mails):
    return [sdi_message(mail) for mail in mails if mail["X-Trasporto"] == "posta-certificata"]


def tags(mails):
    return [root.tag for _, root in answers(mails)]


def test_settings_and_addresses_are_those_the_product_reads(pec, authority, tmp_path):
    port = {"SDI_PEC_SMTP_PORT", "SDI_PEC_IMAP_PORT"}

    assert {name: value for name, value in pec.env.items() if name not in port} == {
        "SDI_PEC_EMAIL": "fatture@pec.gestore.test",
        "SDI_PEC_PASSWORD": "sandbox-pec-password",
        "SDI_PEC_SMTP_HOST": "127.0.0.1",
        "SDI_PEC_IMAP_HOST": "127.0.0.1",
        "SDI_PEC_CA_FILE": str(authority.root),
        "SDI_PEC_RECIPIENT": "sdi01@pec.fatturapa.it",
        "SANDBOX_PEC_SIGNERS": str(tmp_path / "pec" / "keys" / "signers.pem"),
    }
    assert all(int(pec.env[name]) > 0 for name in port)


@pytest.mark.parametrize(
    ("provider", "expected"),
    [
        ("silence", []),
        ("non-accettazione", ["non-accettazione"]),
        ("virus", ["non-accettazione"]),
        ("accettazione", ["accettazione"]),
        ("errore-consegna", ["accettazione", "errore-consegna"]),
        ("preavviso-errore-consegna", ["accettazione", "preavviso-errore-consegna", "errore-consegna"]),
    ],
)
def test_provider_does_what_was_asked_once(pec, product, provider, expected):
    pec.post("/next", provider=provider)

    product.send(invoice())
    product.send(invoice(), message_id="<second@aish.test>")

    # the second message goes its natural way, and proves that nothing more came of the first
    mails = product.mails(len(expected) + 3)
    of_first = [mail for mail in mails if mail["X-Riferimento-Message-ID"] == "<fattura-1@aish.test>"]
    assert kinds(of_first) == expected
    assert [file["name"] for file in pec.get("/invoices")] == [NAME]


@pytest.mark.parametrize(
    ("plan", "expected", "state"),
    [
        ("RC", ["RicevutaConsegna"], "delivered"),
        ("MC", ["RicevutaImpossibilitaRecapito"], "unavailable"),
        ({"NS": ["00311", "00399"]}, ["RicevutaScarto"], "rejected"),
        ("silence", [], "received"),
    ],
)
def test_sdi_does_what_was_asked(pec, product, plan, expected, state):
    pec.post("/next", sdi=plan)

    product.send(invoice())

    messages = answers(product.mails(2 + len(expected)))
    assert [etree.QName(root).localname for _, root in messages] == expected
    assert pec.get("/invoices")[0]["state"] == state
    if isinstance(plan, dict):
        errors = [error.findtext("Codice") for error in messages[0][1].iterfind("ListaErrori/Errore")]
        assert errors == ["00311", "00399"]


def test_unsigned_invoice_to_a_public_office_is_rejected(pec, product):
    product.send(invoice(**PA_INVOICE))

    (message,) = answers(product.mails(3))

    assert message[1].tag == f"{PUBLIC}NotificaScarto"
    assert [file["verdicts"][0]["code"] for file in pec.get("/invoices")] == ["00102"]


@pytest.mark.parametrize(
    ("outcome", "expected", "state"),
    [
        ("", ["RicevutaConsegna"], "delivered"),
        ("EC01", ["RicevutaConsegna", "NotificaEsito"], "accepted"),
        ("EC02", ["RicevutaConsegna", "NotificaEsito"], "refused"),
        ("DT", ["RicevutaConsegna", "NotificaDecorrenzaTermini"], "expired"),
    ],
)
def test_public_office_reacts_as_set(pec, product, pa_invoice, shared, outcome, expected, state):
    pec.post("/settings", pa_outcome=outcome)

    product.send(pa_invoice, f"{NAME}.p7m")

    messages = answers(product.mails(2 + len(expected)))
    schema = etree.XMLSchema(etree.parse(shared / "fatturapa" / "messages-xsd" / "MessaggiTypes_v1.1.xsd"))
    assert [root.tag for _, root in messages] == [f"{PUBLIC}{name}" for name in expected]
    assert [schema.validate(root) for _, root in messages] == [True] * len(expected)
    assert {root.findtext("NomeFile") for _, root in messages} == {f"{NAME}.p7m"}
    assert pec.get("/invoices")[0]["state"] == state


def test_public_refusal_frees_the_number_and_acceptance_does_not(pec, product):
    pec.post("/settings", require_pa_signature=False)
    pec.post("/next", sdi={"NE": "EC02"})
    pec.post("/next", sdi={"NE": "EC01"})
    for number in (1, 2, 3):
        product.send(invoice(**PA_INVOICE), f"IT07643520567_0000{number}.xml")

    product.mails(3 * 2 + 2 + 2 + 1)

    assert [file["state"] for file in pec.get("/invoices")] == ["refused", "accepted", "rejected"]
    assert [verdict["code"] for verdict in pec.get("/invoices")[2]["verdicts"]] == ["00404"]


def test_undeliverable_public_invoice_ends_with_an_attestation(pec, product, pa_invoice):
    pec.post("/next", sdi="AT")

    product.send(pa_invoice, f"{NAME}.p7m")

    assert tags(product.mails(4)) == [f"{PUBLIC}NotificaMancataConsegna", f"{PUBLIC}AttestazioneTrasmissioneFattura"]


def test_signed_private_invoice_is_read_and_hashed_as_sent(pec, product, pa_invoice):
    product.send(pa_invoice, f"{NAME}.p7m")
    product.mails(3)

    answer = requests.get(f"{pec.control_url}/invoices/{NAME}.p7m", timeout=5)

    assert answer.content == invoice(**PA_INVOICE)


def test_held_answers_come_when_released(pec, product):
    pec.post("/settings", hold=True)
    product.send(invoice())
    assert kinds(product.mails(2)) == ["accettazione", "avvenuta-consegna"]
    assert [message["kind"] for message in pec.get("/invoices")[0]["messages"]] == ["RC"]

    assert pec.post("/release") == {"released": 1}

    assert kinds(product.mails(3))[2] == "posta-certificata"


def test_further_messages_repeat_or_advance(pec, product):
    product.send(invoice())
    product.mails(3)

    pec.post(f"/invoices/{NAME}/message", kind="NS", codes=["00404"], duplicate=2)
    pec.post(f"/invoices/{NAME}/message", kind="RC")

    mails = product.mails(7)
    copies = mails[3:6]
    assert len({mail.as_bytes() for mail in copies}) == 1
    names = [name for name, _ in answers([mails[2], copies[0], mails[6]])]
    progressives = [int(name[-7:-4]) for name in names]
    assert progressives == [progressives[0], progressives[0] + 1, progressives[0] + 2]
    assert [message["kind"] for message in pec.get("/invoices")[0]["messages"]] == ["RC", "NS", "RC"]


def test_anomaly_envelope_is_not_certified_mail(pec, product):
    product.send(invoice())
    product.mails(3)

    pec.post(f"/invoices/{NAME}/message", kind="NS", codes=["00001"], anomaly=True)

    anomaly = product.mails(4)[3]
    assert anomaly["X-Trasporto"] == "errore"
    assert anomaly["Subject"].startswith("ANOMALIA MESSAGGIO: Notifica di scarto")
    assert pec.get("/invoices")[0]["state"] == "delivered"
    assert [part.get_filename() for part in anomaly.walk() if part.get_filename() == "daticert.xml"] == []


def test_any_mail_can_be_dropped_into_the_inbox(pec, product):
    raw = b"From: someone@example.test\nSubject: offerta\nMessage-ID: <x@y>\n\nciao\n"

    plain = pec.post("/mail", raw=base64.b64encode(raw).decode())
    envelope = pec.post("/mail", raw=base64.b64encode(raw).decode(), certified=True)

    rows = pec.get("/mailbox")
    assert [(mail["uid"], mail["kind"], mail["subject"]) for mail in rows] == [
        (plain["uid"], "ordinaria", "offerta"),
        (envelope["uid"], "posta-certificata", "POSTA CERTIFICATA: offerta"),
    ]
    content = requests.get(f"{pec.control_url}/mailbox/{plain['uid']}", timeout=5).content
    assert content == product.raw_mails(2)[0] == raw.replace(b"\n", b"\r\n")


def test_lists_show_what_happened(pec, product):
    product.send(invoice())
    product.mails(3)

    (message,) = pec.get("/outgoing")
    (file,) = pec.get("/invoices")

    assert message["recipients"] == ["sdi01@pec.fatturapa.it"]
    assert message["message_id"] == "<fattura-1@aish.test>"
    assert message["attachments"] == [{"name": NAME, "size": len(invoice())}]
    assert file["documents"] == [{"number": "2026/00001", "year": "2026"}]
    assert (file["format"], file["recipient_code"], file["verdicts"]) == ("FPR12", "ABC1234", [])
    assert [mail["kind"] for mail in pec.get("/mailbox")] == ["accettazione", "avvenuta-consegna", "RC"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/next", {"provider": "maybe"}),
        ("/next", {"sdi": "XX"}),
        ("/next", {"sdi": {"NS": "00311"}}),
        ("/next", {"smtp": {"at": "HELO"}}),
        ("/next", {"smtp": {"code": 250}}),
        ("/next", {"nonsense": 1}),
        ("/settings", {"receipt_delay": 1}),
        ("/settings", {"hold": "yes"}),
        ("/settings", {"pa_outcome": "EC03"}),
        ("/settings", {"assigned_address": "x@example.test"}),
        ("/mail", {"raw": "not base64!"}),
        ("/mail", {}),
    ],
)
def test_nonsense_is_refused_with_a_reason(pec, path, body):
    before = pec.get("/settings"), pec.get("/next"), pec.get("/mailbox")

    answer = requests.post(f"{pec.control_url}{path}", json=body, timeout=5)

    assert answer.status_code == 400
    assert answer.json()["error"]
    assert (pec.get("/settings"), pec.get("/next"), pec.get("/mailbox")) == before


def test_message_about_an_unknown_file_is_404(pec):
    answer = requests.post(f"{pec.control_url}/invoices/IT1_1.xml/message", json={"kind": "RC"}, timeout=5)

    assert (answer.status_code, answer.json()) == (404, {"error": "SDI has not received IT1_1.xml"})


@pytest.mark.parametrize(
    ("stage", "error"),
    [
        ("AUTH", smtplib.SMTPAuthenticationError),
        ("MAIL", smtplib.SMTPSenderRefused),
        ("RCPT", smtplib.SMTPRecipientsRefused),
        ("DATA", smtplib.SMTPDataError),
    ],
)
def test_smtp_fails_at_the_stage_asked_then_recovers(pec, product, stage, error):
    pec.post("/next", smtp={"at": stage, "code": 451, "text": "4.3.2 riprovare"})

    with pytest.raises(error) as exc_info:
        product.send(invoice())

    detail = getattr(exc_info.value, "smtp_code", None) or next(iter(exc_info.value.recipients.values()))[0]
    assert detail == 451
    assert pec.get("/outgoing") == []
    product.send(invoice())
    product.mails(3)


def test_smtp_refuses_the_connection_as_asked(pec, product):
    pec.post("/next", smtp={"at": "CONNECT", "code": 421, "text": "4.3.2 troppe connessioni"})

    with pytest.raises(smtplib.SMTPConnectError) as exc_info:
        product.smtp()

    assert (exc_info.value.smtp_code, exc_info.value.smtp_error) == (421, b"4.3.2 troppe connessioni")
    product.smtp().quit()


def test_one_refused_recipient_does_not_stop_the_others(pec, product):
    pec.post("/next", smtp={"at": "RCPT", "code": 550, "text": "5.1.1 sconosciuto"})
    message = product.message(invoice(), to="a@pec.example.test, sdi01@pec.fatturapa.it")

    with product.smtp() as client:
        refusals = client.send_message(message)

    assert refusals == {"a@pec.example.test": (550, b"5.1.1 sconosciuto")}
    assert kinds(product.mails(3)) == ["accettazione", "avvenuta-consegna", "posta-certificata"]


@pytest.mark.parametrize("accepted", [True, False])
def test_hang_after_data_leaves_the_client_without_an_answer(pec, product, accepted):
    pec.post("/next", smtp={"at": "DATA", "hang": True, "accepted": accepted})
    client = product.smtp(timeout=0.5)

    with pytest.raises((TimeoutError, smtplib.SMTPServerDisconnected)):
        client.send_message(product.message(invoice()))
    client.close()

    product.mails(3 if accepted else 0)
    assert [file["name"] for file in pec.get("/invoices")] == ([NAME] if accepted else [])


def test_restart_keeps_mail_flags_names_and_address(tmp_path, authority):
    with running(PecStandIn(tmp_path, authority=authority), authority) as first:
        first.post("/settings", receipt_delay_s=0, sdi_delay_s=0)
        product = Product(first.env)
        product.send(invoice())
        product.mails(3)
        client = product.imap()
        client.uid("STORE", "2", "+FLAGS", r"(\Seen)")
        client.uid("STORE", "1", "+FLAGS", r"(\Deleted)")
        client.expunge()
        client.create("Archivio")
        client.uid("COPY", "3", "Archivio")
        client.append("Archivio", r"(\Flagged)", None, b"Subject: mia\r\n\r\nx\r\n")
        client.create("Prima")
        client.rename("Prima", "Dopo")
        client.create("Temporanea")
        client.delete("Temporanea")
        validity = client.response("UIDVALIDITY")[1]
        raw = product.raw_mails(2)
        client.logout()

    with running(PecStandIn(tmp_path, authority=authority), authority) as second:
        second.post("/settings", receipt_delay_s=0, sdi_delay_s=0)
        product = Product(second.env)
        client = product.imap()
        assert client.response("UIDVALIDITY")[1] == validity
        assert client.uid("SEARCH", "SEEN")[1] == [b"2"]
        assert client.select("Archivio")[1] == [b"2"]
        assert client.uid("SEARCH", "FLAGGED")[1] == [b"2"]
        assert [folder.split()[-1] for folder in client.list()[1]] == [b"INBOX", b"Archivio", b"Dopo"]
        client.logout()
        assert product.raw_mails(2) == raw
        product.send(invoice(number="2026/00002"))
        mails = product.mails(5)
        assert [mail["uid"] for mail in second.get("/mailbox")] == [2, 3, 4, 5, 6]
        assert [verdict["code"] for verdict in second.get("/invoices")[1]["verdicts"]] == ["00002"]
        assert "nuovo indirizzo" not in mails[4].as_string()


def test_kill_between_submission_and_delivery_loses_nothing(tmp_path, authority):
    """A process of its own is killed while receipts and answer are on their way; the next one delivers them."""
    script = (
        "import asyncio, json, sys, pathlib\n"
        "from sandbox.certificates import Authority\n"
        "from sandbox.pec import PecStandIn\n"
        "async def main():\n"
        "    data = pathlib.Path(sys.argv[1])\n"
        "    pec = PecStandIn(data, authority=Authority(data / 'tls'))\n"
        "    await pec.start()\n"
        "    pec.provider.settings.receipt_delay_s = 3\n"
        "    print(json.dumps(pec.env()), flush=True)\n"
        "    await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(Path.cwd())})
    try:
        Product(json.loads(process.stdout.readline())).send(invoice())
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=10)
        process.stdout.close()

    with running(PecStandIn(tmp_path, authority=authority), authority) as second:
        until(lambda: len(second.get("/mailbox")) >= 3, "SDI sent no receipts")
        assert [mail["kind"] for mail in second.get("/mailbox")] == ["accettazione", "avvenuta-consegna", "RC"]
