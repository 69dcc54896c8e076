"""The ten-year archive: packages whose every file is accounted for, and a check that finds one flipped bit."""

import hashlib
import subprocess
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from invoicing import corrections, tasks
from invoicing.archive import contents, packages
from invoicing.archive.contents import BadPeriodError, Period, database_troubles, package_troubles, write_package
from invoicing.models import ArchivePackage, Document, Invoice
from invoicing.services import issue_invoice
from tests.invoicing.archive.packing import on, pack, sale, table
from tests.invoicing.drafts import COMPANY
from tests.invoicing.flow import OFFICE, Post, issue, on_its_way, receive, sign
from tests.invoicing.test_corrections import correct
from tests.invoicing.test_credit_notes import credit

pytestmark = pytest.mark.django_db


def names(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as package:
        return package.namelist()


def test_package_of_a_month_holds_each_documents_files_once(year: list[Invoice], tmp_path: Path):
    stems = {invoice.number: invoice.current_file().file_name for invoice in year}
    path = pack(tmp_path, "2025-11")

    assert names(path) == [
        f"fatture/2025-00002/{stems['2025/00002']}",
        "fatture/2025-00002/2025-00002.pdf",
        f"fatture/2025-00002/{stems['2025/00002'][:-4]}_MC_003.xml",
        f"fatture/2025-00003/{stems['2025/00003']}",
        f"fatture/2025-00003/{stems['2025/00003']}.p7m",
        "fatture/2025-00003/2025-00003.pdf",
        f"fatture/2025-00004/{stems['2025/00004']}",
        "fatture/2025-00004/2025-00004.pdf",
        f"fatture/2025-00004/{stems['2025/00004'][:-4]}_NS_003.xml",
        f"fatture/NC-2025-00001/{stems['NC/2025/00001']}",
        "fatture/NC-2025-00001/NC-2025-00001.pdf",
        "registro.csv", "totali-iva.csv", "registro.xlsx", "LEGGIMI.txt", "manifest.sha256",
    ]  # fmt: skip


def test_packed_files_are_the_stored_bytes(year: list[Invoice], tmp_path: Path):
    path = pack(tmp_path, "2025-11")

    document_hashes = set(Document.objects.values_list("sha256", flat=True))
    with zipfile.ZipFile(path) as package:
        package_hashes = {
            hashlib.sha256(package.read(name)).hexdigest() for name in names(path) if name.startswith("fatture/")
        }
    assert len(package_hashes) == 11
    assert package_hashes - document_hashes == set()


def test_manifest_is_what_sha256sum_checks(year: list[Invoice], tmp_path: Path):
    path, folder = pack(tmp_path, "2025"), tmp_path / "unpacked"
    with zipfile.ZipFile(path) as package:
        package.extractall(folder)

    process = subprocess.run(
        ["sha256sum", "--check", "--strict", "--quiet", "manifest.sha256"], cwd=folder, capture_output=True, check=False
    )

    manifest_names = [line.split("  ")[1] for line in (folder / "manifest.sha256").read_text().splitlines()]
    assert (process.returncode, process.stdout, process.stderr) == (0, b"", b"")
    assert [*manifest_names, "manifest.sha256"] == names(path)


@pytest.mark.parametrize(("conservatore", "name"), [("", "non indicata"), ("Agenzia delle Entrate", "Agenzia delle E")])
def test_readme_says_what_the_package_is_not(conservatore: str, name: str, db: None, tmp_path: Path, settings: Any):
    settings.INVOICE_CONSERVATORE = conservatore

    with zipfile.ZipFile(pack(tmp_path, "2025")) as package:
        text = package.read("LEGGIMI.txt").decode()

    assert "non è la conservazione a norma" in text
    assert f"Conservazione a norma: {name}" in text


def test_progress_is_told_document_by_document(year: list[Invoice], tmp_path: Path):
    calls: list[tuple[int, int]] = []

    count = write_package(tmp_path / "a.zip", Period(2025, 11), lambda done, total: calls.append((done, total)))

    assert (count, calls) == (4, [(1, 4), (2, 4), (3, 4), (4, 4)])


def test_empty_period_gives_an_empty_package(db: None, tmp_path: Path):
    path = pack(tmp_path, "2024")

    assert names(path) == ["registro.csv", "totali-iva.csv", "registro.xlsx", "LEGGIMI.txt", "manifest.sha256"]
    assert list(package_troubles(path)) == []


def test_full_disk_leaves_the_older_package_and_nothing_else(year: list[Invoice], tmp_path: Path):
    path = tmp_path / "2025.zip"
    path.write_bytes(b"older")
    (tmp_path / "2025.zip.part").symlink_to("/dev/full")

    with pytest.raises(OSError, match="No space left"):
        write_package(path, Period(2025))

    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("2025.zip", b"older")]


def test_interrupted_package_leaves_nothing(year: list[Invoice], tmp_path: Path):
    def interrupt(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_package(tmp_path / "2025.zip", Period(2025), interrupt)

    assert list(tmp_path.iterdir()) == []


def test_folder_that_cannot_be_written_is_an_error_in_words(db: None, tmp_path: Path):
    (tmp_path / "file").touch()

    with pytest.raises(CommandError, match=r"cannot be written: (Not a directory|File exists)"):
        call_command("export_archive", "2025", "--out", str(tmp_path / "file" / "a.zip"))


def test_command_writes_the_package_and_says_so(year: list[Invoice], tmp_path: Path, capsys: Any):
    path = tmp_path / "new" / "2025.zip"

    call_command("export_archive", "2025", "--out", str(path))

    assert capsys.readouterr().out == f"{path}: 5 documents\n"
    assert list(package_troubles(path)) == []


@pytest.mark.parametrize("text", ["", "25", "2025-13", "2025-1", "2025-00", "2025-11-01", "1999", "2025 "])
def test_period_is_a_year_or_a_month(text: str):
    with pytest.raises(BadPeriodError):
        Period.parse(text)
    with pytest.raises(CommandError, match="neither a year"):
        call_command("export_archive", text)


@pytest.mark.parametrize(("day", "month"), [("2026-01-01", "2025-12"), ("2026-03-31", "2026-02")])
def test_last_month(day: str, month: str):
    assert str(contents.last_month(date.fromisoformat(day))) == month


def tamper(statement: str) -> None:
    """Write past the triggers, as only the database's owner can."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(statement)
        cursor.execute("SET LOCAL session_replication_role = DEFAULT")


def test_untouched_archive_is_intact(year: list[Invoice], capsys: Any):
    call_command("verify_archive")

    assert capsys.readouterr().out == "The archive is intact.\n"


def flip(column: str, at: int) -> str:
    return f"{column} = set_byte({column}, {at}, get_byte({column}, {at}) # 1)"


@pytest.mark.parametrize("at", [0, 60, 1500])
@pytest.mark.parametrize("kind", ["xml", "signed", "sdi_message"])
def test_one_flipped_bit_of_a_document_is_found(kind: str, at: int, year: list[Invoice], capsys: Any):
    document = Document.objects.filter(kind=kind).order_by("pk")[0]
    tamper(f"UPDATE invoicing_document SET {flip('content', at)} WHERE id = {document.pk}")

    with pytest.raises(SystemExit) as end:
        call_command("verify_archive")

    message = f"document {document.pk} ({document.name}): the content is not that of its SHA-256 {document.sha256}"
    assert (end.value.code, capsys.readouterr().err.splitlines()[0]) == (1, message)


def test_one_flipped_bit_of_a_mail_is_found(year: list[Invoice]):
    tamper(f"UPDATE invoicing_receivedmail SET {flip('content', 100)} WHERE kind = 'MC'")

    assert [trouble.split()[0] for trouble in database_troubles()] == ["mail"]


@pytest.mark.parametrize(
    "change",
    ["gross_amount = 2, net_amount = 1, vat_amount = 1, rounding = 0", "issue_date = '2025-11-11'", "number = 'X/1'"],
)
def test_row_unlike_its_xml_is_found(change: str, year: list[Invoice]):
    tamper(f"UPDATE invoicing_invoice SET {change} WHERE id = {year[1].pk}")

    number = Invoice.objects.get(pk=year[1].pk).number
    assert list(database_troubles()) == [f"invoice {number}: the row differs from its XML"]


def test_check_of_the_database_tells_its_progress(year: list[Invoice]):
    calls: list[tuple[int, int]] = []

    assert list(database_troubles(lambda done, total: calls.append((done, total)))) == []

    documents = Document.objects.count()
    assert calls[:documents] == [(number, documents) for number in range(1, documents + 1)]


def rewrite(path: Path, *, without: str = "", **changed: bytes) -> None:
    """The same package with other contents."""
    with zipfile.ZipFile(path) as package:
        contents = {name: package.read(name) for name in package.namelist() if name != without}
    with zipfile.ZipFile(path, "w") as package:
        for name, content in {**contents, **{key.replace("__", "."): value for key, value in changed.items()}}.items():
            package.writestr(name, content)


@pytest.mark.parametrize(
    ("change", "trouble"),
    [
        ({"registro__csv": b"altro"}, "registro.csv: changed"),
        ({"without": "totali-iva.csv"}, "totali-iva.csv: missing"),
        ({"aggiunto__txt": b"nuovo"}, "aggiunto.txt: not in the manifest"),
        ({"without": "manifest.sha256"}, "not a package of the archive: "),
    ],
)
def test_package_changed_since_its_manifest_is_found(
    change: dict[str, Any], trouble: str, year: list[Invoice], tmp_path: Path, capsys: Any
):
    path = pack(tmp_path, "2025")
    rewrite(path, **change)

    with pytest.raises(SystemExit) as end:
        call_command("verify_archive", str(path))

    (line,) = capsys.readouterr().err.splitlines()
    assert (end.value.code, line.startswith(f"{path}: {trouble}")) == (1, True)


@pytest.mark.parametrize("place", [0.02, 0.25, 0.5, 0.75])
def test_one_flipped_bit_of_a_package_is_found(place: float, year: list[Invoice], tmp_path: Path):
    path = pack(tmp_path, "2025")
    raw = bytearray(path.read_bytes())
    raw[int(len(raw) * place)] ^= 1
    path.write_bytes(raw)

    assert len(list(package_troubles(path))) == 1


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04"])
def test_file_that_is_no_package_is_said_to_be_none(content: bytes, tmp_path: Path):
    path = tmp_path / "a.zip"
    path.write_bytes(content)

    (trouble,) = package_troubles(path)

    assert trouble.startswith("not a package of the archive: ")


def test_missing_package_is_named(tmp_path: Path, capsys: Any):
    with pytest.raises(SystemExit):
        call_command("verify_archive", str(tmp_path / "none.zip"))

    assert "No such file or directory" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("way", "amounts"),
    [
        ("stands", ["300,00", "66,00"]),
        ("credited", ["0,00", "0,00"]),
        ("replaced", ["300,00", "66,00"]),
        ("corrected", ["300,00", "66,00"]),
    ],
)
def test_refused_document_counts_once_whatever_follows(
    way: str, amounts: list[str], staff: Any, post: Post, tmp_path: Path
):
    with on("2025-11-10"):
        public = issue(draft=sale(OFFICE, ("300.00", "22", "")))
        sign(public, staff)
        receive(post.sdi(on_its_way(public).file, "EC02"))
        public.refresh_from_db()
        if way == "credited":
            credit(public)
        elif way == "replaced":
            issue(draft=corrections.replacement_draft(invoice=public, today=date(2025, 11, 10)))
        elif way == "corrected":
            correct(public, staff, corrections.draft_of(public))

    assert [row[-2:] for row in table(pack(tmp_path, "2025-11"), "totali-iva.csv")[1:]] == [amounts]


def test_package_of_a_past_month_is_asked_for_anew_when_a_document_of_it_comes_later(tmp_path: Path, settings: Any):
    settings.MEDIA_ROOT = tmp_path
    with on("2025-11-28"):
        issue(draft=sale(COMPANY, ("100.00", "22", "")))
    with on("2025-12-08"):
        tasks.request_last_month()
        packages.build_due()
        unchanged = packages.request_outdated(today=date(2025, 12, 8))
    issue_invoice(
        draft=sale(COMPANY, ("200.00", "22", "")).with_date(date(2025, 11, 29)), customer=None, reference="",
        language="it", today=date(2025, 12, 9), now=timezone.now(),
    )  # fmt: skip

    with on("2025-12-09"):
        tasks.request_last_month()
        packages.build_due()
        again = packages.request_outdated(today=date(2025, 12, 9))

    package = ArchivePackage.objects.get()
    assert (unchanged, again) == (0, 0)
    assert (package.period, package.state, package.done_count) == ("2025-11", "done", 2)


def test_package_of_a_past_month_is_asked_for_anew_when_a_document_of_it_is_corrected(
    tmp_path: Path, settings: Any, staff: Any, post: Post
):
    settings.MEDIA_ROOT = tmp_path
    with on("2025-11-28"):
        invoice = issue(draft=sale(OFFICE, ("100.00", "22", "")))
        sign(invoice, staff)
        receive(post.sdi(on_its_way(invoice).file, "EC02"))
    packages.request_package(period="2025-11")
    packages.build_due()
    unchanged = packages.request_outdated(today=date(2025, 12, 8))

    correct(invoice, staff, corrections.draft_of(invoice))

    assert (unchanged, packages.request_outdated(today=date(2025, 12, 8))) == (0, 1)


def test_package_of_the_month_in_course_is_left_at_what_it_was_asked_for(tmp_path: Path, settings: Any):
    settings.MEDIA_ROOT = tmp_path
    with on("2025-11-10"):
        packages.request_package(period="2025-11")
        packages.request_package(period="2025")
        packages.build_due()
    with on("2025-11-11"):
        issue(draft=sale(COMPANY, ("100.00", "22", "")))

    assert packages.request_outdated(today=date(2025, 11, 30)) == 0
    assert packages.request_outdated(today=date(2025, 12, 1)) == 1


def test_register_follows_the_numbers_where_dates_go_back(tmp_path: Path):
    for day in ("2025-11-20", "2025-11-03"):
        with on(day):
            issue(draft=sale(COMPANY, ("100.00", "22", "")))

    rows = table(pack(tmp_path, "2025"), "registro.csv")[1:]

    assert [(row[0], row[1]) for row in rows] == [("2025/00001", "20/11/2025"), ("2025/00002", "03/11/2025")]
