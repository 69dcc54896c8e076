"""What start-dev.sh cannot work with is named in one sentence, and nothing is started."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run_dev(data: Path, env_file: bytes = b"DEBUG=true\n", **env: str) -> "subprocess.CompletedProcess[str]":
    data.mkdir()
    file = data.parent / "settings"
    file.write_bytes(env_file)
    command = [sys.executable, "-m", "sandbox.dev", "--data", str(data), "--env", str(file)]
    environ = {"PATH": os.environ["PATH"], **env}
    return subprocess.run(command, cwd=ROOT, env=environ, check=False, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("port", ["abc", "0", "65536", "-1", "80 80", "８０８０x", "1e4"])
def test_odd_port_is_named(tmp_path: Path, port: str):
    result = run_dev(tmp_path / "var", PORT=port)

    assert (result.returncode, result.stderr) == (
        1, f"start-dev: PORT is {port!r}: a number from 1 to 65535 was expected\n",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("env_file", "message"),
    [
        (b"DEBUG=true\nSECRET_KEY\n", "settings, line 2: NAME=value was expected"),
        (b"DEBUG=true\n\n=x\n", "settings, line 3: NAME=value was expected"),
        ("DEBUG=true\nX=più\n".encode("latin-1"), "is no text in UTF-8"),
    ],
)
def test_broken_file_of_settings_is_named_with_its_line(tmp_path: Path, env_file: bytes, message: str):
    result = run_dev(tmp_path / "var", env_file)

    assert result.returncode == 1
    assert message in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("line", ["export PORT=abc", "PORT = 'abc'", 'PORT="abc"'])
def test_settings_are_read_as_a_shell_would(tmp_path: Path, line: str):
    result = run_dev(tmp_path / "var", f"# ours\n{line}\n".encode())

    assert "PORT is 'abc'" in result.stderr


def test_folder_that_cannot_be_written_is_named(tmp_path: Path):
    (tmp_path / "var").write_text("a file")

    command = [sys.executable, "-m", "sandbox.dev", "--data", str(tmp_path / "var")]
    result = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=60)

    assert (result.returncode, result.stderr) == (1, f"start-dev: File exists ({tmp_path / 'var'})\n")
