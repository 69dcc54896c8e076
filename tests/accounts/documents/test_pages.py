"""The customer's pages of documents: what is new, sending, opening, downloading, deleting, and nobody else's."""

import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client, RequestFactory

from accounts.documents import services
from accounts.models import CustomerDocument, DocumentVersion
from core.models import AuditEntry
from tests.accounts.documents.papers import CONTENT, NOW, REPORT, files, fresh, paper, replace, share, upload
from tests.factories import make_order, sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("folder")]
PAGE = "/area/documenti/"


def path_of(document: CustomerDocument, version: int = 0) -> str:
    return f"{PAGE}{document.reference}/" + (f"versioni/{version}/" if version else "")


def words(answer: Any) -> str:
    """The text of a page, without its tags."""
    text = re.sub(r"<[^>]+>", " ", answer.content.decode()).replace("&#x27;", "’")
    return " ".join(text.replace("\N{NO-BREAK SPACE}", " ").split())


def send(client: Client, name: str = "organigramma.txt", content: bytes = CONTENT, **values: str) -> Any:
    return client.post(PAGE, {"file": paper(name, content), "note": "", **values})


def test_empty_page_says_what_comes_here_and_how_to_send(customer_client: Client):
    page = words(customer_client.get(PAGE))

    assert "Ancora nessun documento" in page
    assert "fino a 10 MB. Usate 0 bytes di 200 MB e 0 file su 100." in page


def test_file_is_sent_and_stands_in_the_list(customer: Any, customer_client: Client):
    answer = send(customer_client, note="Il nostro organigramma.")

    page = customer_client.get(PAGE)
    document = CustomerDocument.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, PAGE)
    assert "“organigramma.txt” è arrivato." in words(page)
    assert "organigramma.txt Voi 2" in words(page)
    assert (document.customer, document.note) == (customer, "Il nostro organigramma.")


def test_double_click_sends_once_and_says_so(customer_client: Client):
    send(customer_client)

    send(customer_client)

    assert CustomerDocument.objects.count() == 1
    assert "c’era già: lo stesso file si conserva una volta sola." in words(customer_client.get(PAGE))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.exe", b"MZ", "Accettiamo questi tipi di file: DOC, DOCX, GIF, JPEG, JPG, MD, PDF, PNG, TXT, WEBP."),
        ("a.pdf", b"MZ", "Il contenuto non è quello di un file PDF."),
        ("a.txt", b"a" * (1024 * 1024 + 1), "Il file supera 1 MB. Riducetelo o dividetelo e inviatelo di nuovo."),
        ("a.txt", b"", "Il file è vuoto. Sceglietene un altro."),
    ],
)
def test_refusal_stands_beside_the_file_and_the_note_is_kept(
    customer_client: Client, settings: Any, name: str, content: bytes, message: str
):
    settings.MAX_UPLOAD_SIZE_MB = 1

    answer = send(customer_client, name, content, note="La nota resta.")

    page = answer.content.decode()
    assert (answer.status_code, CustomerDocument.objects.count(), files()) == (400, 0, [])
    assert re.search(r'id="id_file_error"[^>]*>(.*?)</', page, re.DOTALL)
    assert page.count(message) == 2  # beside the field, and above the form with a link to it
    assert "La nota resta." in page


def test_file_far_too_large_is_refused_by_its_size_and_never_whole_on_our_disk(
    customer_client: Client, settings: Any, tmp_path: Path
):
    settings.MAX_UPLOAD_SIZE_MB, settings.FILE_UPLOAD_TEMP_DIR = 3, str(tmp_path)
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 1024
    request = RequestFactory().post(PAGE, {"file": paper("a.txt", b"a" * 9 * 1024**2)})

    with request.FILES["file"] as file:
        sizes = (file.size, len(file.read()))
    answer = send(customer_client, "a.txt", b"a" * 9 * 1024**2)

    assert sizes == (9 * 1024**2, 3 * 1024**2)
    assert (answer.status_code, "Il file supera 3 MB." in words(answer), files()) == (400, True, [])


def test_file_of_just_the_size_is_taken_from_the_disk(customer_client: Client, settings: Any):
    settings.MAX_UPLOAD_SIZE_MB, settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 3, 1024

    answer = send(customer_client, "a.txt", b"a" * 3 * 1024**2)

    assert (answer.status_code, files()[0].stat().st_size) == (302, 3 * 1024**2)


def test_form_without_a_file_says_what_to_do(customer_client: Client):
    answer = customer_client.post(PAGE, {"note": "Senza file."})

    assert (answer.status_code, "Scegliete un file." in words(answer)) == (400, True)


def test_no_more_room_says_how_to_make_some(customer: Any, customer_client: Client, settings: Any):
    settings.DOCUMENTS_MAX_FILES = 1
    upload(customer, "a.txt")

    answer = send(customer_client)

    assert (answer.status_code, CustomerDocument.objects.count()) == (400, 1)
    assert "Avete inviato 1 file, il massimo per cui c’è posto." in words(answer)


def test_too_many_in_a_short_time_are_refused_in_words(customer_client: Client):
    statuses = [send(customer_client, f"{number}.txt").status_code for number in range(31)]

    assert statuses == [302] * 30 + [429]


def test_session_that_ended_meanwhile_keeps_nothing_and_leads_back(client: Client):
    answer = client.post(PAGE, {"file": paper()}, headers={"referer": f"http://testserver{PAGE}"}, follow=True)

    assert answer.redirect_chain[-1][0] == f"/account/accedi/?next={PAGE}"
    assert "La sessione era scaduta e non è stato fatto nulla." in words(answer)
    assert files() == []


def test_what_is_new_is_counted_on_every_page_of_the_area(customer: Any, customer_client: Client, staff: Any):
    document = share(customer, staff)
    share(customer, staff, "Registro")
    upload(customer)

    pages = [words(customer_client.get(path)) for path in ("/area/", PAGE, "/area/ordini/")]
    customer_client.get(path_of(document))

    assert [bool(re.search(r"Documenti Nuovi: 2 ", page)) for page in pages] == [True] * 3
    assert "Ci sono 2 nuovi documenti per voi." in pages[0]
    assert re.search(r"Documenti Nuovi: 1 ", words(customer_client.get("/area/")))


def test_home_names_what_is_new_until_it_is_opened(customer: Any, customer_client: Client, staff: Any):
    document = share(customer, staff)

    before = customer_client.get("/area/")
    customer_client.get(path_of(document))
    after = words(customer_client.get("/area/"))

    assert f'href="{path_of(document)}"' in before.content.decode()
    assert "C’è un nuovo documento per voi." in words(before)
    assert "Rapporto NIS2" not in after


def test_page_of_a_delivery_has_every_version_and_marks_it_read(customer: Any, customer_client: Client, staff: Any):
    document = share(customer, staff, note="A voce domani.")
    replace(document, staff, b"Due.")

    page = customer_client.get(path_of(document))

    text = words(page)
    assert [text.count(word) for word in ("Nuovo", "A voce domani.", "versione 2", "versione 1")] == [1, 1, 1, 1]
    assert re.findall(r"/versioni/(\d)/", page.content.decode()) == ["2", "1"]
    assert not fresh(document).is_new
    assert "Letto" in words(customer_client.get(path_of(document)))


def test_link_of_a_mail_leads_through_the_login_to_the_document(customer: Any, staff: Any, client: Client):
    document = share(customer, staff)

    answer = client.get(path_of(document))

    assert answer["Location"] == f"/account/accedi/?next={path_of(document)}"


def test_download_is_the_file_as_it_came_and_never_shown_in_place(customer: Any, customer_client: Client):
    document = upload(customer, "Perché.txt")

    answer = customer_client.get(path_of(document, 1))

    assert (answer.getvalue(), answer["Content-Type"]) == (CONTENT, "text/plain; charset=utf-8")
    assert answer["Content-Disposition"] == "attachment; filename*=utf-8''Perch%C3%A9.txt"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert answer["Cache-Control"] == "private, no-store"
    entry = AuditEntry.objects.latest("pk")
    assert (entry.action, entry.actor, entry.detail) == ("customerdocument.downloaded", customer, {"version": 1})


def test_downloading_marks_read_too(customer: Any, customer_client: Client, staff: Any):
    document = share(customer, staff)

    assert customer_client.get(path_of(document, 1)).getvalue() == REPORT

    assert not fresh(document).is_new


def test_nobody_else_sees_downloads_or_deletes_it(customer: Any, stranger: Any, staff_client: Client):
    own = upload(customer)
    other = Client()
    sign_in(other, stranger)
    paths = [path_of(own), path_of(own, 1), f"{PAGE}{uuid4()}/"]

    statuses = [client.get(path).status_code for client in (other, staff_client) for path in paths]
    statuses += [client.post(f"{path_of(own)}elimina/").status_code for client in (other, staff_client)]

    assert statuses == [404] * 8
    assert (len(files()), AuditEntry.objects.filter(action="customerdocument.downloaded").count()) == (1, 0)
    assert "organigramma" not in words(other.get(PAGE))


def test_version_of_another_document_is_none_of_this_one(customer: Any, customer_client: Client, staff: Any):
    one, two = share(customer, staff), share(customer, staff, "Registro")
    replace(two, staff, b"Due.")

    assert [customer_client.get(path_of(one, version)).status_code for version in (2, 0x10000, 10**30)] == [404] * 3


def test_own_upload_is_deleted_until_somebody_has_opened_it(
    customer: Any, customer_client: Client, staff: Any, django_capture_on_commit_callbacks: Any
):
    one, two = upload(customer, "uno.txt"), upload(customer, "due.txt")
    services.open_file(document=two, number=1, actor=staff, now=NOW)

    with django_capture_on_commit_callbacks(execute=True):
        for document in (one, two):
            customer_client.post(f"{path_of(document)}elimina/")

    page = words(customer_client.get(PAGE))
    assert list(CustomerDocument.objects.all()) == [two]
    assert files() == [two.newest().path]
    assert "“uno.txt” è eliminato." in page
    assert "Abbiamo già aperto questo file, perciò resta." in page
    assert "L’abbiamo aperto il 24 novembre 2026" in words(customer_client.get(path_of(two)))


def test_withdrawn_document_is_gone_and_its_link_says_why(customer: Any, customer_client: Client, staff: Any):
    document = share(customer, staff)
    services.withdraw_document(document=document, actor=staff, now=NOW)

    answers = [customer_client.get(path_of(document)), customer_client.get(path_of(document, 1))]

    assert [answer.status_code for answer in answers] == [410, 404]
    assert "Questo documento è stato ritirato" in words(answers[0])
    assert "Rapporto NIS2" not in words(answers[0]) + words(customer_client.get(PAGE))


def test_file_that_is_missing_is_said_to_be_our_fault(customer: Any, customer_client: Client):
    document = upload(customer)
    files()[0].unlink()

    answer = customer_client.get(path_of(document, 1))

    assert (answer.status_code, "Il file manca da parte nostra." in words(answer)) == (404, True)
    assert DocumentVersion.objects.without_file().count() == 1


def test_order_leads_to_its_page(customer: Any, customer_client: Client, staff: Any):
    order = make_order(customer)
    document = share(customer, staff, order_number=order.number)

    assert f'href="/area/ordini/{order.number}/"' in customer_client.get(path_of(document)).content.decode()


def test_title_is_no_markup(customer: Any, customer_client: Client, staff: Any):
    document = share(customer, staff, "<b>Rapporto</b> & altro", note="<script>")

    for path in (PAGE, "/area/", path_of(document)):
        page = customer_client.get(path).content.decode()
        assert "<b>Rapporto" not in page
        assert "&lt;b&gt;Rapporto&lt;/b&gt; &amp; altro" in page


def test_pages_of_a_long_list_have_twenty_each(customer: Any, customer_client: Client, folder: Path):
    for number in range(21):
        upload(customer, f"{number}.txt")

    pages = [customer_client.get(PAGE, {"pagina": number}).context["page"] for number in (1, 2)]

    assert [len(page) for page in pages] == [20, 1]
