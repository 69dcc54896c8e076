"""A zip of invoices: each file is judged and named; what SDI does not take is refused in words."""

import io
import json
import warnings
import zipfile

import pytest
from django.core.management import call_command

from invoicing.sdi.file_check import check
from invoicing.sdi.zip_file import MAX_FILES
from tests.invoicing.drafts import DAY, golden_xml
from tests.invoicing.sdi.test_p7m import sign

ZIP = "IT11847200968_0001Z.zip"
MEGABYTE = 1024**2


def pack(*members, method=zipfile.ZIP_DEFLATED):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # two members of one name are what a test wants
        for name, data in members:
            archive.writestr(name, data)
    return content.getvalue()


def verdicts(content, name=ZIP):
    result = check(name, content, today=DAY)
    files = {file.name: [violation.code for violation in file.errors] for file in result.files}
    return [violation.code for violation in result.errors], files


def test_every_file_is_judged_and_named():
    content = pack(
        ("IT11847200968_00001.xml", golden_xml("company")),
        ("IT11847200968_00002.xml", golden_xml("company").replace(b"858.00", b"858.02")),
        ("IT11847200968_00003.xml.p7m", sign()),
        ("IT11847200968_000004.xml", golden_xml("fee")),
    )

    assert verdicts(content) == ([], {
        "IT11847200968_00001.xml": [],
        "IT11847200968_00002.xml": ["00421"],
        "IT11847200968_00003.xml.p7m": [],
        "IT11847200968_000004.xml": ["00001"],
    })  # fmt: skip
    assert not check(ZIP, content, today=DAY).is_accepted
    assert check(ZIP, pack(("IT11847200968_00001.xml", golden_xml("company"))), today=DAY).is_accepted


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("cartella/IT11847200968_00001.xml", "cartelle"),
        ("cartella/", "cartelle"),
        ("..\\IT11847200968_00001.xml", "cartelle"),
        ("../../etc/passwd", "cartelle"),
        ("fattura.pdf", "Nell’archivio vanno solo file .xml"),
        ("IT11847200968_00001.zip", "Nell’archivio vanno solo file .xml"),
    ],
)
def test_folders_and_other_files_are_refused_in_words(name, words):
    result = check(ZIP, pack((name, b""), ("IT11847200968_00009.xml", golden_xml("company"))), today=DAY)

    assert [(file.name, [error.code for error in file.errors]) for file in result.files] == [
        (name, ["00001"]),
        ("IT11847200968_00009.xml", []),
    ]
    assert words in result.files[0].errors[0].message


def test_two_files_of_one_name_are_refused():
    name = "IT11847200968_00001.xml"

    result = check(ZIP, pack((name, golden_xml("company")), (name, golden_xml("company"))), today=DAY)

    assert [[error.code for error in file.errors] for file in result.files] == [[], ["00002"]]


def test_file_that_unpacks_to_more_than_sdi_takes_is_refused_and_not_read_further():
    bomb = pack(("IT11847200968_00001.xml", b" " * (100 * MEGABYTE)))

    assert len(bomb) < MEGABYTE
    assert verdicts(bomb) == ([], {"IT11847200968_00001.xml": ["00003"]})


def test_archive_that_unpacks_to_too_much_is_refused_as_a_whole():
    bomb = pack(*((f"IT11847200968_{n:05}.xml", b" " * (6 * MEGABYTE)) for n in range(11)))

    assert verdicts(bomb) == (["00003"], {})


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\x03\x04 none",
        golden_xml("company"),
        pack(),
        pack(*((f"IT11847200968_{n:05}.xml", b"x") for n in range(MAX_FILES + 1))),
    ],
)
def test_archive_that_is_none_or_empty_or_too_full_is_refused(content):
    assert verdicts(content) == (["00106"], {})


def test_damaged_and_protected_files_are_refused_beside_the_others():
    name, other = "IT11847200968_00001.xml", "IT11847200968_00002.xml"
    sound = pack((name, golden_xml("company")), (other, golden_xml("fee")), method=zipfile.ZIP_STORED)
    damaged = sound.replace(b"Officine", b"Afficine", 1)
    flags = sound.index(b"PK\x01\x02") + 8  # general purpose flags of the first entry of the directory
    protected = sound[:flags] + b"\x01" + sound[flags + 1 :]

    assert verdicts(sound) == ([], {name: [], other: []})
    assert verdicts(damaged) == ([], {name: ["00106"], other: []})
    assert verdicts(protected) == ([], {name: ["00106"], other: []})


def test_method_of_packing_that_nobody_expects_is_refused():
    content = pack(("IT11847200968_00001.xml", golden_xml("company")), method=zipfile.ZIP_LZMA)

    assert verdicts(content) == ([], {"IT11847200968_00001.xml": ["00106"]})


def test_archive_above_five_megabytes_is_too_large():
    content = pack(("IT11847200968_00001.xml", b"x" * (6 * MEGABYTE)), method=zipfile.ZIP_STORED)

    assert verdicts(content) == (["00003"], {})


def test_command_prints_the_files_of_a_zip(tmp_path, capsys):
    path = tmp_path / ZIP
    path.write_bytes(pack(("IT11847200968_00001.xml", golden_xml("company")), ("leggimi.txt", b"ciao")))

    with pytest.raises(SystemExit) as end:
        call_command("fatturapa_check", str(path))

    report = json.loads(capsys.readouterr().out)
    assert end.value.code == 1
    assert (report["format"], report["accepted"], report["errors"]) == ("zip", False, [])
    assert [(file["file"], file["accepted"], file["format"]) for file in report["files"]] == [
        ("IT11847200968_00001.xml", True, "FPR12"),
        ("leggimi.txt", False, ""),
    ]
