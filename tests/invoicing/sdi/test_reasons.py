"""Why a received mail waits for somebody, in the language of whoever reads it."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation
from django.utils.text import capfirst
from django.utils.translation import gettext

from invoicing.models import ReceivedMail
from invoicing.sdi.reasons import Reason, describe, in_words
from tests.factories import sign_in
from tests.invoicing.flow import Post, receive
from tests.invoicing.suppliers import FILE, delivery

UNREADABLE = f"{FILE} is no invoice we can read"


def read(text: str, language: str, outcome: str = "foreign") -> str:
    with translation.override(language):
        return in_words(ReceivedMail(reason=text, outcome=outcome))


@pytest.mark.parametrize("reason", Reason)
def test_each_reason_reads_in_both_languages(reason: Reason):
    values = {name: f"x {name}: (y)" for name in re.findall(r"%\((\w+)\)s", reason)}
    stored = describe(reason, **values)

    with translation.override("it"):
        italian = gettext(reason)
    assert italian != reason
    assert read(stored, "it") == capfirst(italian % values)
    assert read(stored, "en") == capfirst(stored)


@pytest.mark.parametrize(
    ("stored", "italian"),
    [
        ("The envelope is not signed.", "La busta non è firmata."),
        (
            "The envelope is signed for another address than altro@pec.example.",
            "La busta è firmata per un indirizzo diverso da altro@pec.example.",
        ),
        (
            "The envelope is signed by Ada Neri, whom we do not trust: a key of 512 bits",
            "La busta è firmata da Ada Neri, di cui non ci fidiamo: una chiave di 512 bit",
        ),
        (
            f"{UNREADABLE}: a document cannot be read: its total is NaN",
            f"{FILE} non è una fattura leggibile: un documento non è leggibile: il totale è NaN",
        ),
        (
            f"{UNREADABLE}: not a FatturaPA document",
            f"{FILE} non è una fattura leggibile: non è un documento FatturaPA",
        ),
        (
            f"{UNREADABLE}: Line 3, column 7 has a sign that is not of the file’s encoding: save the file as UTF-8.",
            (f"{FILE} non è una fattura leggibile: Alla riga 3, colonna 7 c’è un carattere estraneo alla codifica del "
            "file: salvate il file in UTF-8."),
        ),
        ("validation failed: words of a library", "Validation failed: words of a library"),
        ("La busta non è firmata.", "La busta non è firmata."),
        ("", ""),
    ],
)  # fmt: skip
def test_sentences_within_sentences_read_in_italian(stored: str, italian: str):
    assert read(stored, "it") == capfirst(italian)


def test_reason_that_was_cut_reads_as_far_as_it_goes():
    stored = describe(Reason.NO_SUCH_MESSAGE, message_id="<" + "x" * 400)
    cut = ("The envelope is signed for another address than " + "a" * 400)[:300]

    assert (len(stored), read(stored, "it")[:30]) == (300, "Nessun nostro messaggio è <xxx")
    assert read(cut, "it").startswith("La busta è firmata per un indirizzo diverso da aaa")


def test_supplier_stands_as_they_are_called():
    assert read("not a certified mail", "it", outcome="supplier") == "not a certified mail"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("it", f"{FILE} non è una fattura leggibile: non è un documento FatturaPA"),
        ("en", f"{FILE} is no invoice we can read: not a FatturaPA document"),
    ],
)
def test_staff_read_the_reason_in_their_language(language: str, words: str, post: Post, staff: Any):
    row = receive(delivery(post, b"<a/>"))
    staff.language = language
    staff.save(update_fields=["language"])
    client = Client(headers={"Accept-Language": language})
    sign_in(client, staff)

    pages = [
        client.get(path).content.decode()
        for path in (
            reverse("admin:index"),
            reverse("admin:invoicing_receivedmail_changelist"),
            reverse("admin:invoicing_receivedmail_change", args=[row.pk]),
        )
    ]

    assert [words in page for page in pages] == [True] * 3


@pytest.mark.django_db
def test_reason_is_stored_in_english_whoever_reads_the_mailbox(post: Post):
    with translation.override("it"):
        row = receive(delivery(post, b"no xml"))

    assert row.reason.startswith(f"{UNREADABLE}: This is not well-formed XML (line 1, column 1)")


@pytest.mark.django_db
def test_mail_is_labelled_as_mails_are(post: Post, staff_client: Client):
    row = receive(delivery(post, b"<a/>"))

    page = staff_client.get(reverse("admin:invoicing_receivedmail_change", args=[row.pk])).content.decode()

    labels = re.findall(r"<label[^>]*>\s*([^<]+?)\s*</label>", page)
    assert [label in labels for label in ("Oggetto", "Gestita da", "SHA-256", "Materia")] == [True, True, True, False]
