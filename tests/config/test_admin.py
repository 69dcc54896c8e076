"""Every page of the back office: who opens it, what can be changed there, and what a list costs."""

import re
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.utils import quote
from django.contrib.staticfiles import finders
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import DataExport, User
from billing.models import Category, InvoiceRequest, Order, Payment, Service, StripeEvent
from chatbot import models as chatbot
from chatbot.tickets import services as tickets
from core.admin import ReadOnlyAdmin
from core.models import AuditEntry
from invoicing.models import ArchivePackage, Document, Invoice, ReceivedMail
from notifications.models import Mail
from tests.config.rows import MAKERS
from tests.queues import claim_row, fail_row

pytestmark = pytest.mark.django_db

SITE: Any = admin.site
MODELS = sorted(MAKERS, key=lambda model: model._meta.label)
READ_ONLY = [model for model in MODELS if isinstance(SITE._registry.get(model), ReadOnlyAdmin)]
# The columns staff write; whatever is not named here only services change.
EDITABLE_FIELDS: dict[type[Model], set[str]] = {
    Category: {"name_it", "name_en", "slug", "about_it", "about_en", "seal", "position"},
    Service: {
        "category", "subject", "slug", "position", "is_active", "kind", "pricing", "price", "price_to",
        *(f"{name}_{language}" for language in ("it", "en") for name in (
            "name", "tagline", "lead", "problem", "solution", "audience", "duration", "law_note", "seo")),
    },
    User: {"first_name", "last_name", "language"},
    ArchivePackage: set(),
    chatbot.AssistantVersion: set(),
    chatbot.ModelPrice: {
        "model", "valid_from", "input_price", "output_price", "cache_write_price", "cache_read_price",
        "euros_per_dollar", "source",
    },
    chatbot.WebPage: {"url", "topic", "language", "every_days", "is_active"},
    chatbot.Document: {"files", "title", "topic", "language", "version", "is_active"},
}  # fmt: skip

# What a service does to several rows at once.
BULK_ACTIONS: dict[type[Model], list[str]] = {ReceivedMail: ["settle_selected"]}

each_table = pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
each_read_only_table = pytest.mark.parametrize("model", READ_ONLY, ids=lambda model: model._meta.label)


def address(model: type[Model], page: str, *arguments: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=arguments)


def pages_of(row: Any) -> list[str]:
    model, pk = type(row), quote(row.pk)
    return [
        address(model, "changelist"), address(model, "add"), address(model, "change", pk),
        address(model, "delete", pk), address(model, "history", pk),
    ]  # fmt: skip


def table_rows(model: type[Model]) -> list[dict[str, Any]]:
    return list(model._default_manager.order_by("pk").values())


def test_only_pages_of_our_own_are_registered_and_each_is_tested():
    assert set(SITE._registry) == set(MAKERS)


def test_stripes_secret_key_is_on_no_page(staff_client: Client):
    assert staff_client.get("/admin/djstripe/apikey/").status_code == 404


@each_table
def test_list_and_page_open_for_staff(model: type[Model], staff_client: Client):
    others = list(model._default_manager.all())  # what signing in has left
    row = MAKERS[model](1)

    changelist = staff_client.get(address(model, "changelist"))
    change_page = staff_client.get(address(model, "change", quote(row.pk)))

    assert (changelist.status_code, change_page.status_code) == (200, 200)
    assert [item for item in changelist.context["cl"].result_list if item not in others] == [row]
    assert change_page.context["original"] == row


@each_table
def test_customers_and_guests_are_sent_away_from_every_page(model: type[Model], customer_client: Client):
    pages = pages_of(MAKERS[model](1))
    guest = Client()

    of_customer = [customer_client.get(page) for page in pages]
    of_guest = [guest.get(page) for page in pages]

    assert [answer["Location"] for answer in of_customer] == [f"/admin/login/?next={page}" for page in pages]
    assert [answer["Location"] for answer in of_guest] == [f"/account/accedi/?next={page}" for page in pages]


@each_read_only_table
def test_rows_of_services_are_not_added_changed_or_deleted(model: type[Model], staff_client: Client):
    row = MAKERS[model](1)
    before = table_rows(model)
    values = {field.name: "1" for field in model._meta.fields} | {"post": "yes", "_save": "1"}
    listing, add, change, delete, _history = pages_of(row)

    statuses = [staff_client.post(page, values).status_code for page in (add, change, delete)]
    staff_client.post(listing, {"action": "delete_selected", "_selected_action": row.pk, "post": "yes"})
    form = staff_client.get(listing).context["action_form"]

    assert statuses == [403, 403, 403]
    choices = form.fields["action"].choices if form else []
    assert [name for name, _label in choices if name] == BULK_ACTIONS.get(model, [])
    assert table_rows(model) == before


def test_money_and_states_are_written_by_services_alone(staff_client: Client):
    for model, columns in EDITABLE_FIELDS.items():
        row = MAKERS[model](1)

        page = staff_client.get(address(model, "change", quote(row.pk)))

        assert set(page.context["adminform"].form.fields) == columns
    assert {model for model in MODELS if model not in READ_ONLY} == set(EDITABLE_FIELDS)


@each_table
def test_list_costs_the_same_for_any_length(model: type[Model], staff_client: Client):
    page = address(model, "changelist")
    MAKERS[model](1)
    staff_client.get(page)
    with CaptureQueriesContext(connection) as for_one:
        staff_client.get(page)
    MAKERS[model](2)
    MAKERS[model](3)

    with CaptureQueriesContext(connection) as for_three:
        changelist = staff_client.get(page)

    assert len(changelist.context["cl"].result_list) == model._default_manager.count()
    assert len(for_three) == len(for_one)


@pytest.mark.parametrize(
    "model", [model for model in MODELS if SITE._registry[model].search_fields], ids=lambda model: model._meta.label
)
def test_search_finds_by_its_first_field_and_nothing_else(model: type[Model], staff_client: Client):
    match, _other = MAKERS[model](1), MAKERS[model](2)
    value: Any = match
    for name in SITE._registry[model].search_fields[0].split("__"):
        value = getattr(value, name)

    results = staff_client.get(address(model, "changelist"), {"q": value})
    no_results = staff_client.get(address(model, "changelist"), {"q": "zzz nowhere"})

    assert match in results.context["cl"].result_list
    assert {row.pk for row in no_results.context["cl"].result_list} == set()


@each_table
def test_every_filter_and_every_order_answers(model: type[Model], staff_client: Client):
    page = address(model, "changelist")
    MAKERS[model](1)
    changelist = staff_client.get(page).context["cl"]
    choices = [choice["query_string"] for spec in changelist.filter_specs for choice in spec.choices(changelist)]
    orders = [f"?o={sign}{number}" for sign in ("", "-") for number in range(1, len(changelist.list_display))]
    field = SITE._registry[model].date_hierarchy
    years = [f"?{field}__year=2026", f"?{field}__year=2026&{field}__month=11"] if field else []

    statuses = {query: staff_client.get(page + query).status_code for query in choices + orders + years}

    assert statuses == dict.fromkeys(choices + orders + years, 200)


def test_new_password_is_set_by_mail_as_for_everybody(staff: Any, staff_client: Client):
    before = staff.password

    answer = staff_client.post(
        "/admin/password_change/", {"old_password": "x", "new_password1": "y", "new_password2": "y"}
    )

    staff.refresh_from_db()
    assert (answer.status_code, answer["Location"]) == (302, "/account/nuova-password/")
    assert staff.password == before


def test_every_stylesheet_and_script_of_a_page_is_there(staff_client: Client):
    page = staff_client.get(address(Order, "changelist")).content.decode()

    files = re.findall(r'(?:href|src)="/static/([^"]+)"', page)

    assert {"css/tokens.css", "css/admin.css", "img/favicon.svg"} < set(files)
    assert [file for file in files if not finders.find(file)] == []


def test_stored_file_is_a_download_and_never_a_page(staff_client: Client):
    document = MAKERS[Document](1)

    answer = staff_client.get(address(Document, "download", document.pk))

    assert answer.content == bytes(document.content)
    assert answer["Content-Disposition"] == f'attachment; filename="{document.name}"'
    assert answer["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert staff_client.get(address(Document, "download", 0)).status_code == 404


def make_failed_mail(number: int) -> Mail:
    return fail_row(MAKERS[Mail](number), "the mailbox is gone")


def make_failed_export(number: int) -> DataExport:
    return fail_row(MAKERS[DataExport](number))


def make_waiting_receipt(number: int) -> ReceivedMail:
    receipt = MAKERS[ReceivedMail](number)
    ReceivedMail.objects.revive(receipt.pk)
    return receipt


def make_failed_receipt(number: int) -> ReceivedMail:
    return fail_row(make_waiting_receipt(number))


def make_unsent_invoice(number: int) -> Invoice:
    invoice = MAKERS[Invoice](number)
    fail_row(invoice.submission())
    Invoice.objects.filter(pk=invoice.pk).update(state="send_failed")
    return invoice


def make_paid_order(number: int) -> Order:
    order = MAKERS[Order](number)
    order.move_to(Order.Status.PAID, actor=None, now=timezone.now())
    return order


def make_started_order(number: int) -> Order:
    order = make_paid_order(number)
    order.move_to(Order.Status.PROCESSING, actor=None, now=timezone.now())
    return order


def make_uninvoiced_payment(number: int) -> Payment:
    order = make_paid_order(number)
    payment = Payment.objects.create(
        order=order, amount=order.gross_amount, status="succeeded", succeeded_at=timezone.now()
    )
    InvoiceRequest.objects.create(payment=payment, state="failed", next_try_at=None, last_error="00417 no partita IVA")
    return payment


def make_built_package(number: int) -> ArchivePackage:
    package = MAKERS[ArchivePackage](number)
    claim_row(package).finish()
    package.refresh_from_db()
    return package


def make_read_document(number: int) -> chatbot.Document:
    document = MAKERS[chatbot.Document](number)
    claim_row(document).finish()
    document.refresh_from_db()
    return document


def make_resolved_ticket(number: int) -> chatbot.Ticket:
    ticket = MAKERS[chatbot.Ticket](number)
    tickets.resolve_as_customer(ticket=ticket, actor=None, now=timezone.now())
    return ticket


def make_new_ticket(number: int) -> chatbot.Ticket:
    guest = tickets.Guest("Mario Rossi", f"guest{number}@posta.example")
    return tickets.open_from_text(text="Ciao", customer=None, guest=guest, language="it", now=timezone.now())


def submission_state(invoice: Invoice) -> str:
    return invoice.submission().state


def request_state(payment: Payment) -> str:
    return payment.invoice_request.state


def value(row: Any, column: Any) -> Any:
    return column(row) if callable(column) else getattr(row, column)


# button, a row it is offered for, the column it changes, before and after, what the audit trail calls it
BUTTONS = [
    ("try_again", make_failed_mail, "state", "failed", "pending", "mail.sent_again"),
    ("send_again", make_unsent_invoice, submission_state, "failed", "pending", "invoice.sent_again"),
    ("try_again", make_failed_export, "state", "failed", "pending", "dataexport.tried_again"),
    ("start_work", make_paid_order, "status", "paid", "processing", "order.processing"),
    ("complete_work", make_started_order, "status", "processing", "completed", "order.completed"),
    ("cancel_order", MAKERS[Order], "status", "awaiting_payment", "cancelled", "order.cancelled"),
    ("invoice_again", make_uninvoiced_payment, request_state, "failed", "done", "payment.invoiced"),
    ("try_again", make_failed_receipt, "state", "failed", "pending", "receivedmail.applied_again"),
    ("try_again", MAKERS[StripeEvent], "state", "pending", "pending", "stripeevent.retried"),
    ("try_again", make_built_package, "state", "done", "pending", "archivepackage.requested"),
    ("look_now", MAKERS[chatbot.WebPage], "url", "https://example.com/1", "https://example.com/1", "webpage.look_now"),
    ("try_again", make_read_document, "state", "done", "pending", "document.read_again"),
    ("take", make_new_ticket, "status", "new", "in_progress", "ticket.assigned"),
    ("reopen", make_resolved_ticket, "status", "resolved", "in_progress", "ticket.reopened"),
]
each_button = pytest.mark.parametrize(
    ("name", "make", "column", "before", "after", "audited"), BUTTONS, ids=[f"{b[0]}-{b[5]}" for b in BUTTONS]
)


def button_of(row: Any, name: str) -> str:
    return address(type(row), name, quote(row.pk))


@each_button
def test_button_asks_first_and_acts_when_posted(
    name: str, make: Any, column: Any, before: Any, after: Any, audited: str, staff: Any, staff_client: Client
):
    row = make(1)

    confirmation = staff_client.get(button_of(row, name))
    row.refresh_from_db()
    value_before, entries_before = value(row, column), AuditEntry.objects.filter(action=audited).count()
    response = staff_client.post(button_of(row, name))

    row.refresh_from_db()
    assert (confirmation.status_code, value_before, entries_before) == (200, before, 0)
    assert (response.status_code, response["Location"]) == (302, address(type(row), "change", quote(row.pk)))
    assert value(row, column) == after
    assert AuditEntry.objects.get(action=audited).actor == staff


@each_button
def test_button_is_shut_to_customers_and_guests(
    name: str, make: Any, column: Any, before: Any, after: Any, audited: str, customer_client: Client
):
    row = make(1)

    statuses = [client.post(button_of(row, name)).status_code for client in (customer_client, Client())]

    row.refresh_from_db()
    assert (statuses, value(row, column)) == ([302, 302], before)
    assert AuditEntry.objects.filter(action=audited).count() == 0


def buttons_on(page: Any) -> set[str]:
    links = re.findall(r'href="/admin/[^"]+/([a-z_]+)/?"', page.content.decode())
    return set(links) & {button[0] for button in BUTTONS}


def test_only_buttons_that_can_do_good_are_offered(staff_client: Client):
    order = MAKERS[Order](1)
    waiting = buttons_on(staff_client.get(order_page := address(Order, "change", order.pk)))
    order.move_to(Order.Status.PAID, actor=None, now=timezone.now())
    paid = buttons_on(staff_client.get(order_page))
    order.move_to(Order.Status.PROCESSING, actor=None, now=timezone.now())
    started = buttons_on(staff_client.get(order_page))
    order.move_to(Order.Status.COMPLETED, actor=None, now=timezone.now())

    assert (waiting, paid, started) == ({"cancel_order"}, {"start_work"}, {"complete_work"})
    assert buttons_on(staff_client.get(order_page)) == set()


def test_button_that_is_late_says_why_and_changes_nothing(staff_client: Client):
    order = MAKERS[Order](1)

    answer = staff_client.post(button_of(order, "complete_work"), follow=True)

    order.refresh_from_db()
    assert order.status == "awaiting_payment"
    assert [(m.level_tag, str(m)) for m in answer.context["messages"]] == [
        ("error", "L’ordine è in attesa di pagamento: ora non è possibile.")
    ]


@pytest.mark.parametrize(
    "make",
    [make_waiting_receipt, *(MAKERS[row] for row in (Mail, DataExport, StripeEvent, ArchivePackage, chatbot.Document))],
)
def test_row_that_a_worker_has_is_left_to_it(make: Any, staff_client: Client):
    row = claim_row(make(1))
    acts = AuditEntry.objects.exclude(action__endswith=".opened")  # the page that says so is looked at
    entries_before = acts.count()

    answer = staff_client.post(button_of(row, "try_again"), follow=True)

    row.refresh_from_db()
    assert (row.state, acts.count() - entries_before) == ("running", 0)
    assert [(m.level_tag, str(m)) for m in answer.context["messages"]] == [
        ("error", "Non è stato fatto nulla: nel frattempo lo stato è cambiato.")
    ]


def test_payment_that_never_settled_is_not_invoiced_and_says_so(staff_client: Client):
    answer = staff_client.post(button_of(MAKERS[Payment](1), "invoice_again"), follow=True)

    assert [str(message) for message in answer.context["messages"]] == ["Questo pagamento non può essere fatturato."]


def test_button_without_a_row_leads_nowhere(staff_client: Client):
    assert staff_client.post(address(Order, "start_work", 0)).status_code == 404


def test_overview_counts_what_wants_a_person_and_leads_to_it(staff_client: Client):
    make_failed_mail(1)
    make_uninvoiced_payment(2)

    page = staff_client.get("/admin/")

    alarms = {tile["label"]: tile for tile in page.context["alarms"] if tile["figure"]}
    assert {str(label): tile["figure"] for label, tile in alarms.items()} == {
        "E-mail abbandonate": 1,
        "Pagati senza fattura": 1,
    }
    for tile in alarms.values():
        assert len(staff_client.get(tile["url"]).context["cl"].result_list) == 1
