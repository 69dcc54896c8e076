"""Documents over the API: lists, files, sending once, deleting, refusals by their field."""

from typing import Any

import pytest
from django.test import Client

from accounts.documents import services
from accounts.models import CustomerDocument
from tests.accounts.documents.papers import CONTENT, NOW, files, fresh, paper, replace, share, upload
from tests.factories import sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("folder")]
API = "/api/v1/me/documents"


def described(document: CustomerDocument, **more: Any) -> dict[str, Any]:
    versions = [
        {
            "number": version.number, "name": version.name, "kind": version.kind, "size": version.size,
            "sha256": version.sha256, "added_at": "2026-11-24T10:00:00+01:00",
        }
        for version in document.versions.order_by("-number")
    ]  # fmt: skip
    return {
        "reference": str(document.reference), "origin": "upload", "title": "organigramma.txt", "note": "",
        "order_number": "", "created_at": "2026-11-24T10:00:00+01:00", "changed_at": "2026-11-24T10:00:00+01:00",
        "opened_at": None, "is_new": False, "may_be_deleted": True, "versions": versions, **more,
    }  # fmt: skip


def test_list_has_own_documents_page_by_page(customer: Any, stranger: Any, staff: Any, customer_client: Client):
    sent, delivered = upload(customer), share(customer, staff)
    replace(delivered, staff, b"Due.")
    upload(stranger)

    answer = customer_client.get(API).json()
    page = customer_client.get(API, {"page_size": 1, "page": 2}).json()

    delivery = {"origin": "deliverable", "title": "Rapporto NIS2", "is_new": True, "may_be_deleted": False}
    assert answer == {
        "count": 2, "next": None, "previous": None,
        "results": [described(delivered, **delivery), described(sent)],
    }  # fmt: skip
    assert (page["count"], [row["reference"] for row in page["results"]]) == (2, [str(sent.reference)])
    assert fresh(delivered).is_new


def test_description_counts_as_reading(customer: Any, staff: Any, customer_client: Client):
    document = share(customer, staff)

    bodies = [customer_client.get(f"{API}/{document.reference}").json() for _time in range(2)]

    assert [body["is_new"] for body in bodies] == [True, False]


def test_file_is_sent_once_however_often_it_is_asked(customer: Any, customer_client: Client):
    answers = [customer_client.post(API, {"file": paper(), "note": "Ecco."}) for _time in range(2)]

    document = CustomerDocument.objects.get()
    assert [answer.status_code for answer in answers] == [201, 200]
    bodies = [answer.json() for answer in answers]
    assert [(body["reference"], body["note"]) for body in bodies] == [(str(document.reference), "Ecco.")] * 2
    assert len(files()) == 1


@pytest.mark.parametrize(
    ("values", "status", "code", "field", "inner"),
    [
        ({}, 400, "invalid", "file", "required"),
        ({"file": paper("a.exe")}, 400, "file_kind", "file", "file_kind"),
        ({"file": paper("a.pdf")}, 400, "file_content", "file", "file_content"),
        ({"file": paper("a.txt", b"")}, 400, "invalid", "file", "empty"),
        ({"file": paper(), "note": "a" * 501}, 400, "invalid", "note", "max_length"),
    ],
)
def test_refusal_is_a_problem_with_its_field(
    customer_client: Client, values: dict[str, Any], status: int, code: str, field: str, inner: str
):
    answer = customer_client.post(API, values)

    problem = answer.json()
    assert (answer.status_code, answer["Content-Type"], problem["code"]) == (status, "application/problem+json", code)
    assert [(error["field"], error["code"]) for error in problem["errors"]] == [(field, inner)]
    assert files() == []


def test_full_and_too_fast_are_problems(customer: Any, customer_client: Client, settings: Any):
    settings.DOCUMENTS_MAX_FILES, settings.RATE_LIMIT_BURST = 1, 100
    upload(customer)

    answers = [customer_client.post(API, {"file": paper("altro.txt")}) for _time in range(31)]

    assert [answer.json()["code"] for answer in answers] == ["documents_full"] * 30 + ["too_many_requests"]
    assert answers[-1]["Retry-After"].isdecimal()


def test_version_is_downloaded_and_another_is_not_found(customer: Any, customer_client: Client):
    document = upload(customer)

    answer = customer_client.get(f"{API}/{document.reference}/versions/1")

    assert (answer.getvalue(), answer["Content-Disposition"]) == (CONTENT, 'attachment; filename="organigramma.txt"')
    missing = customer_client.get(f"{API}/{document.reference}/versions/2")
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")


def test_file_that_is_missing_is_a_problem_of_its_own(customer: Any, customer_client: Client):
    document = upload(customer)
    files()[0].unlink()

    answer = customer_client.get(f"{API}/{document.reference}/versions/1")

    assert (answer.status_code, answer.json()["code"]) == (404, "file_missing")


def test_own_upload_is_deleted_until_staff_open_it(
    customer: Any, customer_client: Client, staff: Any, django_capture_on_commit_callbacks: Any
):
    one, two, delivered = upload(customer, "uno.txt"), upload(customer, "due.txt"), share(customer, staff)
    services.open_file(document=two, number=1, actor=staff, now=NOW)

    with django_capture_on_commit_callbacks(execute=True):
        answers = [customer_client.delete(f"{API}/{document.reference}") for document in (one, two, delivered)]

    assert [answer.status_code for answer in answers] == [204, 409, 409]
    assert [answer.json()["code"] for answer in answers[1:]] == ["document_opened", "document_gone"]
    assert (CustomerDocument.objects.count(), len(files())) == (2, 2)


def test_nobody_elses_is_there(customer: Any, stranger: Any, staff: Any, client: Client):
    document = share(customer, staff)
    paths = [f"{API}/{document.reference}", f"{API}/{document.reference}/versions/1"]
    for somebody in (stranger, staff):
        sign_in(client, somebody)

        statuses = [client.get(path).status_code for path in paths] + [client.delete(paths[0]).status_code]

        assert statuses == [404] * 3
    assert fresh(document).is_new


def test_withdrawn_document_is_not_there(customer: Any, staff: Any, customer_client: Client):
    document = share(customer, staff)
    services.withdraw_document(document=document, actor=staff, now=NOW)

    assert customer_client.get(API).json()["count"] == 0
    assert customer_client.get(f"{API}/{document.reference}").status_code == 404
