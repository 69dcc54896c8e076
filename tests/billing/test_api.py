"""The API's way to a paid order: the same rules as the pages, problem+json when they refuse."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from billing.models import Order
from billing.payments import services as payments
from invoicing.models import Invoice
from invoicing.services import issue_invoice
from tests.conftest import Control
from tests.factories import COMPANY, make_api_session, make_order, make_profile, make_service
from tests.invoicing.drafts import make_draft
from tests.stripe_browser import confirm, deliver

pytestmark = pytest.mark.django_db


class Api:
    """A single-page application: JSON in, JSON out, a bearer token."""

    def __init__(self, user: Any) -> None:
        self.client = Client(
            headers={"Authorization": f"Bearer {make_api_session(user).access}", "Accept-Language": "en"}
        )

    def __call__(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        answer = getattr(self.client, method)(f"/api/v1/{path}", body, content_type="application/json")
        return answer.status_code, answer.json() if "json" in answer.headers.get("Content-Type", "") else answer


@pytest.fixture
def api(customer: Any) -> Api:
    return Api(customer)


def test_services_are_public_and_priced_as_strings(client: Client):
    make_service()

    body = client.get("/api/v1/services", headers={"Accept-Language": "en"}).json()

    assert body["count"] == 1
    assert body["results"][0] == {
        "slug": "readiness-nis2", "category": "cybersecurity-nis2", "subject": "nis2", "kind": "package",
        "pricing": "fixed", "price": "3900.00", "price_to": None, "name": "NIS2 readiness", "tagline": "Six weeks.",
        "lead": "In six weeks you know.", "is_buyable": True,
    }  # fmt: skip


def test_order_is_placed_paid_and_invoiced_over_the_api(api: Api, stripe_stand_in: Control):
    make_service()
    api("put", "me/profile", COMPANY)
    _status, cart = api("put", "cart", {"service": "readiness-nis2", "quantity": 1, "price": "1.00"})
    created, order = api("post", "orders", {"terms_accepted": True, "gross_amount": "1.00"})
    _status, intent = api("post", f"orders/{order['number']}/payment-intent")
    confirm(intent["client_secret"])
    deliver(stripe_stand_in)
    payments.process_due_events()
    payments.invoice_due()

    status, paid = api("get", f"orders/{order['number']}")

    assert (created, status) == (201, 200)
    assert (cart["gross_amount"], order["gross_amount"], order["status"]) == ("4758.00", "4758.00", "awaiting_payment")
    assert (paid["status"], paid["invoice"]) == ("paid", Invoice.objects.get().number)


def test_invoice_is_listed_and_downloaded_over_the_api(api: Api, stripe_stand_in: Control, customer: Any):
    order = make_order(customer)
    confirm(payments.prepare_payment(order=order).client_secret)
    deliver(stripe_stand_in)
    payments.process_due_events()
    payments.invoice_due()
    number = Invoice.objects.get().number

    _status, page = api("get", "invoices")
    _status, steps = api("get", f"invoices/{number}/timeline")
    downloads = {kind: api("get", f"invoices/{number}/{kind}")[1] for kind in ("pdf", "xml")}

    assert [(row["number"], row["order"], row["state"]) for row in page["results"]] == [
        (number, order.number, "issued")
    ]
    assert [step["title"] for step in steps] == [f"Invoice {number} issued"]
    assert downloads["pdf"].content.startswith(b"%PDF-")
    assert downloads["xml"].content == bytes(Invoice.objects.get().current_file().xml.content)
    assert downloads["xml"].headers["Content-Disposition"].startswith("attachment; filename=")


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        ({"terms_accepted": False}, 400, "terms", "terms_accepted"),
        ({}, 400, "invalid", "terms_accepted"),
        ({"terms_accepted": "perhaps"}, 400, "invalid", "terms_accepted"),
    ],
)
def test_refused_order_names_code_and_field(body: Any, status: int, code: str, field: str, api: Api, customer: Any):
    make_profile(customer)
    make_service()
    api("put", "cart", {"service": "readiness-nis2"})

    answer, problem = api("post", "orders", body)

    assert (answer, problem["code"], [error["field"] for error in problem["errors"]]) == (status, code, [field])
    assert Order.objects.count() == 0


@pytest.mark.parametrize(
    ("setup", "status", "code"), [("nothing", 409, "profile_missing"), ("profile", 409, "cart_empty")]
)
def test_order_without_profile_or_cart_is_refused(setup: str, status: int, code: str, api: Api, customer: Any):
    if setup == "profile":
        make_profile(customer)

    response_status, problem = api("post", "orders", {"terms_accepted": True})

    assert (response_status, problem["code"], Order.objects.count()) == (status, code, 0)


def test_service_on_request_cannot_be_put_into_the_cart(api: Api):
    make_service(kind="quote")

    status, problem = api("put", "cart", {"service": "readiness-nis2"})

    assert (status, problem["code"]) == (409, "not_buyable")


def test_stripe_down_is_a_problem_and_the_order_stays(api: Api, customer: Any, stripe_stand_in: Control):
    order = make_order(customer)
    stripe_stand_in.fault(match="POST /v1/", status=500, body={"error": {"type": "api_error", "message": "x"}}, times=5)

    status, problem = api("post", f"orders/{order.number}/payment-intent")

    order.refresh_from_db()
    assert (status, problem["code"], order.status) == (503, "payment_provider_down", "awaiting_payment")


def test_strangers_rows_are_not_found(api: Api, stranger: Any, stripe_stand_in: Control):
    order = make_order(stranger)
    confirm(payments.prepare_payment(order=order).client_secret)
    deliver(stripe_stand_in)
    payments.process_due_events()
    payments.invoice_due()
    number = Invoice.objects.get().number

    paths = [
        f"orders/{order.number}", f"invoices/{number}", f"invoices/{number}/pdf", f"invoices/{number}/xml",
        f"invoices/{number}/timeline",
    ]  # fmt: skip
    statuses = [api("get", path)[0] for path in paths]
    statuses += [api("post", f"orders/{order.number}/{action}")[0] for action in ("cancel", "payment-intent")]

    assert statuses == [404] * 7
    assert (api("get", "orders")[1]["count"], api("get", "invoices")[1]["count"]) == (0, 0)


def test_cancelled_order_cannot_be_paid(api: Api, customer: Any, stripe_stand_in: Control):
    order = make_order(customer)
    cancel_status, body = api("post", f"orders/{order.number}/cancel")

    status, problem = api("post", f"orders/{order.number}/payment-intent")

    assert (cancel_status, body["status"]) == (200, "cancelled")
    assert (status, problem["code"]) == (409, "order_state")


@pytest.mark.parametrize("rows", [1, 3])
def test_list_of_orders_costs_the_same_for_any_length(
    rows: int, api: Api, customer: Any, django_assert_num_queries: Any
):
    for _row in range(rows):
        make_order(customer)

    with django_assert_num_queries(6):
        status, body = api("get", "orders")

    assert (status, body["count"]) == (200, rows)


@pytest.mark.parametrize("rows", [1, 3])
def test_list_of_invoices_costs_the_same_for_any_length(
    rows: int, api: Api, customer: Any, customer_client: Client, django_assert_num_queries: Any
):
    now, today = timezone.now(), timezone.localdate()
    for _row in range(rows):
        draft = make_draft().with_date(today)
        issue_invoice(draft=draft, customer=customer, reference="x", language="it", today=today, now=now)

    with django_assert_num_queries(3):
        status, body = api("get", "invoices")
    with django_assert_num_queries(5):
        page = customer_client.get("/area/fatture/")

    assert (status, body["count"], len(page.context["page"].object_list)) == (200, rows, rows)
