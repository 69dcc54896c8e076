"""`manage.py pec_receive`: mails from files, as other programs hand them over."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from invoicing.models import PecMessage, ReceivedMail
from tests.invoicing.flow import Post, issue, on_its_way

pytestmark = pytest.mark.django_db


@pytest.fixture
def message() -> PecMessage:
    return on_its_way(issue())


def write_mails(folder: Path, **mails: bytes) -> list[str]:
    for name, raw in mails.items():
        (folder / f"{name}.eml").write_bytes(raw)
    return [str(folder / f"{name}.eml") for name in mails]


def run_command(capsys: Any, *paths: str) -> Any:
    call_command("pec_receive", *paths)
    return json.loads(capsys.readouterr().out)


def test_one_file_gives_an_object(message: PecMessage, post: Post, tmp_path: Path, capsys: Any):
    (path,) = write_mails(tmp_path, rc=post.sdi(message.file, "RC"))

    assert run_command(capsys, path) == {
        "file": path, "outcome": "applied", "kind": "RC", "reason": "", "invoice": "2026/00001",
        "state": "delivered", "stored": True,
    }  # fmt: skip


def test_several_files_give_a_list_in_their_order(message: PecMessage, post: Post, tmp_path: Path, capsys: Any):
    paths = write_mails(
        tmp_path,
        delivery=post.receipt(message, "avvenuta-consegna"),
        forged=post.sdi(message.file, "NS", digest="0" * 64),
        foreign=b"Subject: Offerta\r\n\r\nCiao",
        unknown=post.sdi(message.file, "RC", about="IT99999999999_00001.xml"),
    )

    answer = run_command(capsys, *paths)

    rows = [(mail["file"], mail["outcome"], mail["invoice"], mail["state"]) for mail in answer]
    assert rows == [
        (paths[0], "applied", "2026/00001", "pec_delivered"),
        (paths[1], "quarantined", None, None),
        (paths[2], "foreign", None, None),
        (paths[3], "unmatched", None, None),
    ]


def test_repeated_file_is_not_stored_again(message: PecMessage, post: Post, tmp_path: Path, capsys: Any):
    (path,) = write_mails(tmp_path, rc=post.sdi(message.file, "RC"))
    first = run_command(capsys, path)

    second = run_command(capsys, path)

    assert second == first | {"stored": False}
    assert ReceivedMail.objects.count() == 1


def test_missing_file_is_an_error_and_the_others_are_taken(
    message: PecMessage, post: Post, tmp_path: Path, capsys: Any
):
    (path,) = write_mails(tmp_path, rc=post.sdi(message.file, "RC"))
    missing = str(tmp_path / "none.eml")

    with pytest.raises(SystemExit) as end:
        call_command("pec_receive", missing, path)

    answer = json.loads(capsys.readouterr().out)
    assert (end.value.code, answer[0]) == (1, {"file": missing, "error": f"{missing}: No such file or directory"})
    assert (answer[1]["outcome"], answer[1]["state"]) == ("applied", "delivered")


def test_single_missing_file_gives_an_object_and_exit_status_1(db: None, tmp_path: Path, capsys: Any):
    missing = str(tmp_path / "none.eml")

    with pytest.raises(SystemExit) as end:
        call_command("pec_receive", missing)

    assert end.value.code == 1
    assert json.loads(capsys.readouterr().out) == {"file": missing, "error": f"{missing}: No such file or directory"}
