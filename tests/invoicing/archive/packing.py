"""What the tests of the archive share: documents of a day, a package, the tables in it."""

import csv
import io
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import time_machine

from invoicing.archive.contents import Period, write_package
from invoicing.fatturapa.draft import Line
from tests.invoicing.drafts import make_draft


def on(day: str) -> Any:
    return time_machine.travel(f"{day} 10:00+01:00", tick=False)


def sale(buyer: Any, *prices: tuple[str, str, str]) -> Any:
    lines = [Line("Voce", Decimal(1), Decimal(price), Decimal(rate), nature=nature) for price, rate, nature in prices]
    return make_draft(buyer, *lines, payments=())


def pack(tmp_path: Path, period: str) -> Path:
    path = tmp_path / f"{period}.zip"
    write_package(path, Period.parse(period))
    return path


def table(path: Path, name: str) -> list[list[str]]:
    with zipfile.ZipFile(path) as package:
        text = package.read(name).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text), delimiter=";"))
