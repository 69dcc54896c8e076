"""Suppliers' invoices that SDI delivers to the PEC mailbox: recognised, kept as they came, and somebody's work."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from invoicing.archive.contents import database_troubles
from invoicing.fatturapa.received import NoInvoiceError, read_received
from invoicing.models import Document, ReceivedInvoice, ReceivedMail
from tests.invoicing.flow import Post, receive, sign_content
from tests.invoicing.suppliers import FILE, OURS, delivery, metadata_xml, simplified_xml, supplier_xml

pytestmark = pytest.mark.django_db
NO_DOCUMENT = "a document cannot be read"
UNREADABLE = f"{FILE} is no invoice we can read"


@pytest.mark.parametrize("is_public", [False, True])
def test_invoice_of_a_supplier_is_recognised_and_kept(is_public: bool, post: Post):
    xml = supplier_xml()

    row = receive(delivery(post, xml, digest=None if not is_public else "", is_public=is_public))

    invoice = ReceivedInvoice.objects.get()
    assert (row.outcome, row.kind, row.reason) == ("supplier", "MT", "Cartoleria Blu & C. S.n.c. 77/B")
    assert (invoice.mail, invoice.sdi_identifier, invoice.supplier, invoice.vat_number, invoice.number) == (
        row, "8123456", "Cartoleria Blu & C. S.n.c.", "IT02764130353", "77/B",
    )  # fmt: skip
    assert (invoice.document_type, invoice.issue_date, invoice.total) == ("TD01", date(2026, 11, 11), Decimal("244.00"))
    assert (invoice.file.kind, invoice.file.name, bytes(invoice.file.content)) == ("received", FILE, xml)
    assert list(database_troubles()) == []
    assert row in ReceivedMail.objects.to_deal_with()


def test_envelope_must_be_signed_where_signatures_are_checked(post: Post, settings: Any):
    settings.SDI_PEC_SIGNER_CA_FILE = str(post.authorities)
    raw = delivery(post, supplier_xml())

    good = receive(raw)
    forged = receive(raw.replace(b"Si trasmette", b"Vi trasmette"))

    assert (good.outcome, forged.outcome, ReceivedInvoice.objects.count()) == ("supplier", "quarantined", 1)


def test_signed_file_is_read_and_kept_with_its_signature(post: Post):
    signed = sign_content(supplier_xml())

    receive(delivery(post, signed, name=f"{FILE}.p7m"))

    invoice = ReceivedInvoice.objects.get()
    assert (invoice.number, bytes(invoice.file.content)) == ("77/B", signed)
    assert invoice.file.content_type == "application/pkcs7-mime"


def test_file_with_several_documents_gives_a_row_each(post: Post):
    receive(delivery(post, supplier_xml(bodies=3)))

    rows = ReceivedInvoice.objects.order_by("position").values_list("position", "number", "issue_date__day")
    assert list(rows) == [(1, "77/B", 11), (2, "77/B2", 12), (3, "77/B3", 13)]
    assert Document.objects.filter(kind="received").count() == 1


def test_same_invoice_in_a_second_mail_is_filed(post: Post):
    receive(delivery(post, supplier_xml()))

    row = receive(delivery(post, supplier_xml()).replace(b"opec3", b"opec4"))

    assert (row.outcome, row.reason) == ("applied", "the same invoice came before in another mail")
    assert ReceivedInvoice.objects.count() == 1


def test_total_that_is_not_written_is_the_summary(post: Post):
    receive(delivery(post, supplier_xml(total="")))

    assert ReceivedInvoice.objects.get().total == Decimal("244.00")


def test_simplified_invoice_is_read_too(post: Post):
    receive(delivery(post, simplified_xml()))

    invoice = ReceivedInvoice.objects.get()
    assert (invoice.supplier, invoice.vat_number, invoice.document_type, invoice.total) == (
        "Ada Neri", "IT03123450151", "TD07", Decimal("73.20"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("content", "fields", "outcome", "reason"),
    [
        (supplier_xml(to="00000000000"), {}, "foreign", "an invoice to somebody else: 00000000000"),
        (supplier_xml(), {"digest": "0" * 64}, "quarantined", "the hash is not that of the file that came"),
        (None, {}, "foreign", f"the file {FILE} is not with its metadata"),
        (b"<a/>", {}, "foreign", f"{UNREADABLE}: not a FatturaPA document"),
        (b"no xml", {}, "foreign", f"{UNREADABLE}: This is not well-formed XML (line 1, column 1)"),
        (supplier_xml(number=""), {}, "foreign", f"{UNREADABLE}: {NO_DOCUMENT}: it has no number"),
        (supplier_xml(total="molto"), {}, "foreign", f"{UNREADABLE}: {NO_DOCUMENT}: one of its amounts is no number"),
        (supplier_xml().replace(b"<Data>", b"<Data>x"), {}, "foreign", f"{UNREADABLE}: {NO_DOCUMENT}: its date is “x2"),
        (supplier_xml(total="1" + "0" * 20), {}, "foreign", f"{UNREADABLE}: {NO_DOCUMENT}"),
        (supplier_xml(total="Infinity"), {}, "foreign", f"{UNREADABLE}: {NO_DOCUMENT}"),
        (supplier_xml(total="NaN"), {}, "foreign", f"{UNREADABLE}: {NO_DOCUMENT}"),
        (supplier_xml(), {"sender": "truffa@pec.example"}, "quarantined", "certified mail of truffa@pec.example"),
    ],
)
def test_what_is_no_invoice_to_us_is_kept_for_a_person(
    content: bytes | None, fields: Any, outcome: str, reason: str, post: Post
):
    row = receive(delivery(post, content, **fields))

    assert (row.outcome, row.reason.startswith(reason)) == (outcome, True)
    assert (ReceivedInvoice.objects.count(), Document.objects.count()) == (0, 0)
    assert row in ReceivedMail.objects.to_deal_with()


def test_customer_may_be_known_by_the_codice_fiscale_alone(post: Post):
    tax_code = b"<CodiceFiscale>" + OURS.encode() + b"</CodiceFiscale></DatiAnagrafici></CessionarioCommittente>"
    xml = supplier_xml(to="99999999999").replace(b"</DatiAnagrafici></CessionarioCommittente>", tax_code)

    row = receive(delivery(post, xml))

    assert (row.outcome, ReceivedInvoice.objects.count()) == ("supplier", 1)


@pytest.mark.parametrize("sample", ["FPA01", "FPA02", "FPA03", "FPR01", "FPR02", "FPR03", "FPR04"])
def test_published_samples_are_read(sample: str, shared: Any):
    file = read_received((shared / "fatturapa" / "samples" / f"IT01234567890_{sample}.xml").read_bytes())

    assert {document.vat_number for document in file.documents} == {"IT01234567890"}
    assert all(document.number and document.total > 0 for document in file.documents)


def test_message_of_sdi_is_no_invoice():
    with pytest.raises(NoInvoiceError):
        read_received(metadata_xml())


def test_back_office_lists_the_invoice_with_its_file(post: Post, staff_client: Client):
    receive(delivery(post, supplier_xml()))

    page = staff_client.get("/admin/invoicing/receivedinvoice/").content.decode()

    file = ReceivedInvoice.objects.get().file
    answer = staff_client.get(f"/admin/invoicing/document/{file.pk}/download/")
    texts = ("Cartoleria Blu &amp; C. S.n.c.", "77/B", f"/document/{file.pk}/download/")
    assert [text for text in texts if text not in page] == []
    assert answer.content == supplier_xml()
