"""A page of the back office issues one document, however often its button is pressed."""

import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from invoicing.models import Invoice
from tests.invoicing.test_back_office import (
    BY_HAND,
    CHECK,
    FORM,
    confirmed,
    draft,
    issue_document,
    notices,
    page_key,
    page_of,
    today,
)

pytestmark = pytest.mark.django_db
Click = tuple[str, Mapping[str, str]]


def by_hand(client: Client) -> Click:
    page = client.post(CHECK, {"draft": draft(), "action": "check"})
    return CHECK, {"draft": draft(), **confirmed(page)}


def credit_of_a_part(client: Client) -> Click:
    path = page_of(issue_document(), "credit")
    data = {"amount": "610", "reason": "Una giornata annullata"}
    page = client.post(path, data)
    return path, {**data, **confirmed(page)}


def credit_of_all(client: Client) -> Click:
    path = page_of(issue_document(), "credit")
    page = client.post(path, {"reason": "Annullata"})
    return path, {"reason": "Annullata", **confirmed(page)}


def in_its_place(client: Client) -> Click:
    invoice = issue_document()
    Invoice.objects.filter(pk=invoice.pk).update(state="rejected", rejected_at=timezone.now())
    page = client.get(page_of(invoice, "replaced"))
    text = page.context["form"].initial["draft"]
    return CHECK, {"draft": text, **confirmed(page)}


BUTTONS = pytest.mark.parametrize("button", [by_hand, credit_of_a_part, credit_of_all, in_its_place])


def leads_to(answer: Any) -> str:
    return answer.headers.get("Location", f"a page: {answer.status_code}")


def change_page(invoice: Invoice) -> str:
    return reverse("admin:invoicing_invoice_change", args=[invoice.pk])


@BUTTONS
def test_second_click_leads_to_the_document_of_the_first(button: Callable[[Client], Click], staff_client: Client):
    path, data = button(staff_client)
    before = Invoice.objects.count()

    staff_client.post(path, data)
    second = staff_client.post(path, data)

    invoice = Invoice.objects.latest("pk")
    assert (Invoice.objects.count(), leads_to(second)) == (before + 1, change_page(invoice))
    assert notices(staff_client.get(leads_to(second)))[-1] == (
        f"Da questa pagina è già stato emesso {invoice.number}: non è stato emesso altro. Per un altro documento "
        "ricominciate da una pagina nuova."
    )


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@BUTTONS
def test_clicks_at_once_issue_one_document(button: Callable[[Client], Click], staff_client: Client):
    path, data = button(staff_client)
    before = Invoice.objects.count()

    def click(_number: int) -> str:
        client = Client()
        client.cookies.update(staff_client.cookies)
        try:
            return leads_to(client.post(path, data))
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(click, range(4)))

    invoice = Invoice.objects.latest("pk")
    assert Invoice.objects.count() == before + 1
    first = change_page(invoice.credited or invoice)  # whoever credits an invoice comes back to it
    assert sorted(answers) == sorted([first, *[change_page(invoice)] * 3])


def test_form_sent_again_by_the_back_button_leads_to_its_document(staff_client: Client):
    form = FORM | {"date": today(), "page_key": page_key(staff_client.get(BY_HAND))}
    page = staff_client.post(BY_HAND, form)
    content = page.context["form"].initial["draft"]
    staff_client.post(CHECK, {"draft": content, **confirmed(page)})

    again = [
        staff_client.post(BY_HAND, form),
        staff_client.post(CHECK, {"draft": content, "action": "check", "page_key": page_key(page)}),
    ]

    assert [leads_to(answer) for answer in again] == [change_page(Invoice.objects.get())] * 2


def test_draft_that_changed_after_its_page_issued_is_not_issued(staff_client: Client):
    path, data = by_hand(staff_client)
    staff_client.post(path, data)
    dearer = draft(lines=[{"description": "Formazione", "unit_price": "200.00"}])

    answer = staff_client.post(path, {**data, "draft": dearer})

    assert leads_to(answer) == change_page(Invoice.objects.get())


def test_same_draft_on_a_new_page_is_another_document(staff_client: Client):
    for _page in range(2):
        path, data = by_hand(staff_client)
        staff_client.post(path, data)

    assert Invoice.objects.count() == 2


def test_page_keeps_its_key_until_it_has_issued(staff_client: Client):
    form = staff_client.get(BY_HAND)
    refused = staff_client.post(BY_HAND, {"page_key": page_key(form)})
    checked = staff_client.post(BY_HAND, FORM | {"date": today(), "page_key": page_key(form)})
    changed = staff_client.post(CHECK, {"draft": draft(), "action": "check", "page_key": page_key(checked)})

    assert {page_key(page) for page in (form, refused, checked, changed)} == {page_key(form)}
    assert page_key(staff_client.get(BY_HAND)) != page_key(form)


@pytest.mark.parametrize("key", [None, "", "x", "\x00", "0" * 400])
@pytest.mark.parametrize("button", [by_hand, credit_of_a_part])
def test_page_without_its_key_is_shown_again(button: Any, key: str | None, staff_client: Client):
    path, data = button(staff_client)
    rest = {name: value for name, value in data.items() if name != "page_key"}
    before = Invoice.objects.count()

    again = staff_client.post(path, rest if key is None else {**rest, "page_key": key})

    assert Invoice.objects.count() == before
    assert notices(again) == ["Non è ancora stato emesso nulla: controllate prima il documento."]
    assert re.fullmatch(r"[0-9a-f-]{36}", page_key(again))


def test_database_has_one_document_of_a_page(staff_client: Client):
    path, data = by_hand(staff_client)
    staff_client.post(path, data)
    values = {name: value for name, value in Invoice.objects.values().get().items() if name != "id"}

    with pytest.raises(IntegrityError, match="page_key"):
        Invoice.objects.create(**values | {"number": "2026/9"})


def test_key_of_the_page_that_issued_a_document_is_frozen():
    invoice = issue_document()

    with pytest.raises(IntegrityError, match="is issued and cannot be changed"):
        Invoice.objects.filter(pk=invoice.pk).update(page_key=uuid4())
