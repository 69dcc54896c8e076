"""Smallest valid objects for tests; states are reached through the services, never by setting columns."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from accounts import links
from accounts.login.origin import Origin
from accounts.login.sessions import Proof, bind_session, open_api_session
from accounts.login.tokens import TokenPair
from accounts.models import BillingProfile, User, UserSession
from billing.models import Category, Order, Service
from billing.ordering import services

PASSWORD = "una-frase-facile-da-ricordare"

COMPANY = {
    "kind": "company",
    "company_name": "Officine Brandolini S.r.l.",
    "vat_number": "02764130353",
    "tax_code": "",
    "recipient_code": "X4K7P2Q",
    "pec": "",
    "street": "Via Emilia Ovest 118",
    "postcode": "42124",
    "city": "Reggio nell’Emilia",
    "province": "RE",
    "country": "IT",
}
PERSON = {
    "kind": "person",
    "first_name": "Mario",
    "last_name": "Rossi",
    "tax_code": "RSSMRA85T10A562S",
    "street": "Via Roma 1",
    "postcode": "56017",
    "city": "San Giuliano Terme",
    "province": "PI",
    "country": "IT",
}


def make_customer(email: str, **fields: Any) -> User:
    values = {"first_name": "Anna", "last_name": "Bianchi", "email_verified_at": timezone.now(), **fields}
    return User.objects.create_user(email, PASSWORD, **values)


def make_api_session(user: User, *, now: datetime | None = None, network: str = "192.0.2.0/24") -> TokenPair:
    """The tokens of an app that the user has signed in to."""
    proof = Proof(second_factor="totp") if user.is_staff else None
    return open_api_session(user=user, origin=Origin(network, "an app"), now=now or timezone.now(), proof=proof)


def sign_in(client: Any, user: User) -> UserSession:
    """Sign a test's browser in as a complete login does."""
    client.force_login(user)
    request = HttpRequest()
    request.session, request.META["REMOTE_ADDR"] = client.session, "127.0.0.1"
    proof = Proof(second_factor="totp") if user.is_staff else None
    session = bind_session(request, user, now=timezone.now(), proof=proof)
    request.session.save()
    return session


def mail_link_to(email: str, purpose: str) -> None:
    """A link as somebody asks for it and a worker mails it, if anybody has the address."""
    links.request_link(email=email, purpose=purpose, now=timezone.now())
    links.send_due()


def make_profile(user: User, **fields: str) -> BillingProfile:
    base = PERSON if fields.get("kind") == "person" else COMPANY
    return BillingProfile.objects.create(user=user, **{**base, **fields})


def make_service(slug: str = "readiness-nis2", price: str = "3900.00", **fields: Any) -> Service:
    category, _created = Category.objects.get_or_create(
        slug="cybersecurity-nis2",
        defaults={
            "name_it": "Cybersecurity e NIS2", "name_en": "Cybersecurity and NIS2",
            "about_it": "Perimetro e misure.", "about_en": "Scope and measures.", "seal": "nis2",
        },
    )  # fmt: skip
    values = {
        "kind": "package", "pricing": "fixed", "subject": "nis2", "price": Decimal(price),
        "name_it": "Readiness NIS2", "name_en": "NIS2 readiness", "tagline_it": "Sei settimane.",
        "tagline_en": "Six weeks.", "lead_it": "In sei settimane sapete.", "lead_en": "In six weeks you know.",
        "problem_it": "Il problema.", "problem_en": "The problem.", "solution_it": "La soluzione.",
        "solution_en": "The solution.", **fields,
    }  # fmt: skip
    return Service.objects.create(category=category, slug=slug, **values)


def make_order(user: User, service: Service | None = None, *, quantity: int = 1, language: str = "it") -> Order:
    """An order awaiting payment, placed as a customer places it."""
    if not BillingProfile.objects.filter(user=user).exists():
        make_profile(user)
    service = service or Service.objects.first() or make_service()
    services.add_to_cart(cart=services.find_cart(token=None, user=user), user=user, service=service, quantity=quantity)
    return services.place_order(user=user, language=language, terms_accepted=True, now=timezone.now())
