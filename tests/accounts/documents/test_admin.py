"""The back office of documents: sharing, new versions, withdrawing, what came in, and who downloaded what."""

import re
from typing import Any

import pytest
from django.test import Client

from accounts.models import CustomerDocument, DocumentVersion
from core.models import AuditEntry
from notifications.models import Mail
from tests.accounts.documents.papers import CONTENT, REPORT, files, fresh, paper, replace, share, upload
from tests.factories import make_order

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("folder")]
LIST = "/admin/accounts/customerdocument/"
TAKEN = "Accettiamo questi tipi di file: DOC, DOCX, GIF, JPEG, JPG, MD, PDF, PNG, TXT, WEBP."
SHARE = f"{LIST}share-with-customer/"


def send(client: Client, customer: Any, **values: Any) -> Any:
    form = {"email": customer.email, "title": "Rapporto NIS2", "note": "", "order_number": ""}
    return client.post(SHARE, form | {"file": paper("rapporto.txt", REPORT)} | values)


def press(client: Client, document: CustomerDocument, button: str, **values: Any) -> Any:
    return client.post(f"{LIST}{document.pk}/{button}/", values)


def errors_of(answer: Any) -> dict[str, list[str]]:
    return {name: list(errors) for name, errors in answer.context["form"].errors.items()}


def test_document_is_shared_from_the_list(customer: Any, staff: Any, staff_client: Client):
    order = make_order(customer)
    Mail.objects.all().delete()

    answer = send(staff_client, customer, order_number=order.number, note="A voce domani.")

    document = CustomerDocument.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"{LIST}{document.pk}/change/")
    assert (document.customer, document.title, document.order_number) == (customer, "Rapporto NIS2", order.number)
    assert (document.newest().added_by, document.note) == (staff, "A voce domani.")
    assert list(Mail.objects.values_list("kind", flat=True)) == ["document_shared"]


@pytest.mark.parametrize(
    ("values", "field", "error"),
    [
        ({"email": "nessuno@esempio.example"}, "email", "Non c’è un cliente con questo indirizzo."),
        ({"email": "admin@aish.example"}, "email", "Non c’è un cliente con questo indirizzo."),
        ({"order_number": "ORD-2026-99999"}, "order_number", "Il cliente non ha ordini. Lasciate vuoto il numero."),
        ({"file": paper("a.exe")}, "file", TAKEN),
    ],
)  # fmt: skip
def test_what_is_wrong_stands_at_its_field_and_shares_nothing(
    customer: Any, staff_client: Client, values: dict[str, Any], field: str, error: str
):
    answer = send(staff_client, customer, **values)

    assert (answer.status_code, errors_of(answer)) == (200, {field: [error]})
    assert (CustomerDocument.objects.count(), files(), Mail.objects.count()) == (0, [], 0)


def test_shared_twice_it_is_shared_once(customer: Any, staff_client: Client):
    answers = [send(staff_client, customer) for _time in range(2)]

    assert answers[0]["Location"] == answers[1]["Location"]
    assert (CustomerDocument.objects.count(), Mail.objects.count()) == (1, 1)


def test_pages_of_customer_and_order_lead_to_sharing_with_them(customer: Any, staff_client: Client):
    order = make_order(customer)

    of_customer = staff_client.get(f"/admin/accounts/user/{customer.pk}/share_document", follow=True)
    of_order = staff_client.get(f"/admin/billing/order/{order.pk}/share_document", follow=True)

    initial = [answer.context["form"].initial for answer in (of_customer, of_order)]
    assert initial == [
        {"email": customer.email, "order_number": ""}, {"email": customer.email, "order_number": order.number},
    ]  # fmt: skip


def test_page_of_a_customer_leads_to_their_documents(customer: Any, stranger: Any, staff: Any, staff_client: Client):
    document = share(customer, staff)
    share(stranger, staff)

    page = staff_client.get(f"/admin/accounts/user/{customer.pk}/change/").content.decode()
    (path,) = re.findall(rf'href="({LIST}\?customer__id__exact=\d+)"', page)

    assert list(staff_client.get(path).context["cl"].result_list) == [document]


@pytest.mark.parametrize("query", ["customer=x", "customer=999999999999999999999", "customer=-1", "order=%3Cb%3E"])
def test_odd_customer_in_the_address_fills_in_nobody(query: str, staff_client: Client):
    answer = staff_client.get(f"{SHARE}?{query}")

    assert (answer.status_code, answer.context["form"].initial["email"]) == (200, "")
    assert "<b>" not in answer.content.decode()


def test_new_version_is_a_button(customer: Any, staff: Any, staff_client: Client):
    document = share(customer, staff)

    same = press(staff_client, document, "add_version", file=paper("rapporto.txt", REPORT))
    press(staff_client, document, "add_version", file=paper("rapporto.txt", b"Due."))

    assert errors_of(same) == {"file": ["Proprio questo file è già la versione 1. Scegliete quello nuovo."]}
    assert list(document.versions.order_by("number").values_list("number", "added_by")) == [
        (1, staff.pk),
        (2, staff.pk),
    ]


def test_withdrawing_asks_first(
    customer: Any, staff: Any, staff_client: Client, django_capture_on_commit_callbacks: Any
):
    document = share(customer, staff)

    question = staff_client.get(f"{LIST}{document.pk}/withdraw/")
    before = fresh(document).withdrawn_at
    with django_capture_on_commit_callbacks(execute=True):
        press(staff_client, document, "withdraw")

    assert (customer.email in question.content.decode(), before) == (True, None)
    assert (fresh(document).withdrawn_at is not None, files()) == (True, [])
    page = staff_client.get(f"{LIST}{document.pk}/change/").content.decode()
    assert "rapporto.txt" in page
    assert f"{LIST}{document.pk}/versions/1/" not in page


def test_upload_of_a_customer_is_deleted_by_staff(
    customer: Any, staff_client: Client, django_capture_on_commit_callbacks: Any
):
    document = upload(customer)

    with django_capture_on_commit_callbacks(execute=True):
        answer = staff_client.post(f"{LIST}{document.pk}/delete_file/", follow=True)

    assert (answer.redirect_chain[-1][0], CustomerDocument.objects.count(), files()) == (LIST, 0, [])


@pytest.mark.parametrize(("make", "buttons"), [("upload", {"delete_file"}), ("share", {"add_version", "withdraw"})])
def test_buttons_are_those_that_can_do_good(
    make: str, buttons: set[str], customer: Any, staff: Any, staff_client: Client
):
    document = upload(customer) if make == "upload" else share(customer, staff)

    page = staff_client.get(f"{LIST}{document.pk}/change/").content.decode()

    assert set(re.findall(rf"{LIST}{document.pk}/(add_version|withdraw|delete_file)", page)) == buttons


def test_staff_download_an_upload_which_is_recorded_and_counts_as_opened(
    customer: Any, staff: Any, staff_client: Client
):
    document = upload(customer)

    answer = staff_client.get(f"{LIST}{document.pk}/versions/1/")

    entry = AuditEntry.objects.latest("pk")
    assert (answer.getvalue(), answer["Content-Security-Policy"]) == (CONTENT, "sandbox; default-src 'none'")
    assert (entry.action, entry.actor, fresh(document).opened_at is not None) == (
        "customerdocument.downloaded", staff, True,
    )  # fmt: skip


@pytest.mark.parametrize("path", ["999999/versions/1/", "{pk}/versions/9/"])
def test_download_of_nothing_is_not_found(path: str, customer: Any, staff_client: Client):
    document = upload(customer)

    assert staff_client.get(LIST + path.format(pk=document.pk)).status_code == 404
    assert fresh(document).opened_at is None


def test_looking_at_the_page_opens_nothing(customer: Any, staff_client: Client):
    document = upload(customer)

    staff_client.get(f"{LIST}{document.pk}/change/")

    assert fresh(document).may_be_deleted


def test_page_tells_who_downloaded_which_version_and_when(
    customer: Any, staff: Any, staff_client: Client, customer_client: Client
):
    document = share(customer, staff)
    replace(document, staff, b"Due.")
    for version in (1, 2):
        customer_client.get(f"/area/documenti/{document.reference}/versioni/{version}/").getvalue()

    page = " ".join(staff_client.get(f"{LIST}{document.pk}/change/").content.decode().split())

    assert re.findall(r"giulia@brandolini.example, versione (\d)", page) == ["2", "1"]


def test_what_waits_and_what_is_missing_stand_on_the_overview(customer: Any, staff: Any, staff_client: Client):
    sent, delivered = upload(customer), share(customer, staff)
    DocumentVersion.objects.filter(document=delivered).update(missing_since=delivered.created_at)

    context = staff_client.get("/admin/").context
    tiles = {tile["url"]: tile["figure"] for tile in (*context["tiles"], *context["alarms"]) if LIST in tile["url"]}

    assert tiles == {f"{LIST}?to_look_at=yes": 1, f"{LIST}?without_file=yes": 1}
    lists = [list(staff_client.get(path).context["cl"].result_list) for path in tiles]
    assert lists == [[sent], [delivered]]


def test_file_that_is_missing_is_said_on_the_page(customer: Any, staff_client: Client):
    document = upload(customer)
    files()[0].unlink()

    answer = staff_client.get(f"{LIST}{document.pk}/versions/1/", follow=True)

    page = answer.content.decode()
    assert "Il file manca da parte nostra." in page
    assert "file mancante dal" in page
