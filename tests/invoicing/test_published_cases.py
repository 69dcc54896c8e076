"""The published small files, each with the right verdict."""

import json
from contextlib import nullcontext

import pytest
from django.core.management import call_command


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("BASE1", []),
        ("CENT1", []),
        ("CENT2", ["00421"]),
        ("DATE1", []),
        ("NSUR1", []),
        ("SEMP1", []),
        ("SLOC1", ["00200"]),
    ],
)
def test_small_file_gets_its_verdict(shared, time_machine, capsys, name, codes):
    time_machine.move_to("2026-11-29 12:00+00:00")
    path = shared / "fatturapa" / "cases" / f"IT07643520567_{name}.xml"
    with pytest.raises(SystemExit) if codes else nullcontext():
        call_command("fatturapa_check", str(path))

    report = json.loads(capsys.readouterr().out)
    assert [error["code"] for error in report["errors"]] == codes
    assert all(error["field"] for error in report["errors"])
