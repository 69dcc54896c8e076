"""Who may open what: every address of the site, asked as a guest, as its owner, as another customer and as staff."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from accounts.models import CustomerDocument, DataExport
from accounts.privacy import exports
from billing.models import Order
from billing.ordering import services
from chatbot.models import Conversation, Ticket, TicketAttachment
from chatbot.tickets import links
from chatbot.tickets import services as tickets
from invoicing.models import Invoice
from invoicing.services import issue_invoice
from tests.accounts.documents.papers import upload
from tests.architecture.html import inline_parts
from tests.architecture.routes import methods_of, routes
from tests.conftest import Control
from tests.factories import make_order, make_profile, make_service
from tests.invoicing.drafts import DAY, make_draft
from tests.queues import claim_row

pytestmark = pytest.mark.django_db

ROLES = ("guest", "stranger", "staff", "owner")  # the owner last: what they may do, changes what is there
LOG_IN = "log in"  # a page's way to say 401
EVERYBODY = (200,) * 4
BAD = (400,) * 4  # open to all; an empty form changes nothing
ON = (302,) * 4
OPEN_TO_MEMBERS = (LOG_IN, 200, 200, 200)
MEMBERS_ON = (LOG_IN, 302, 302, 302)
OWN_PAGE = (LOG_IN, 404, 404, 200)
OWN_ACTION = (LOG_IN, 404, 404, 302)
API_MEMBERS = (401, 200, 200, 200)
API_OWN = (401, 404, 404, 200)

# Method and address to the answers for guest, stranger, staff and owner. Nobody sees another's order or invoice: staff
# have the back office for that (tests/config).
ANSWERS: dict[str, dict[str, tuple[Any, ...]]] = {
    "": {"GET": EVERYBODY, "POST": (405,) * 4},
    "area/": {"GET": OPEN_TO_MEMBERS},
    "note-legali/<slug:name>/": {"GET": EVERYBODY},
    "aspetto/": {"GET": (405,) * 4, "POST": BAD},
    "lingua/": {"POST": ON},
    "health": {"GET": EVERYBODY},
    "ready": {"GET": EVERYBODY},
    "account/registrati/": {"GET": EVERYBODY, "POST": EVERYBODY},
    "account/verifica/": {"GET": EVERYBODY, "POST": EVERYBODY},
    "account/verifica/<str:token>/": {"GET": EVERYBODY, "POST": BAD},
    "account/accedi/": {"GET": (200, 302, 302, 302), "POST": (200, 302, 302, 302)},
    "account/esci/": {"GET": (405,) * 4, "POST": ON},
    "account/nuova-password/": {"GET": EVERYBODY, "POST": EVERYBODY},
    "account/nuova-password/<str:token>/": {"GET": EVERYBODY, "POST": EVERYBODY},
    "admin/login/": {"GET": (302, 403, 302, 403)},
    "area/profilo/": {"GET": OPEN_TO_MEMBERS, "POST": OPEN_TO_MEMBERS},
    "area/documenti/": {"GET": OPEN_TO_MEMBERS, "POST": (LOG_IN, 400, 400, 400)},
    "area/documenti/<uuid:reference>/": {"GET": OWN_PAGE},
    "area/documenti/<uuid:reference>/versioni/<int:version>/": {"GET": OWN_PAGE},
    "area/documenti/<uuid:reference>/elimina/": {"GET": (LOG_IN, 405, 405, 405), "POST": OWN_ACTION},
    "area/dati/": {"GET": OPEN_TO_MEMBERS},
    "area/dati/copia/": {"GET": (LOG_IN, 405, 405, 405), "POST": MEMBERS_ON},
    "area/dati/copia/<uuid:reference>/": {"GET": OWN_PAGE},
    "area/dati/elimina/": {"GET": OPEN_TO_MEMBERS, "POST": OPEN_TO_MEMBERS},
    "area/dati/elimina/<str:token>/": {"GET": OPEN_TO_MEMBERS, "POST": (LOG_IN, 400, 400, 400)},
    "area/dati/conserva/": {"GET": (LOG_IN, 405, 405, 405), "POST": MEMBERS_ON},
    "servizi/": {"GET": EVERYBODY},
    "servizi/<slug:slug>/": {"GET": EVERYBODY},
    "carrello/": {"GET": EVERYBODY},
    "carrello/<slug:slug>/aggiungi/": {"GET": (405,) * 4, "POST": ON},
    "carrello/<slug:slug>/quantita/": {"GET": (405,) * 4, "POST": ON},
    "cassa/": {"GET": (LOG_IN, 302, 302, 200), "POST": (LOG_IN, 302, 302, 400)},
    "area/ordini/": {"GET": OPEN_TO_MEMBERS},
    "area/ordini/<number:number>/": {"GET": OWN_PAGE},
    "area/ordini/<number:number>/paga/": {"GET": (LOG_IN, 404, 404, 503)},  # nothing prepared yet
    "area/ordini/<number:number>/paga/prepara/": {"GET": (LOG_IN, 405, 405, 405), "POST": OWN_ACTION},
    "area/ordini/<number:number>/stato/": {"GET": OWN_PAGE},
    "area/ordini/<number:number>/annulla/": {"GET": (LOG_IN, 405, 405, 405), "POST": OWN_ACTION},
    "area/fatture/": {"GET": OPEN_TO_MEMBERS},
    r"^area/fatture/(?P<number>[A-Z0-9]{1,6}/\d{4}/\d{5,}|\d{4}/\d{5,})/$": {"GET": OWN_PAGE},
    r"^area/fatture/(?P<number>[A-Z0-9]{1,6}/\d{4}/\d{5,}|\d{4}/\d{5,})/pdf/$": {"GET": OWN_PAGE},
    r"^area/fatture/(?P<number>[A-Z0-9]{1,6}/\d{4}/\d{5,}|\d{4}/\d{5,})/xml/$": {"GET": OWN_PAGE},
    "assistenza/": {"GET": EVERYBODY, "POST": BAD},
    "assistenza/persona/": {"GET": EVERYBODY, "POST": BAD},
    "area/richieste/": {"GET": OPEN_TO_MEMBERS},
    "area/richieste/<number:number>/": {"GET": OWN_PAGE, "POST": (LOG_IN, 404, 404, 400)},
    "area/richieste/<number:number>/risolta/": {"GET": (LOG_IN, 405, 405, 405), "POST": OWN_ACTION},
    "area/richieste/<number:number>/allegati/<uuid:reference>/": {"GET": OWN_PAGE},
    "richieste/<str:token>/": {"GET": EVERYBODY, "POST": BAD},  # a guest's, by the mailed link
    "richieste/<str:token>/risolta/": {"GET": (405,) * 4, "POST": ON},
    "richieste/<str:token>/allegati/<uuid:reference>/": {"GET": EVERYBODY},
    "assistenza/dimentica/": {"GET": (405,) * 4, "POST": ON},
    "assistente.js": {"GET": ON},
    "api/v1/schema": {"GET": EVERYBODY},
    "api/v1/docs": {"GET": EVERYBODY},
    "api/v1/auth/register": {"POST": BAD},
    "api/v1/auth/verify-email": {"POST": BAD},
    "api/v1/auth/resend-verification": {"POST": BAD},
    "api/v1/auth/login": {"POST": BAD},
    "api/v1/auth/refresh": {"POST": BAD},
    "api/v1/auth/logout": {"POST": (401, 409, 409, 409)},  # a session of the pages is not closed here
    "api/v1/auth/password-reset": {"POST": BAD},
    "api/v1/auth/password-reset/confirm": {"POST": BAD},
    "api/v1/me": {"GET": API_MEMBERS, "PATCH": API_MEMBERS},
    "api/v1/me/profile": {"GET": API_OWN, "PUT": (401, 400, 400, 400)},
    "api/v1/me/documents": {"GET": API_MEMBERS, "POST": (401, 415, 415, 415)},
    "api/v1/me/documents/<uuid:reference>": {"GET": API_OWN, "DELETE": (401, 404, 404, 204)},
    "api/v1/me/documents/<uuid:reference>/versions/<int:version>": {"GET": API_OWN},
    "api/v1/me/export": {"GET": API_OWN, "POST": (401, 202, 202, 429)},  # the owner has asked for one today
    "api/v1/me/export/<uuid:reference>": {"GET": API_OWN},
    "api/v1/me/erasure": {"GET": API_MEMBERS, "POST": (401, 400, 400, 400), "DELETE": (401, 409, 409, 409)},
    "api/v1/me/erasure/confirm": {"POST": (401, 400, 400, 400)},
    "api/v1/services": {"GET": EVERYBODY},
    "api/v1/services/<slug:slug>": {"GET": EVERYBODY},
    "api/v1/cart": {"GET": API_MEMBERS, "PUT": (401, 400, 400, 400)},
    "api/v1/orders": {"GET": API_MEMBERS, "POST": (401, 400, 400, 400)},
    "api/v1/orders/<number:number>": {"GET": API_OWN},
    "api/v1/orders/<number:number>/payment-intent": {"POST": API_OWN},
    "api/v1/orders/<number:number>/cancel": {"POST": API_OWN},
    "api/v1/invoices": {"GET": API_MEMBERS},
    r"api/v1/invoices/(?P<number>[A-Z0-9]{1,6}/\d{4}/\d{5,}|\d{4}/\d{5,})$": {"GET": API_OWN},
    r"api/v1/invoices/(?P<number>[A-Z0-9]{1,6}/\d{4}/\d{5,}|\d{4}/\d{5,})/(?P<kind>pdf|xml)$": {"GET": API_OWN},
    r"api/v1/invoices/(?P<number>[A-Z0-9]{1,6}/\d{4}/\d{5,}|\d{4}/\d{5,})/timeline$": {"GET": API_OWN},
    "api/v1/chat/messages": {"GET": (405,) * 4, "POST": BAD},
    "api/v1/chat/conversations/<uuid:token>/handoff": {"POST": (404, 404, 404, 201)},
    "api/v1/tickets": {"GET": API_MEMBERS},
    "api/v1/tickets/<number:number>": {"GET": API_OWN},
    "api/v1/tickets/<number:number>/messages": {"POST": (401, 404, 404, 400)},
    "api/v1/tickets/<number:number>/resolve": {"POST": API_OWN},
    "api/v1/tickets/<number:number>/attachments/<uuid:reference>": {"GET": API_OWN},
    "api/v1/chat/messages/<uuid:reference>/feedback": {"POST": (404,) * 4},
    "api/v1/chat/conversations": {"POST": (201,) * 4},
    "api/v1/chat/conversations/current": {"GET": EVERYBODY, "DELETE": (204,) * 4},
    "api/v1/chat/widget": {"GET": EVERYBODY},
    "api/v1/^.*$": {"GET": (404,) * 4, "POST": (404,) * 4},
}
CASES = [(route, method) for route, answers in ANSWERS.items() for method in answers]
BODIES = (b"[" * 100_000, b"[]", b"null", b"7", b'"x"', b'{"a":', b"\xe9", b'{"text": "\\ud83d"}', b'{"text": NaN}')
WITH_A_BODY = [(route, method) for route, method in CASES if route.startswith("api/") and method != "GET"]
CACHED = {"api/v1/chat/widget"}  # the same words for everybody, so that a cache may keep them
PAGES = [
    route for route, answers in ANSWERS.items() if answers.get("GET", (404,))[-1] in (200, 503) and route not in CACHED
]


@dataclass
class Belongings:
    """What the customer has, and a guest's ticket that the guest alone can reach."""

    order: Order
    invoice: Invoice
    ticket: Ticket
    guests: Ticket
    export: DataExport
    document: CustomerDocument


@pytest.fixture
def belongings(customer: Any, stripe_stand_in: Control, settings: Any, tmp_path: Path) -> Belongings:
    """An order, an invoice, a ticket, a document and a copy of the customer's data; one more service in the cart."""
    settings.MEDIA_ROOT = tmp_path
    service = make_service()
    make_profile(customer)
    order = make_order(customer)
    services.add_to_cart(cart=services.find_cart(token=None, user=customer), user=customer, service=service)
    invoice = issue_invoice(
        draft=make_draft(), customer=customer, reference=order.number, language="it", today=DAY, now=timezone.now()
    )
    conversation = Conversation.objects.create(user=customer, caller="x")
    ticket = tickets.open_from_conversation(
        conversation=conversation, reason="asked", text="", guest=None, now=timezone.now()
    )
    answer_with_file(ticket, customer)
    mario = tickets.Guest("Mario Rossi", "mario@posta.example")
    guests = tickets.open_from_text(text="Ciao", customer=None, guest=mario, language="it", now=timezone.now())
    answer_with_file(guests, None)
    return Belongings(order, invoice, ticket, guests, make_export(customer), upload(customer))


def make_export(customer: Any) -> DataExport:
    """Asked for as customers do; what is in it does not matter here, and takes its time."""
    now = timezone.now()
    export = claim_row(exports.request_export(user=customer, now=now))
    export.path.parent.mkdir()
    export.path.write_bytes(b"a ZIP")
    export.finish(ready_at=now, expires_at=now + DataExport.RETENTION, size=5)
    return export


def answer_with_file(ticket: Ticket, author: Any) -> None:
    file = SimpleUploadedFile("nota.txt", b"Una nota.")
    tickets.answer_as_customer(ticket=ticket, text="Ecco", files=[file], author=author, now=timezone.now())


@pytest.fixture
def client_of(request: pytest.FixtureRequest) -> Callable[[str], Client]:
    """A browser signed in as one of ROLES."""

    def sign_in(role: str) -> Client:
        client = Client()
        if role != "guest":
            client.force_login(request.getfixturevalue({"owner": "customer"}.get(role, role)))
        return client

    return sign_in


def address(route: str, belongings: Belongings) -> str:
    """The route with what the owner has in its places."""
    number = belongings.order.number
    if "fatture" in route or "invoices" in route:
        number = belongings.invoice.number
    elif "richieste" in route or "tickets" in route:
        number = belongings.ticket.number
    by_link = route.startswith("richieste/")
    files = TicketAttachment.objects.filter(message__ticket=belongings.guests if by_link else belongings.ticket)
    reference = belongings.export.reference if "copia" in route or "export" in route else files.get().reference
    if "document" in route:
        reference = belongings.document.reference
    token = links.token_of(belongings.guests) if by_link else "x"
    if "conversations" in route:
        token = str(belongings.ticket.conversation.token)
    values = {
        "number": number, "slug": "readiness-nis2", "name": "privacy", "token": token, "kind": "xml",
        "reference": str(reference), "version": "1",
    }  # fmt: skip
    path = re.sub(r"\(\?P<(\w+)>[^)]*\)|<\w+:(\w+)>", lambda match: values[match[1] or match[2]], route)
    return "/" + path.replace("^.*$", "nowhere").strip("^$")


def answer_of(client: Client, method: str, path: str) -> Any:
    """The status; for a page that sends a guest to the login, LOG_IN."""
    body = {"data": {}, "content_type": "application/json"} if path.startswith("/api/") and method != "GET" else {}
    answer = getattr(client, method.lower())(path, **body)
    after = path if method == "GET" else "/area/"  # an address that only takes POST is no place to come back to
    is_login = answer.status_code == 302 and answer["Location"] == f"/account/accedi/?next={after}"
    return LOG_IN if is_login else answer.status_code


def test_every_address_has_its_row():
    assert sorted(routes()) == sorted(ANSWERS)


def test_every_method_of_the_api_has_its_column():
    columns = {route: set(answers) for route, answers in ANSWERS.items()}
    methods_by_route = {route: methods_of(view) for route, view in routes().items()}

    assert {route: columns[route] for route, methods in methods_by_route.items() if methods} == {
        route: methods for route, methods in methods_by_route.items() if methods
    }


@pytest.mark.parametrize(("route", "method"), CASES, ids=lambda value: value or "home")
def test_address_answers_each_role_as_the_table_says(
    route: str, method: str, belongings: Belongings, client_of: Callable[[str], Client], settings: Any
):
    settings.RATE_LIMIT_BURST = 100
    path = address(route, belongings)

    answers = tuple(answer_of(client_of(role), method, path) for role in ROLES)

    assert answers == ANSWERS[route][method]


@pytest.mark.parametrize(("route", "method"), WITH_A_BODY, ids=lambda value: value)
def test_odd_body_is_refused_in_words(
    route: str, method: str, belongings: Belongings, client_of: Callable[[str], Client], settings: Any
):
    settings.RATE_LIMIT_BURST = 100
    client = client_of("owner")

    for body in BODIES:
        call = getattr(client, method.lower())
        answer = call(address(route, belongings), data=body, content_type="application/json")

        assert answer.status_code < 500, body[:20]


@pytest.mark.parametrize("route", PAGES, ids=lambda value: value or "home")
def test_page_holds_nothing_the_policy_forbids_and_stays_out_of_caches(
    route: str, belongings: Belongings, client_of: Callable[[str], Client]
):
    answer = client_of("owner").get(address(route, belongings))

    if answer["Content-Type"].startswith("text/html"):
        assert inline_parts(answer.content.decode()) == []
        assert "unsafe" not in answer["Content-Security-Policy"]
    assert "no-store" in answer["Cache-Control"]


def test_forbidden_tries_change_nothing(
    belongings: Belongings, client_of: Callable[[str], Client], stripe_stand_in: Control
):
    order = belongings.order
    posts = [(route, method) for route, method in CASES if "<number:number>" in route and method == "POST"]

    for role in ("guest", "stranger", "staff"):
        for route, method in posts:
            answer_of(client_of(role), method, address(route, belongings))

    order.refresh_from_db()
    belongings.ticket.refresh_from_db()
    assert (len(posts), order.status, order.payments.count()) == (8, "awaiting_payment", 0)
    assert (belongings.ticket.status, belongings.ticket.messages.count()) == ("new", 1)


def test_number_that_does_not_exist_looks_like_another_customers(client_of: Callable[[str], Client], belongings: Any):
    client = client_of("stranger")
    order = belongings.order

    numbers = (order.number, "ORD-2026-99999")
    pages = [client.get(f"/area/ordini/{number}/").content.decode().replace(number, "") for number in numbers]
    bodies = [client.get(f"/api/v1/orders/{number}").json() for number in numbers]

    of_strangers, of_nobody = (
        re.sub(r'"[A-Za-z0-9]{64}"', "", page) for page in pages
    )  # a form's token is new each time
    assert of_strangers == of_nobody
    assert bodies[0] == bodies[1]


def test_back_office_is_where_the_settings_say():
    assert settings.ADMIN_PATH == "admin"
    assert Client().get("/admin/")["Location"] == "/admin/login/?next=/admin/"
