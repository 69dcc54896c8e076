"""Carts and orders: prices are the catalogue's, numbers have no gaps, a snapshot stays as it was."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import BillingProfile
from billing.models import Cart, Order, OrderLine
from billing.models.orders import IllegalMoveError, order_sums
from billing.ordering import services
from core.errors import InvalidInputError
from notifications.models import Mail
from tests.conftest import Control
from tests.factories import COMPANY, PASSWORD, make_customer, make_order, make_profile, make_service, sign_in

pytestmark = pytest.mark.django_db


def test_tampered_price_in_the_request_is_ignored(customer: Any, customer_client: Client, stripe_stand_in: Control):
    make_profile(customer)
    make_service()
    customer_client.post("/carrello/readiness-nis2/aggiungi/", {"price": "1.00", "unit_price": "1.00", "quantity": "1"})

    customer_client.post(
        "/cassa/", {**COMPANY, "terms": "on", "gross_amount": "1.00", "price": "1.00", "vat_rate": "0"}
    )

    order = Order.objects.get()
    assert (order.net_amount, order.vat_amount, order.gross_amount) == (
        Decimal("3900.00"),
        Decimal("858.00"),
        Decimal("4758.00"),
    )


@pytest.mark.parametrize(
    ("net", "vat", "gross"),
    [
        ("0.01", "0.00", "0.01"),
        ("0.99", "0.22", "1.21"),
        ("490.00", "107.80", "597.80"),
        ("1200.02", "264.00", "1464.02"),
    ],
)
def test_order_sums_round_half_up_once(net: str, vat: str, gross: str):
    sums = order_sums(Decimal(net), Decimal(22))

    assert (sums["vat_amount"], sums["gross_amount"]) == (Decimal(vat), Decimal(gross))


def test_guests_cart_is_taken_along_at_login(client: Client, customer: Any):
    make_service()
    client.post("/carrello/readiness-nis2/aggiungi/")

    client.post("/account/accedi/", {"email": customer.email, "password": PASSWORD})
    client.get("/carrello/")

    cart = Cart.objects.get()
    assert (cart.user, [(item.service.slug, item.quantity) for item in cart.items.all()]) == (
        customer,
        [("readiness-nis2", 1)],
    )


def test_guests_cart_is_poured_into_the_one_the_customer_had(client: Client, customer: Any):
    first, second = make_service(), make_service("esercitazione", "1800.00")
    services.add_to_cart(cart=None, user=customer, service=first, quantity=2)
    client.post("/carrello/readiness-nis2/aggiungi/")
    client.post("/carrello/esercitazione/aggiungi/")

    sign_in(client, customer)
    client.get("/carrello/")

    items = Cart.objects.get().items.order_by("service__slug").values_list("service__slug", "quantity")
    assert list(items) == [(second.slug, 1), (first.slug, 2)]


def test_guest_cannot_take_over_somebodys_cart_by_its_token(client: Client, customer: Any):
    make_service()
    cart = services.add_to_cart(cart=None, user=customer, service=make_service("altro", "10.00"))
    session = client.session
    session["cart"] = str(cart.token)
    session.save()

    page = client.get("/carrello/")

    assert page.context["lines"] == []


@pytest.mark.parametrize("quantity", ["-1", "21", "x", ""])
def test_impossible_quantity_changes_nothing(quantity: str, customer: Any, customer_client: Client):
    service = make_service()
    services.add_to_cart(cart=None, user=customer, service=service)

    customer_client.post("/carrello/readiness-nis2/quantita/", {"quantity": quantity})

    assert [item.quantity for item in Cart.objects.get().items.all()] == [1]


@pytest.mark.parametrize("fields", [{"kind": "subscription"}, {"kind": "quote"}, {"is_active": False}])
def test_what_is_not_sold_by_cart_cannot_be_ordered(fields: dict[str, Any], customer: Any):
    service = make_service(**fields)

    with pytest.raises(services.NotBuyableError):
        services.add_to_cart(cart=None, user=customer, service=service)

    assert Cart.objects.count() == 0


def test_service_withdrawn_after_it_was_put_into_the_cart_is_not_sold(customer: Any):
    make_profile(customer)
    service = make_service()
    services.add_to_cart(cart=None, user=customer, service=service)
    type(service).objects.update(is_active=False)

    with pytest.raises(services.EmptyCartError):
        services.place_order(user=customer, language="it", terms_accepted=True, now=timezone.now())

    assert Order.objects.count() == 0


def test_order_without_the_terms_is_refused(customer: Any):
    make_profile(customer)
    services.add_to_cart(cart=None, user=customer, service=make_service())

    with pytest.raises(InvalidInputError) as refusal:
        services.place_order(user=customer, language="it", terms_accepted=False, now=timezone.now())

    assert (refusal.value.code, Order.objects.count()) == ("terms", 0)


def test_placing_an_order_empties_the_cart_and_writes_the_mail(customer: Any):
    order = make_order(customer)

    mail = Mail.objects.get()
    assert list(order.lines.values_list("description", "quantity", "unit_price")) == [
        ("Readiness NIS2", 1, Decimal("3900.00"))
    ]
    assert Cart.objects.get().items.count() == 0
    assert (mail.kind, mail.to_email, mail.state) == ("order_received", customer.email, "pending")
    assert order.number in mail.subject


def test_the_lines_are_in_the_orders_language_whoever_places_it(customer: Any):
    order = make_order(customer, language="en")

    assert order.lines.get().description == "NIS2 readiness"


def test_later_changes_of_price_name_and_profile_leave_the_order_alone(customer: Any):
    order = make_order(customer)
    service = order.lines.get().service
    type(service).objects.update(price=Decimal("1.00"), name_it="Altro")
    BillingProfile.objects.update(company_name="Altra S.p.A.")

    order.refresh_from_db()
    assert (order.company_name, order.net_amount) == ("Officine Brandolini S.r.l.", Decimal("3900.00"))
    assert OrderLine.objects.get().description == "Readiness NIS2"


def test_order_rolled_back_gives_its_number_back(customer: Any):
    make_profile(customer)
    services.add_to_cart(cart=None, user=customer, service=make_service())
    with pytest.raises(InvalidInputError):
        services.place_order(user=customer, language="it", terms_accepted=False, now=timezone.now())

    order = services.place_order(user=customer, language="it", terms_accepted=True, now=timezone.now())

    assert order.number == f"ORD-{timezone.localdate().year}-00001"


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_order_numbers_of_twenty_threads_have_no_gap_and_no_double():
    service = make_service()
    users = [make_customer(f"c{number}@esempio.example") for number in range(20)]
    for user in users:
        make_profile(user)
        services.add_to_cart(cart=None, user=user, service=service)

    def place(user: Any) -> None:
        try:
            services.place_order(user=user, language="it", terms_accepted=True, now=timezone.now())
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(place, users))

    year = timezone.localdate().year
    numbers = sorted(Order.objects.values_list("number", flat=True))
    assert numbers == [f"ORD-{year}-{number:05d}" for number in range(1, 21)]


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_double_click_places_one_order(customer: Any):
    make_profile(customer)
    services.add_to_cart(cart=None, user=customer, service=make_service())

    def place(_number: int) -> str:
        try:
            services.place_order(user=customer, language="it", terms_accepted=True, now=timezone.now())
        except services.EmptyCartError:
            return "empty"
        finally:
            connection.close()
        return "placed"

    with ThreadPoolExecutor(5) as pool:
        outcomes = sorted(pool.map(place, range(5)))

    assert outcomes == ["empty"] * 4 + ["placed"]
    assert Order.objects.count() == 1


def test_illegal_step_is_refused_and_leaves_no_trace(customer: Any, staff: Any):
    order = make_order(customer)

    with pytest.raises(IllegalMoveError):
        services.advance_order(order=order, status=Order.Status.COMPLETED, actor=staff, now=timezone.now())

    order.refresh_from_db()
    assert order.status == "awaiting_payment"
    assert list(order.events.values_list("kind", flat=True)) == ["awaiting_payment"]


@pytest.mark.parametrize("rows", [1, 3])
def test_list_of_orders_costs_the_same_for_any_length(
    rows: int, customer: Any, customer_client: Client, django_assert_num_queries: Any
):
    for _row in range(rows):
        make_order(customer)

    with django_assert_num_queries(6):
        page = customer_client.get("/area/ordini/")

    assert len(page.context["page"].object_list) == rows
