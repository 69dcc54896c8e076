"""The audit trail as staff read it: in words, about one object, searched, and taken along as CSV."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import quote
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.html import strip_tags

from accounts.models import User
from billing.models import Category, Order
from billing.payments import services as payments
from chatbot.models import AssistantVersion, ModelPrice, Ticket
from core import audit, wording
from core.models import AuditEntry
from core.privacy import is_personal
from tests.clock import at
from tests.config.rows import MAKERS
from tests.factories import make_customer, make_order, make_service, sign_in

pytestmark = pytest.mark.django_db

TRAIL = "/admin/core/auditentry/"


def page_of(row: Any, name: str = "change") -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_{name}", args=[quote(row.pk)])


def edit(client: Client, row: Any, **values: Any) -> Any:
    """Save the page of a row as it stands, but for these values; None leaves a box unticked."""
    page = client.get(page_of(row))
    data: dict[str, Any] = {}
    for form in [
        page.context["adminform"].form,
        *(f for s in page.context["inline_admin_formsets"] for f in s.formset),
    ]:
        data |= {form[name].html_name: form[name].value() for name in form.fields}
    for inline in page.context["inline_admin_formsets"]:
        management = inline.formset.management_form
        data |= {management[name].html_name: management[name].value() for name in management.fields}
    data = {name: value for name, value in (data | values).items() if value is not None and value is not False}
    return client.post(page_of(row), data)


def in_words(html: str) -> str:
    return " ".join(unescape(strip_tags(html)).split())


def history_of(client: Client, row: Any) -> list[tuple[str, list[tuple[str, str, str]]]]:
    lines = client.get(page_of(row, "history")).context["lines"]
    return [
        (in_words(line.what), [(change.field, change.before, change.after) for change in line.changes])
        for line in lines
        if not line.entry.action.endswith(".opened")
    ]  # fmt: skip


def list_of(client: Client, **query: Any) -> list[str]:
    return [entry.action for entry in client.get(TRAIL, query).context["cl"].result_list]


def test_edit_is_told_field_by_field_before_and_after(staff_client: Client):
    service = make_service("audit", price="100.00")

    answer = edit(staff_client, service, price="120.50", is_active=None, lead_it="Un altro testo.")

    assert (answer.status_code, history_of(staff_client, service)) == (
        302,
        [
            (
                "Ha modificato: servizio Readiness NIS2",
                [
                    ("Prezzo netto, EUR", "100,00", "120,50"),
                    ("Apertura, italiano", "–", "–"),
                    ("In offerta", "sì", "no"),
                ],
            )
        ],
    )


def test_history_reads_in_the_language_of_the_reader(staff: User, staff_client: Client):
    staff.change(language="en")
    staff_client.cookies["language"] = "en"
    order = make_order(make_customer("giulia@esempio.example"))
    payments.cancel_order(order=order, actor=staff, now=timezone.now())

    with translation.override("en"):
        page = staff_client.get(page_of(order, "history"), headers={"accept-language": "en"})

    newest = page.context["lines"][0]
    assert in_words(newest.what) == f"Cancelled the order {order.number}"


def test_names_of_people_are_no_part_of_an_entry(staff_client: Client, customer: User):
    inline = {f"billing_profile-{name}_FORMS": "0" for name in ("TOTAL", "INITIAL", "MIN_NUM", "MAX_NUM")}
    edit(staff_client, customer, first_name="Mirtilla", language="en", **inline)

    entry = AuditEntry.objects.get(action="user.changed")

    assert entry.detail == {"changes": {"first_name": None, "language": ["it", "en"]}}


def test_parts_of_a_row_are_told_with_it(staff_client: Client):
    service = make_service("audit")
    item = service.items.create(kind="step", position=1, label_it="Uno", label_en="One", title_it="A", title_en="A")
    prefix = "items-0-"

    edit(staff_client, service, **{f"{prefix}title_it": "Beta"})

    assert AuditEntry.objects.get(action="service.changed").detail == {
        "parts": [
            {
                "table": "billing.serviceitem", "key": str(item.pk), "verb": "changed",
                "changes": {"title_it": ["A", "Beta"]},
            }
        ]
    }  # fmt: skip


def test_page_that_is_saved_as_it_was_leaves_no_entry(staff_client: Client):
    price = MAKERS[ModelPrice](1)

    answer = edit(staff_client, price)

    assert (answer.status_code, AuditEntry.objects.count()) == (302, 0)


def test_what_is_deleted_keeps_what_it_was_called(staff_client: Client):
    category = MAKERS[Category](1)

    staff_client.post(page_of(category, "delete"), {"post": "yes"})

    entry = AuditEntry.objects.get()
    assert (entry.target, entry.detail) == (f"billing.category:{category.pk}", {"called": "Categoria 1"})
    assert [in_words(e.line.what) for e in staff_client.get(TRAIL).context["cl"].result_list] == [
        "Ha eliminato: categoria Categoria 1"
    ]


def test_new_version_of_the_assistant_is_told_against_the_one_before(staff_client: Client):
    AssistantVersion.objects.create(note="Prima", daily_budget="5.00", is_answering=True)
    form = staff_client.get("/admin/chatbot/assistantversion/add/").context["adminform"].form
    data = {name: form[name].value() for name in form.fields}
    data |= {"note": "Seconda", "daily_budget": "9.00", "prompt": "Rispondi in rima."}

    staff_client.post(
        "/admin/chatbot/assistantversion/add/", {k: v for k, v in data.items() if v is not None and v is not False}
    )

    changes = AuditEntry.objects.get(action="assistantversion.created").detail["changes"]
    assert changes == {"note": ["Prima", "Seconda"], "daily_budget": ["5.00", "9.00"], "prompt": None}


def test_django_keeps_no_log_beside_the_trail(staff_client: Client):
    edit(staff_client, make_service("audit"), price="1.00")
    staff_client.post(page_of(MAKERS[Category](1), "delete"), {"post": "yes"})

    assert (AuditEntry.objects.count(), LogEntry.objects.count()) == (2, 0)


def test_history_is_for_whoever_may_see_the_trail(staff_client: Client, customer_client: Client):
    order = make_order(make_customer("giulia@esempio.example"))

    page = staff_client.get(page_of(order)).content.decode()

    assert page_of(order, "history") in page
    assert customer_client.get(page_of(order, "history")).status_code == 302
    assert staff_client.get(page_of(Order(pk=0), "history")).status_code == 404


def test_object_and_person_are_linked_as_long_as_they_are_there(staff: User, staff_client: Client):
    order = make_order(make_customer("giulia@esempio.example"))
    category = MAKERS[Category](1)
    audit.record(action="order.cancelled", target=order, actor=staff)
    audit.record(action="category.changed", target=category)
    key = category.pk
    category.delete()

    lines = [entry.line for entry in staff_client.get(TRAIL).context["cl"].result_list[:2]]

    assert [(line.who, line.what) for line in lines] == [
        ("Sistema", f"Ha modificato: categoria {key}"),
        (
            f'<a href="{page_of(staff)}">{staff.email}</a>',
            f'Ha annullato l’ordine <a href="{page_of(order)}">{order.number}</a>',
        ),
    ]


def test_list_says_what_is_sealed(staff_client: Client):
    audit.record(action="core.cleared")
    audit.seal()
    audit.record(action="core.cleared")

    page = staff_client.get(TRAIL).content.decode()

    seals = re.findall(r'badge badge--(\w+)">((?:non ancora )?sigillata)<', page)
    assert seals == [("now", "non ancora sigillata"), ("done", "sigillata")]


@pytest.fixture
def entries(staff: User, customer: User) -> dict[str, Any]:
    """An order of the customer that staff cancelled, a ticket, an account that was opened, and something of nobody."""
    order = make_order(customer)
    ticket = MAKERS[Ticket](1)
    AuditEntry.objects.all()
    audit.record(action="order.cancelled", target=order, actor=staff)
    audit.record(action="ticket.answered", target=ticket, actor=staff)
    audit.record(action="user.opened", target=customer, actor=staff)
    audit.record(action="category.created", target=MAKERS[Category](1))
    return {"order": order, "ticket": ticket}


def test_trail_is_searched_by_person_act_object_and_number(
    entries: dict[str, Any], staff: User, staff_client: Client, customer: User
):
    order, ticket = entries["order"], entries["ticket"]
    of_order = ["order.cancelled", "order.placed"]

    searches = {
        "by name": list_of(staff_client, person=customer.get_full_name()),
        "by number of an account": list_of(staff_client, person=str(staff.pk)),
        "nobody": list_of(staff_client, person="zzz@nowhere.example"),
        "act": list_of(staff_client, act="order.cancelled"),
        "verb": list_of(staff_client, act="created"),
        "table": list_of(staff_client, table="billing.order"),
        "object": list_of(staff_client, table="billing.order", number=order.number.lower()),
        "number": list_of(staff_client, number=ticket.number)[:1],
        "both": list_of(staff_client, table="billing.order", number=ticket.number),
    }

    assert searches == {
        "by name": ["user.opened", "order.placed"],
        "by number of an account": ["user.opened", "ticket.answered", "order.cancelled"],
        "nobody": [], "act": ["order.cancelled"], "verb": ["category.created"], "table": of_order, "object": of_order,
        "number": ["ticket.answered"], "both": [],
    }  # fmt: skip


def test_days_of_the_search_are_those_of_our_own_clock(staff_client: Client):
    today = timezone.localdate()
    audit.record(action="core.cleared")

    searches = [
        list_of(staff_client, since=since, until=until)
        for since, until in (
            (today, today), (today, ""), ("", today - timedelta(days=1)),
            (today + timedelta(days=1), ""),
        )
    ]  # fmt: skip

    assert searches == [["core.cleared"], ["core.cleared"], [], []]


@pytest.mark.parametrize(
    ("query", "field", "message"),
    [
        ({"since": "2026-11-29", "until": "2026-11-28"}, "until", "L’ultimo giorno viene prima del primo."),
        ({"since": "ieri"}, "since", "Inserisci una data valida."),
        ({"act": "nothing"}, "act", "Scegli un'opzione valida. nothing non è tra quelle disponibili."),
    ],
)
def test_search_that_cannot_be_shows_nothing_and_says_why(
    query: dict[str, str], field: str, message: str, staff_client: Client
):
    audit.record(action="core.cleared")

    page = staff_client.get(TRAIL, query)
    export = staff_client.get(f"{TRAIL}export/", query)

    assert ([*page.context["cl"].result_list], page.context["form"].errors) == ([], {field: [message]})
    assert (export.status_code, AuditEntry.objects.count()) == (302, 1)


def read_csv(answer: Any) -> list[list[str]]:
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig")), delimiter=";"))


def test_csv_is_what_was_searched_in_words_and_an_entry_itself(
    entries: dict[str, Any], staff: User, staff_client: Client
):
    order = entries["order"]
    audit.seal()

    answer = staff_client.get(f"{TRAIL}export/", {"act": "order.cancelled", "person": staff.email})

    head, row = read_csv(answer)
    entry = AuditEntry.objects.get(action="order.cancelled")
    assert head == ["quando", "chi", "account", "che cosa", "prima e dopo", "atto", "oggetto", "sigillo"]
    assert row == [
        f"{timezone.localtime(entry.at):%Y-%m-%d %H:%M:%S}", staff.email, f"user {staff.pk}",
        f"Ha annullato l’ordine {order.number}", "", "order.cancelled", f"billing.order:{order.number}",
        f"{entry.position} {entry.hash}",
    ]  # fmt: skip
    assert answer["Content-Disposition"] == f'attachment; filename="audit-{timezone.localdate():%Y-%m-%d}.csv"'
    kept = AuditEntry.objects.get(action="auditentry.exported")
    assert (kept.actor, kept.detail) == (staff, {"entries": 1, "narrowed_by": ["act", "person"]})


def test_cell_of_the_csv_is_no_formula(staff: User, staff_client: Client):
    staff.email = "=cmd@aish.example"
    staff.save(update_fields=["email"])
    audit.record(action="core.cleared", actor=staff)

    row = read_csv(staff_client.get(f"{TRAIL}export/"))[1]

    assert row[1] == "'=cmd@aish.example"


def test_markup_in_a_name_is_shown_and_not_obeyed(staff_client: Client):
    service = make_service("audit", name_it="<script>alert(1)</script>")
    audit.record(action="service.changed", target=service, changes={"name_it": ["<b>a</b>", "{name} %(x)s"]})

    pages = [staff_client.get(path).content.decode() for path in (TRAIL, page_of(service, "history"))]

    assert all("<script>alert" not in page and "<b>a</b>" not in page for page in pages)
    assert all("&lt;b&gt;a&lt;/b&gt;" in page and "{name} %(x)s" in page for page in pages)


def test_entry_of_another_time_is_shown_as_it_is(staff_client: Client):
    audit.record(action="gone.done_so", note=1)
    AuditEntry.objects.create(action="order.paid", actor_label="user 999999", target="billing.order:X: y", detail={})
    AuditEntry.objects.create(action="created", actor_label="system", target="nothing.here:1", detail={})
    AuditEntry.objects.create(action="user.opened", actor_label="system", target="accounts.user:a@b.example", detail={})

    lines = [entry.line for entry in staff_client.get(TRAIL).context["cl"].result_list]

    assert [(line.who, in_words(line.what)) for line in lines] == [
        ("Sistema", "Ha aperto: utente a@b.example"),
        ("Sistema", "Ha creato: nothing.here 1"),
        ("Account 999999", "L’ordine X: y è stato pagato: –"),
        ("Sistema", "gone.done_so:"),
    ]


PERSONAL = sorted((model for model in MAKERS if is_personal(model)), key=lambda model: model._meta.label)


@pytest.mark.parametrize("model", PERSONAL, ids=lambda model: model._meta.label)
def test_looking_at_what_is_known_of_people_is_an_entry_once_a_day(model: Any, staff: User, staff_client: Client):
    row = MAKERS[model](1)
    action = f"{model._meta.model_name}.opened"

    for _time in range(2):
        staff_client.get(page_of(row))

    names = AuditEntry.objects.filter(action=action).values_list("target", "actor")
    assert list(names) == ([] if model is AuditEntry else [(audit.name_of(row), staff.pk)])


def test_another_day_and_another_person_are_entries_of_their_own(staff: User, staff_client: Client):
    order = make_order(make_customer("giulia@esempio.example"))
    other = Client()
    colleague = make_customer("altra@aish.example", role="super_admin")
    with at(datetime(2026, 11, 29, 22, 59, tzinfo=UTC)):  # a minute before midnight in Rome
        sign_in(other, colleague)
        sign_in(staff_client, staff)
        for client in (staff_client, other, staff_client):
            client.get(page_of(order))
    with at(datetime(2026, 11, 29, 23, 1, tzinfo=UTC)):
        staff_client.get(page_of(order))

    assert AuditEntry.objects.filter(action="order.opened").count() == 3


def test_looking_costs_one_statement_and_no_question(staff_client: Client):
    order = make_order(make_customer("giulia@esempio.example"))
    staff_client.get(page_of(order))

    with CaptureQueriesContext(connection) as queries:
        staff_client.get(page_of(order))

    about_trail = [query["sql"].split()[0] for query in queries if "core_auditentry" in query["sql"]]
    assert about_trail == ["INSERT"]


def test_refused_or_missing_page_is_no_reading(customer_client: Client, staff_client: Client):
    order = make_order(make_customer("giulia@esempio.example"))
    before = AuditEntry.objects.count()

    customer_client.get(page_of(order))
    staff_client.get(page_of(Order(pk=0)))
    staff_client.post(page_of(order))

    assert AuditEntry.objects.count() == before


def test_every_act_reads_with_its_details_and_without():
    for language in ("it", "en"):
        with translation.override(language):
            for code, act in wording.acts().items():
                names = set(re.findall(r"{(\w+)}", str(act.sentence))) - {"name", "object"}
                assert (code, names) == (code, set(act.kinds))
