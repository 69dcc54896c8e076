"""The two commands as a user runs them: a draft to XML, and files checked."""

import io
import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7Options
from django.conf import settings
from django.core.management import CommandError, call_command
from django.utils import timezone
from lxml import etree

from core.models import AuditEntry, Counter
from invoicing.models import Document, Invoice
from invoicing.services import issue_invoice
from tests.invoicing.drafts import DAY, GOLDEN, GOLDEN_NAMES, golden_draft, golden_xml, make_draft
from tests.invoicing.sdi.test_p7m import change_content, sign

NAME = "IT11847200968_0001A.xml"


@pytest.fixture(autouse=True)
def today(db, time_machine):
    time_machine.move_to("2026-11-18 12:00+00:00")


@pytest.fixture
def run(capsys):
    """A command's exit status and what it printed."""

    def ran(*arguments):
        try:
            call_command(*map(str, arguments))
        except SystemExit as end:
            return end.code, capsys.readouterr().out
        return 0, capsys.readouterr().out

    return ran


@pytest.fixture
def draft_file(tmp_path):
    """The golden draft for a company in a file of its own, with other values; None takes one away."""

    def write(**changes):
        data = json.loads((GOLDEN / "company.json").read_text()) | changes
        path = tmp_path / "draft.json"
        path.write_text(json.dumps({name: value for name, value in data.items() if value is not None}))
        return path

    return write


def find_text(xml, path):
    return etree.fromstring(xml.encode()).findtext(f".//{path}")


def issue_document(draft=None):
    return issue_invoice(
        draft=draft or make_draft(), customer=None, reference="", language="it", today=DAY, now=timezone.now()
    )


def codes_and_fields(violations):
    return [(violation["code"], violation["field"]) for violation in violations]


@pytest.mark.parametrize("name", GOLDEN_NAMES)
def test_xml_of_every_golden_draft_is_printed(run, name):
    status, out = run("invoice_xml", GOLDEN / f"{name}.json", "--number", "2026/00042")

    printed = etree.fromstring(out.encode(), etree.XMLParser(remove_blank_text=True))
    printed.find(".//ProgressivoInvio").text = "0001A"
    golden = etree.fromstring(golden_xml(name), etree.XMLParser(remove_blank_text=True))
    assert status == 0
    assert etree.tostring(printed, method="c14n") == etree.tostring(golden, method="c14n")


def test_number_and_date_can_be_given(run, draft_file):
    _status, out = run("invoice_xml", draft_file(), "--number", "2025/7", "--date", "2026-11-17")

    assert (find_text(out, "Numero"), find_text(out, "Data"), find_text(out, "ProgressivoInvio")) == (
        "2025/7",
        "2026-11-17",
        "00001",
    )


@pytest.mark.parametrize(("series", "number"), [("", "2026/00002"), ("A", "A/2026/00001"), ("NC", "NC/2026/00001")])
def test_number_is_the_next_free_one_of_the_series(run, draft_file, series, number):
    issue_document()

    _status, out = run("invoice_xml", draft_file(series=series, date=None))

    assert (find_text(out, "Numero"), find_text(out, "Data"), find_text(out, "ProgressivoInvio")) == (
        number,
        "2026-11-18",
        "00002",
    )


def test_draft_comes_through_standard_input(run, monkeypatch):
    content = (GOLDEN / "person.json").read_bytes()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(content)))

    status, out = run("invoice_xml", "-")

    assert (status, find_text(out, "Cognome")) == (0, "Rossi")


def test_report_prints_warnings_and_no_xml(run, draft_file):
    status, out = run("invoice_xml", draft_file(date="2026-11-01", payments=None), "--report")

    assert (status, json.loads(out)["errors"]) == (0, [])
    assert codes_and_fields(json.loads(out)["warnings"]) == [("late", "date")]


def test_refused_draft_prints_every_reason_and_no_xml(run, draft_file):
    buyer = {"kind": "person", "first_name": "Иван", "address": {"street": "Via", "postcode": "1", "city": "Roma"}}

    status, out = run("invoice_xml", draft_file(buyer=buyer, date="2026-11-19", payments=[{"method": "MP05"}]))

    report = json.loads(out)
    assert status == 1
    assert codes_and_fields(report["errors"]) == [
        ("00200", "buyer.last_name"),
        ("alphabet", "buyer.first_name"),
        ("00200", "buyer.address.postcode"),
    ]
    assert codes_and_fields(report["warnings"]) == [("iban_missing", "payments.1.iban")]
    assert report["errors"][0]["message"] == "Manca il nome del cliente."


def test_sdi_controls_refuse_a_draft_by_their_codes(run, draft_file):
    buyer = json.loads((GOLDEN / "company.json").read_text())["buyer"] | {"vat_number": "11847200968"}

    status, out = run("invoice_xml", draft_file(buyer=buyer, date="2026-11-19"), "--report")

    assert (status, codes_and_fields(json.loads(out)["errors"])) == (1, [("00471", "buyer"), ("00403", "date")])


@pytest.mark.parametrize(
    ("content", "code", "field"),
    [
        (b"", "not_json", "draft"),
        (b"{", "not_json", "draft"),
        (b"\xff\xfe", "not_json", "draft"),
        (b"[]", "format", "draft"),
        (b'{"buyer": 1, "lines": []}', "format", "buyer"),
        (b"[" * 100_000, "not_json", "draft"),
        (b" " * (8 * 1024 * 1024 + 1), "too_large", "draft"),
    ],
)
def test_what_is_no_draft_is_refused_as_json(run, tmp_path, content, code, field):
    path = tmp_path / "draft.json"
    path.write_bytes(content)

    status, out = run("invoice_xml", path)

    assert (status, codes_and_fields(json.loads(out)["errors"])[0]) == (1, (code, field))


def test_file_that_is_not_there_is_refused_as_json(run, tmp_path):
    for path in (tmp_path / "none.json", tmp_path):
        status, out = run("invoice_xml", path)
        assert (status, codes_and_fields(json.loads(out)["errors"])) == (1, [("unreadable", "draft")])


def test_amounts_that_lead_nowhere_are_refused(run, draft_file):
    status, out = run("invoice_xml", draft_file(discount={"amount": "3900.01"}))

    assert (status, codes_and_fields(json.loads(out)["errors"])) == (1, [("discount", "discount")])


@pytest.mark.parametrize("number", ["2026/0000000000000042", "DUEMILA", "2026/è"])
def test_number_that_sdi_would_refuse_is_refused_and_not_mended(run, draft_file, number):
    status, out = run("invoice_xml", draft_file(), "--number", number)

    code = "00425" if number == "DUEMILA" else "00200"
    assert (status, [violation["code"] for violation in json.loads(out)["errors"]]) == (1, [code])


def test_number_that_is_taken_is_refused(run, draft_file):
    issue_document()

    status, out = run("invoice_xml", draft_file(), "--number", "2026/00001")

    assert (status, codes_and_fields(json.loads(out)["errors"])) == (1, [("00404", "number")])


def test_date_that_is_none_is_a_usage_error(draft_file):
    with pytest.raises(CommandError, match="--date"):
        call_command("invoice_xml", str(draft_file()), "--date", "18/11/2026")


def test_nothing_is_changed_by_printing(run, draft_file):
    issue_document(make_draft(series="B"))  # not the invoice that the golden credit note names, with another date
    before = [list(model.objects.order_by("pk").values()) for model in (Counter, Invoice, Document, AuditEntry)]

    for path in (draft_file(), GOLDEN / "credit-note.json", GOLDEN / "public-administration.json"):
        assert run("invoice_xml", path)[0] == 0
        assert run("invoice_xml", path, "--report")[0] == 0

    after = [list(model.objects.order_by("pk").values()) for model in (Counter, Invoice, Document, AuditEntry)]
    assert after == before


def test_what_is_printed_is_what_is_issued(run):
    _status, out = run("invoice_xml", GOLDEN / "company-pec.json")

    invoice = issue_document(golden_draft("company-pec"))

    assert out.removesuffix("\n").encode() == bytes(invoice.current_file().xml.content)


def write(folder, name, content):
    path = folder / name
    path.write_bytes(content)
    return path


def test_one_file_is_told_as_an_object(run, tmp_path):
    path = write(tmp_path, NAME, golden_xml("company"))

    status, out = run("fatturapa_check", path)

    assert status == 0
    assert json.loads(out) == {
        "file": str(path), "accepted": True, "format": "FPR12", "signed": False, "errors": [], "warnings": []
    }  # fmt: skip


def test_several_files_are_told_as_a_list_and_one_refusal_counts(run, tmp_path):
    good = write(tmp_path, NAME, golden_xml("company"))
    bad = write(tmp_path, "IT11847200968_0001B.xml", golden_xml("company").replace(b"858.00", b"858.02"))

    status, out = run("fatturapa_check", good, bad, good)

    reports = json.loads(out)
    assert (status, [file["accepted"] for file in reports]) == (1, [True, False, True])
    assert reports[1]["errors"] == [
        {"code": "00421", "field": "summary", "message": "L’imposta è 858.02, l’aliquota per l’imponibile dà 858.00."}
    ]


@pytest.mark.parametrize(
    ("name", "content", "codes", "status"),
    [
        ("IT11847200968_1.xml.p7m", sign(), [], 0),
        ("IT11847200968_1.xml.p7m", sign(encoding=Encoding.PEM), [], 0),
        ("IT11847200968_1.xml.p7m", sign(sign()), [], 0),
        ("IT11847200968_1.xml.p7m", change_content(), ["00102"], 1),
        (
            "IT11847200968_1.xml.p7m",
            sign(golden_xml("fee"), Encoding.DER, PKCS7Options.DetachedSignature),
            ["00102"],
            1,
        ),
        ("IT11847200968_1.xml.p7m", golden_xml("fee"), ["00102"], 1),
        ("IT11847200968_1.xml.p7m", b"", ["00102"], 1),
        ("IT11847200968_1.xml", golden_xml("public-administration"), [], 0),
        ("IT11847200968_1.xml", b"", ["00200"], 1),
        ("IT11847200968_000001.xml", golden_xml("fee"), ["00001"], 1),
        ("fattura.xml", golden_xml("fee"), [], 0),
        ("IT11847200968_1.xml", b"x" * (5 * 1024 * 1024 + 1), ["00003"], 1),
    ],
)
def test_file_is_accepted_or_refused_by_code(run, tmp_path, name, content, codes, status):
    exit_status, out = run("fatturapa_check", write(tmp_path, name, content))

    report = json.loads(out)
    assert (exit_status, [violation["code"] for violation in report["errors"]]) == (status, codes)
    assert report["accepted"] is (status == 0)


def test_file_that_cannot_be_read_is_told_beside_the_others(run, tmp_path):
    good = write(tmp_path, NAME, golden_xml("company"))

    status, out = run("fatturapa_check", tmp_path / "none.xml", good, tmp_path)

    reports = json.loads(out)
    assert (status, [file["accepted"] for file in reports]) == (1, [False, True, False])
    assert [codes_and_fields(file["errors"]) for file in reports] == [
        [("unreadable", "file")],
        [],
        [("unreadable", "file")],
    ]


def test_unsigned_file_for_a_public_administration_is_a_doubt(run, tmp_path):
    status, out = run("fatturapa_check", write(tmp_path, "parcella.xml", golden_xml("public-administration")))

    assert (status, codes_and_fields(json.loads(out)["warnings"])) == (0, [("00001", "file"), ("unsigned", "file")])


def test_warnings_do_not_refuse_a_file(run, tmp_path, time_machine):
    time_machine.move_to("2026-12-01 12:00+00:00")

    status, out = run("fatturapa_check", write(tmp_path, NAME, golden_xml("company")))

    assert (status, codes_and_fields(json.loads(out)["warnings"])) == (0, [("late", "date")])


def test_future_is_told_by_the_italian_day(run, tmp_path, time_machine):
    path = write(tmp_path, NAME, golden_xml("company"))

    time_machine.move_to("2026-11-17 22:59+00:00")
    before = run("fatturapa_check", path)[0]
    time_machine.move_to("2026-11-17 23:01+00:00")

    assert (before, run("fatturapa_check", path)[0]) == (1, 0)


def shell(*arguments):
    """`manage.py` in a process of its own, with a database that does not answer."""
    command = [sys.executable, "manage.py", *map(str, arguments)]
    env = {**os.environ, "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none"}
    return subprocess.run(command, cwd=settings.BASE_DIR, env=env, capture_output=True, text=True, check=False)


def test_files_are_checked_from_a_shell_without_a_database(tmp_path):
    path = write(tmp_path, NAME, golden_xml("company"))

    process = shell("fatturapa_check", path, tmp_path / "none.xml")

    reports = json.loads(process.stdout)
    assert (process.returncode, process.stderr) == (1, "")
    assert [(file["accepted"], codes_and_fields(file["errors"])) for file in reports] == [
        (True, []),
        (False, [("unreadable", "file")]),
    ]


def test_draft_is_printed_from_a_shell_without_a_database():
    process = shell("invoice_xml", GOLDEN / "company.json")

    assert (process.returncode, find_text(process.stdout, "Numero"), find_text(process.stdout, "ProgressivoInvio")) == (
        0,
        "2026/00001",
        "00001",
    )
    assert process.stderr.startswith("The database does not answer, so nobody knows which numbers are taken")
