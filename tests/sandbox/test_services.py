"""What the embedded servers leave behind."""

import os
import subprocess
from pathlib import Path

import pytest

from sandbox import services


def home(homes: Path, name: str, data: Path, pid: int | None = None) -> Path:
    made = homes / f"aish-{name}"
    (made / "cluster").mkdir(parents=True)
    (made / services.BELONGS_TO).write_text(str(data))
    if pid:
        (made / "cluster" / "postmaster.pid").write_text(f"{pid}\n{made}\n")
    return made


def test_cluster_goes_with_the_folder_it_was_made_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    homes, gone, there = tmp_path / "homes", tmp_path / "gone", tmp_path / "there"
    there.mkdir()
    monkeypatch.setattr(services, "HOMES", homes)
    ended = subprocess.Popen(["true"])
    ended.wait()
    abandoned = [home(homes, "left", gone), home(homes, "killed", gone, pid=ended.pid)]
    kept = [home(homes, "used", there), home(homes, "running", gone, pid=os.getpid())]
    programs = homes / "aish-postgres-1.0"
    programs.mkdir()

    services.clear_abandoned()

    assert sorted(homes.iterdir()) == sorted([*kept, programs])
    assert not any(path.exists() for path in abandoned)
