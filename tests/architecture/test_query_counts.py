"""A list costs as many queries for three rows as for one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from billing.models import Payment
from chatbot.tickets import services as tickets
from invoicing.services import issue_invoice
from tests.accounts.documents.papers import replace, share
from tests.factories import make_customer, make_order, make_service
from tests.invoicing.drafts import DAY, make_draft

pytestmark = pytest.mark.django_db


def add_service(_customer: Any, number: int) -> None:
    make_service(f"servizio-{number}")


def add_invoice(customer: Any, number: int) -> None:
    issue_invoice(
        draft=make_draft(), customer=customer, reference=f"ORD-2026-9000{number}", language="it", today=DAY,
        now=timezone.now(),
    )  # fmt: skip


def add_paid_order(customer: Any, number: int) -> None:
    """An order with everything a list shows of it: lines, payment, invoice."""
    order = make_order(customer)
    add_invoice(customer, number)
    invoice = customer.invoices.latest("pk")
    Payment.objects.create(order=order, amount=order.gross_amount, status="succeeded", invoice=invoice)


def add_ticket(customer: Any, number: int) -> None:
    tickets.open_from_text(text=f"Domanda {number}", customer=customer, guest=None, language="it", now=timezone.now())


def add_document(customer: Any, number: int) -> None:
    """Of two versions, and unread."""
    email = "admin@aish.example"
    staff = User.objects.find(email) or make_customer(email, role="super_admin")
    replace(share(customer, staff, f"Rapporto {number}"), staff, b"Due.")


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


LISTS = [
    ("/", add_service, 3),
    ("/servizi/", add_service, 4),
    ("/area/", add_paid_order, 8),
    ("/area/ordini/", add_paid_order, 6),
    ("/area/fatture/", add_invoice, 5),
    ("/area/richieste/", add_ticket, 5),
    ("/area/documenti/", add_document, 7),
    ("/api/v1/me/documents", add_document, 4),
    ("/api/v1/tickets", add_ticket, 3),
    ("/api/v1/services", add_service, 3),
    ("/api/v1/orders", add_paid_order, 7),
    ("/api/v1/invoices", add_invoice, 3),
]


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize(("path", "add", "queries"), LISTS, ids=[path for path, _add, _queries in LISTS])
def test_list_costs_the_same_for_any_length(
    path: str, add: Callable[[Any, int], None], queries: int, rows: int,
    customer: Any, customer_client: Client, django_assert_num_queries: Any,
):  # fmt: skip
    for number in range(rows):
        add(customer, number)
    customer_client.get(path)  # the first page of a session is not what a list costs

    with django_assert_num_queries(queries):
        answer = customer_client.get(path)

    assert answer.status_code == 200
    assert count_rows(answer) == rows


def count_rows(answer: Any) -> int:
    """How many rows a page or an answer of the API lists."""
    if answer["Content-Type"] == "application/json":
        return len(answer.json()["results"])
    lists = (answer.context.get(name) for name in ("page", "services", "orders"))
    return len(next(rows for rows in lists if rows is not None))
