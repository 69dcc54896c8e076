"""What the page of an invoice says first: only what its customer has to know of SDI's answer."""

import pytest
from django.utils import translation

from core.web.notices import Notice
from invoicing.models import Invoice
from invoicing.timeline import invoice_notice


def notice(state: str, code: str = "") -> Notice | None:
    with translation.override("en"):
        return invoice_notice(Invoice(number="2026/7", state=state, recipient_code=code))


def test_original_in_the_tax_drawer():
    text = (
        "SDI could not deliver it to your address: you find the original in the cassetto fiscale of the Agenzia delle "
        "Entrate, and the courtesy copy here."
    )
    assert notice("made_available") == Notice("warn", "The original is in your tax drawer.", text)


@pytest.mark.parametrize("state", ["delivered", "made_available"])
def test_customer_abroad_has_no_tax_drawer(state: str):
    text = "It delivers nothing to customers abroad: the copy for you is here."
    assert notice(state, "XXXXXXX") == Notice("done", "SDI has taken the invoice.", text)


def test_rejected_invoice():
    text = "We correct it within five days; you need not do anything."
    assert notice("rejected") == Notice("stop", "SDI has rejected this invoice.", text)


@pytest.mark.parametrize("state", sorted(set(Invoice.State.values) - {"made_available", "rejected"}))
def test_other_states_say_nothing(state: str):
    assert notice(state) is None
