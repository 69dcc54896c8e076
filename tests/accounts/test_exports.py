"""A copy of one's own data: whole, nobody else's, for a week, and for its owner alone."""

import json
import os
import re
import tracemalloc
import zipfile
from collections.abc import Callable
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient, Client
from django.utils import timezone

from accounts.models import DataExport, User
from accounts.privacy import exports
from chatbot.tickets import services as tickets
from core.models import AuditEntry
from core.privacy import Person, tables
from core.web.ratelimit import TooManyRequestsError
from notifications.models import Mail
from tests.accounts.life import SECRETS, Life, talk
from tests.chatbot.desk import write_to_us
from tests.clock import at
from tests.factories import make_profile, sign_in
from tests.queues import claim_row

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("folder")]

# What no customer has before something else happens.
MAY_BE_EMPTY = {
    "invoicing.Credit", "invoicing.PecMessage", "invoicing.ReceivedMail", "notifications.MailAttachment",
    "core.RateBucket", "accounts.DataExport", "accounts.AccountErasure", "djstripe.PaymentMethod",
}  # fmt: skip


def archive_of(user: User) -> zipfile.ZipFile:
    file = BytesIO()
    exports.write_export(file, Person.of(user))
    return zipfile.ZipFile(file)


def rows(archive: zipfile.ZipFile, model: str) -> list[dict[str, Any]]:
    data: list[dict[str, Any]] = json.loads(archive.read(f"data/{model.lower().replace('.', '-')}.json"))
    return data


def make_export(user: User) -> DataExport:
    exports.request_export(user=user, now=timezone.now())
    exports.build_due()
    return DataExport.objects.get(user=user)


def test_copy_holds_every_table_and_every_file(life: Life):
    archive = archive_of(life.user)

    number = life.invoice.number.replace("/", "-")
    xml = life.invoice.current_file()
    names = archive.namelist()
    files = [name for name in names if name.startswith("files/")]
    assert archive.testzip() is None
    assert {name for name in names if name.startswith("data/")} == {f"data/{table.file_name}" for table in tables()}
    assert names[0] == "README.txt"
    assert f"files/invoices/{number}/{number}.pdf" in files
    assert archive.read(f"files/invoices/{number}/{xml.file_name}") == bytes(xml.xml.content)
    for folder in ("documents", "tickets"):
        attached = next(name for name in files if re.fullmatch(rf"files/{folder}/.*lampone\.txt", name))
        assert archive.read(attached) == b"mirtillo"
    empty = {table.model for table in tables() if not rows(archive, table.model)}
    assert empty <= MAY_BE_EMPTY


def test_copy_says_what_is_true_in_names_that_can_be_read(life: Life):
    archive = archive_of(life.user)

    order = next(row for row in rows(archive, "billing.Order") if row["number"] == life.order.number)
    assert (order["gross_amount"], order["company_name"]) == ("4758.00", "Officine Brandolini S.r.l.")
    assert rows(archive, "accounts.User")[0]["email"] == life.user.email
    assert rows(archive, "chatbot.Message")[0]["text"] == "Vale per il mio mirtillo?"
    assert rows(archive, "chatbot.MessageFeedback")[0]["text"] == "E il lampone?"
    assert rows(archive, "djstripe.Customer")[0]["email"] == life.user.email


def test_internal_notes_and_secrets_are_not_in_it(life: Life):
    archive = archive_of(life.user)

    everything = b"".join(archive.read(name) for name in archive.namelist() if name.startswith("data/")).decode()
    assert "ha chiamato" not in everything
    assert life.user.password not in everything
    assert [secret for secret in ("client_secret", "token_hash", "argon2") if secret in everything] == []
    assert str(life.conversation.token) not in everything


def test_another_customers_data_is_never_in_it(life: Life, stranger: Any, staff: Any):
    make_profile(stranger)
    write_to_us(stranger, "Il segreto del cedro.")

    own, others = archive_of(life.user), archive_of(stranger)

    words = [name for name in others.namelist() for secret in SECRETS if secret.encode() in others.read(name)]
    assert words == []
    assert [name for name in own.namelist() if b"cedro" in own.read(name) or b"altro@esempio" in own.read(name)] == []
    assert rows(others, "chatbot.Ticket")[0]["subject"] == "Il segreto del cedro."


def test_same_data_gives_the_same_bytes(life: Life):
    files = []
    for _time in range(2):
        file = BytesIO()
        exports.write_export(file, Person.of(life.user))
        files.append(file.getvalue())

    assert files[0] == files[1]


@pytest.mark.parametrize(("language", "heading"), [("it", "I vostri dati presso"), ("en", "Your data at")])
def test_readme_speaks_the_persons_language(language: str, heading: str, customer: Any):
    User.objects.filter(pk=customer.pk).update(language=language)
    customer.refresh_from_db()

    text = archive_of(customer).read("README.txt").decode()

    assert customer.email in text
    assert "data/chatbot-ticket.json" in text
    assert text.startswith(f"{heading} AI Strategy Hub")


def test_files_cannot_leave_the_folder_they_are_unpacked_to():
    names = ["invoices/../../etc/passwd", "/etc/passwd", "tickets/..\\..\\x", "a/./b"]

    assert [exports._safe(name) for name in names] == ["invoices/etc/passwd", "etc/passwd", "tickets/.._.._x", "a/b"]


def test_memory_does_not_grow_with_the_account(customer: Any, staff: Any, folder: Path):
    folder.mkdir()
    for number in range(6):
        ticket = write_to_us(customer, f"Richiesta {number}")
        message = ticket.messages.get()
        message.attachments.create(name="grande.txt", kind="txt", size=2**22, content=os.urandom(2**22))

    tracemalloc.start()
    with (folder / "x.zip").open("wb") as file:
        exports.write_export(file, Person.of(customer))
    _now, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert (folder / "x.zip").stat().st_size > 6 * 2**22
    # a file as the driver brings it, in hexadecimal, and as bytes: three times its size, and never two files at once
    assert most < 5 * 2**22


def test_copy_is_built_in_the_background_and_a_mail_says_when(customer: Any, customer_client: Client):
    response = customer_client.post("/area/dati/copia/")
    waiting = DataExport.objects.get().state

    exports.build_due()

    export = DataExport.objects.get()
    mail = Mail.objects.get(kind="data_export_ready")
    assert (response.status_code, waiting, export.state) == (302, "pending", "done")
    assert export.expires_at - export.ready_at == timedelta(days=7)
    assert export.size == export.path.stat().st_size
    assert (mail.to_email, str(export.reference) in mail.text) == (customer.email, False)


def test_owner_downloads_it_signed_in_and_that_is_recorded(customer: Any, customer_client: Client):
    export = make_export(customer)

    page = customer_client.get("/area/dati/")
    answer = customer_client.get(f"/area/dati/copia/{export.reference}/")

    content = answer.getvalue()
    assert f"/area/dati/copia/{export.reference}/" in page.content.decode()
    assert content == export.path.read_bytes()
    assert (answer["Content-Type"], answer["Cache-Control"]) == ("application/zip", "private, no-store")
    assert answer["Content-Disposition"].startswith("attachment; filename=")
    assert AuditEntry.objects.get(action="user.export_downloaded").actor == customer


@pytest.mark.django_db(transaction=True)
def test_it_is_streamed_by_the_server_too(customer: Any):
    export = make_export(customer)
    client = AsyncClient()
    sign_in(client, customer)

    async def read() -> bytes:
        answer: Any = await client.get(f"/area/dati/copia/{export.reference}/")
        assert answer.is_async
        return b"".join([piece async for piece in answer.streaming_content])

    assert async_to_sync(read)() == export.path.read_bytes()


def test_nobody_else_gets_it(customer: Any, stranger: Any, staff_client: Client):
    export = make_export(customer)
    other = Client()
    sign_in(other, stranger)
    path = f"/area/dati/copia/{export.reference}/"

    answers = [client.get(path).status_code for client in (Client(), other, staff_client)]

    assert answers == [302, 404, 404]
    assert AuditEntry.objects.filter(action="user.export_downloaded").count() == 0


def test_after_a_week_it_is_gone_with_its_file(customer: Any, customer_client: Client):
    export = make_export(customer)
    path = f"/area/dati/copia/{export.reference}/"
    later = timezone.now() + timedelta(days=7, minutes=1)
    DataExport.objects.update(expires_at=timezone.now())
    status = customer_client.get(path).status_code
    os.utime(export.path, (0, 0))

    count = exports.clear_expired(now=later)

    assert (status, count, export.path.exists()) == (404, 1, False)
    assert DataExport.objects.get().state == "expired"
    assert exports.clear_expired(now=later) == 0


def test_sweep_leaves_what_is_ready_or_being_built(customer: Any, stranger: Any, folder: Path):
    export = make_export(customer)
    other = claim_row(DataExport.objects.create(user=stranger, requested_at=timezone.now()))
    part = other.path.with_suffix(".part")
    part.write_bytes(b"x")
    orphan = folder / f"{uuid4()}.zip"
    orphan.write_bytes(b"x")
    for path in (export.path, part, orphan):
        os.utime(path, (0, 0))

    exports.clear_expired(now=timezone.now())

    assert (export.path.exists(), part.exists(), orphan.exists()) == (True, True, False)


def build_at(moment: datetime) -> int:
    with at(moment):
        return exports.build_due()


def test_one_copy_a_day(customer: Any):
    now = timezone.now()
    exports.request_export(user=customer, now=now)

    with pytest.raises(TooManyRequestsError) as refusal:
        exports.request_export(user=customer, now=now + timedelta(hours=20))

    assert refusal.value.retry_after_s == 4 * 3600
    exports.request_export(user=customer, now=now + timedelta(days=1))
    assert DataExport.objects.count() == 2


def test_failed_copy_is_tried_three_times_and_can_be_asked_for_again(customer: Any, folder: Path):
    folder.parent.mkdir(exist_ok=True)
    folder.write_text("a file where the folder should be")
    now = timezone.now()
    exports.request_export(user=customer, now=now)

    counts = [build_at(now + hours * timedelta(hours=1)) for hours in range(4)]

    assert (counts, DataExport.objects.get().state) == ([1, 1, 1, 0], "failed")
    folder.unlink()
    exports.request_export(user=customer, now=now + timedelta(minutes=1))
    build_at(now + timedelta(minutes=1))
    assert sorted(DataExport.objects.values_list("state", flat=True)) == ["done", "failed"]


def test_copy_of_a_killed_worker_is_built_by_the_next(customer: Any):
    now = timezone.now()
    with at(now):
        claim_row(exports.request_export(user=customer, now=now))

    early, late = build_at(now + timedelta(minutes=29)), build_at(now + timedelta(minutes=31))

    assert (early, late, DataExport.objects.get().state) == (0, 1, "done")


def test_api_asks_tells_and_gives(customer: Any, customer_client: Client, api: Callable[..., Any]):
    before = customer_client.get("/api/v1/me/export").status_code
    response = customer_client.post("/api/v1/me/export", content_type="application/json")
    second_response = customer_client.post("/api/v1/me/export", content_type="application/json")
    exports.build_due()

    body = customer_client.get("/api/v1/me/export").json()

    download = customer_client.get(f"/api/v1/me/export/{body['reference']}")
    assert (before, response.status_code, response.json()["state"]) == (404, 202, "pending")
    assert (second_response.status_code, second_response.json()["code"]) == (429, "too_many_requests")
    assert 0 < int(second_response["Retry-After"]) <= 86_400
    assert body["state"] == "done"
    assert zipfile.ZipFile(BytesIO(download.getvalue())).testzip() is None


def test_guests_request_from_before_the_account_is_in_it(customer: Any):
    write_to_us(text="Prima di registrarmi.", guest=tickets.Guest("Giulia", customer.email))

    assert [row["subject"] for row in rows(archive_of(customer), "chatbot.Ticket")] == ["Prima di registrarmi."]


def test_talk_of_two_people_stays_apart(customer: Any, stranger: Any, staff: Any):
    talk(customer, staff)

    assert rows(archive_of(stranger), "chatbot.Message") == []
    assert rows(archive_of(stranger), "chatbot.ModelCall") == []
