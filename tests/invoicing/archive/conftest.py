"""A year of documents for the tests of the archive."""

from typing import Any

import pytest

from invoicing.models import Invoice
from tests.invoicing.archive.packing import on, sale
from tests.invoicing.drafts import COMPANY, PERSON
from tests.invoicing.flow import OFFICE, Post, issue, on_its_way, receive, sign
from tests.invoicing.test_credit_notes import credit


@pytest.fixture
def year(staff: Any, post: Post) -> list[Invoice]:
    """October: one invoice; November: one with three rates, one signed, one rejected, a credit note; January after."""
    with on("2025-10-31"):
        first = issue(draft=sale(COMPANY, ("100.00", "22", "")))
    with on("2025-11-10"):
        second = issue(draft=sale(PERSON, ("1000.00", "22", ""), ("200.00", "10", ""), ("50.00", "0", "N4")))
        receive(post.sdi(on_its_way(second).file, "MC"))
        public = issue(draft=sale(OFFICE, ("300.00", "22", "")))
        sign(public, staff)
        rejected = issue(draft=sale(COMPANY, ("7777.00", "22", "")))
        receive(post.sdi(on_its_way(rejected).file, "NS"))
        note = credit(first, "12.20")
    with on("2026-01-02"):
        after = issue(draft=sale(COMPANY, ("1.00", "22", "")))
    for invoice in (first, second, public, rejected, note, after):
        invoice.refresh_from_db()
    return [first, second, public, rejected, note, after]
