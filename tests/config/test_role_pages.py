"""What each role sees of the back office: no entry, figure, result, button or link that would be refused."""

import re
from typing import Any

import pytest
from django.contrib.admin.utils import quote
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from accounts.roles import PERMISSIONS, Role
from billing.models import Service
from chatbot.tickets import services as tickets
from invoicing.models import Invoice
from notifications.models import Mail
from tests.config.rows import MAKERS
from tests.factories import make_customer, make_service, sign_in
from tests.invoicing.flow import receive

pytestmark = pytest.mark.django_db

STAFF = [role for role in Role if role != Role.CUSTOMER]
LINK = re.compile(r'href="(/admin/[^"?#]*)')


def enter_as(role: str) -> Client:
    client = Client()
    sign_in(client, make_customer(f"{role}@team.example", role=role))
    return client


def page_of(row: Any) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[quote(row.pk)])


def links_on(client: Client, page: str) -> set[str]:
    answer = client.get(page)
    return set(LINK.findall(answer.content.decode())) if answer.status_code == 200 else set()


@pytest.mark.parametrize("role", ["support", "editor", "admin"])
def test_no_page_links_to_what_is_refused(role: str):
    client = enter_as(role)
    refused, known = [], {"/admin/logout/"}
    for make in MAKERS.values():
        with transaction.atomic():
            page = page_of(make(1))
            for start in (page, page.rpartition("/change/")[0].rpartition("/")[0] + "/", "/admin/"):
                new = links_on(client, start) - known
                refused += [(start, link) for link in sorted(new) if client.get(link, follow=True).status_code >= 400]
                known |= {link for link in new if not re.search(r"/\d+/|/[\w-]+/change", link)}
            transaction.set_rollback(True)

    assert refused == []
    assert len(known) > 10


@pytest.mark.parametrize(
    ("role", "tables", "tiles", "alarms"),
    [
        ("support", 18, 4, 3),
        ("editor", 7, 0, 2),
        ("admin", len(MAKERS), 5, 24),
        ("super_admin", len(MAKERS), 5, 24),
    ],
)
def test_home_has_what_the_role_may_see(role: str, tables: int, tiles: int, alarms: int):
    receive(b"Subject: Offerta\r\n\r\nCiao")

    context = enter_as(role).get("/admin/").context

    listed = sum(len(app["models"]) for app in context["app_list"])
    assert (listed, len(context["tiles"]), len(context["alarms"])) == (tables, tiles, alarms)
    assert len(context["pec_mails"]) == (1 if tables == len(MAKERS) else 0)


@pytest.mark.parametrize(("language", "words"), [("it", "Il vostro ruolo non comprende"), ("en", "Your role does not")])
def test_refused_address_says_that_it_is_the_role(language: str, words: str):
    answer = enter_as("editor").get("/admin/billing/order/", headers={"accept-language": language})

    assert (answer.status_code, words in answer.content.decode()) == (403, True)


@pytest.mark.parametrize("role", STAFF)
def test_search_finds_the_tables_one_may_see(role: str):
    answer = enter_as(role).get("/admin/search/?s=e").content.decode()

    tables = {f"{model._meta.app_label}.view_{model._meta.model_name}": model for model in MAKERS}
    results = {name for name, model in tables.items() if reverse(_list_name(model)) in answer}
    assert results <= PERMISSIONS[role]
    assert results


def _list_name(model: Any) -> str:
    return f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"


def test_search_forgets_what_a_former_role_found():
    client = enter_as("admin")
    before = client.get("/admin/search/?s=fattur").content.decode()

    User.objects.update(role="editor")

    assert "/admin/invoicing/" in before
    assert "/admin/invoicing/" not in client.get("/admin/search/?s=fattur").content.decode()


@pytest.mark.parametrize(("role", "may"), [("editor", False), ("admin", True)])
def test_prices_are_for_who_may_set_them(role: str, may: bool):
    service = make_service()

    page = enter_as(role).get(page_of(service))

    fields = set(page.context["adminform"].form.fields)
    assert ("name_it" in fields, {"kind", "pricing", "price", "price_to"} & fields != set()) == (True, may)


def test_price_sent_by_an_editor_is_not_taken():
    service = make_service()
    values = {
        field.name: field.value_from_object(service) for field in Service._meta.fields
        if field.value_from_object(service) is not None
    }  # fmt: skip
    values |= {"name_it": "Nuovo nome", "price": "1.00", "price_to": ""}
    values |= {f"items-{name}_FORMS": "0" for name in ("TOTAL", "INITIAL", "MIN_NUM", "MAX_NUM")}

    answer = enter_as("editor").post(page_of(service), values)

    before = service.price
    service.refresh_from_db()
    assert (answer.status_code, service.name_it, service.price) == (302, "Nuovo nome", before)


@pytest.mark.parametrize(("role", "may"), [("support", False), ("admin", False), ("super_admin", True)])
def test_text_of_a_mail_is_for_super_administrators(role: str, may: bool):
    """In it are one-time links: whoever reads one sets the password, of a super administrator too."""
    mail = MAKERS[Mail](1)
    Mail.objects.filter(pk=mail.pk).update(text="https://example.com/account/nuova-password/s3cret/")

    page = enter_as(role).get(page_of(mail)).content.decode()

    assert (mail.subject in page, "s3cret" in page) == (True, may)


@pytest.mark.parametrize(("role", "may"), [("support", False), ("admin", True)])
def test_files_of_an_invoice_are_for_who_may_see_documents(role: str, may: bool):
    invoice = MAKERS[Invoice](1)

    page = enter_as(role).get(page_of(invoice)).content.decode()

    assert (str(invoice) in page, "/admin/invoicing/document/" in page) == (True, may)


def test_requests_are_given_and_told_to_who_may_answer_them(settings: Any):
    settings.STAFF_EMAIL = "team@aish.example"
    person = make_customer("paolo@team.example", role="support")
    make_customer("irene@team.example", role="editor")
    guest = tickets.Guest("Mario Rossi", "mario@posta.example")
    ticket = tickets.open_from_text(text="Ciao", customer=None, guest=guest, language="it", now=timezone.now())
    client = enter_as("support")

    form = client.get(f"/admin/chatbot/ticket/{ticket.pk}/assign/").context["form"]
    offered = [user.email for user in form.fields["assignee"].queryset]
    tickets.assign(ticket=ticket, assignee=person, actor=person, now=timezone.now())
    User.objects.filter(pk=person.pk).update(role="editor")
    ticket.refresh_from_db()
    tickets.answer_as_customer(ticket=ticket, text="Allora?", files=[], author=None, now=timezone.now())

    assert offered == ["paolo@team.example", "support@team.example"]
    assert Mail.objects.filter(kind="ticket_attention").latest("pk").to_email == "team@aish.example"
