"""Every mail in both languages: what it must say, where its links may lead, and that a name cannot become markup."""

import re
from datetime import UTC, date, datetime
from html import unescape
from typing import Any

import pytest
import time_machine

from accounts.models import AccountErasure, CustomerDocument, DataExport, DocumentVersion
from accounts.notices import NOTICES
from billing.models import Order, Payment
from chatbot.models import Ticket
from chatbot.tickets.mails import NEWS
from core.models import AuditVerification
from core.privacy import Blocker, DataCategory, Line, Outcome
from invoicing.models import Invoice, Mailbox, ReceivedMail
from invoicing.sdi.alerts import REASONS
from notifications.models import Mail
from notifications.services import Recipient, notify
from tests.factories import make_order

SITE = "https://hub.example"
BACK_OFFICE = f"{SITE}/gestione/invoicing/invoice/7/change/"
LINK = f"{SITE}/account/verifica/5Yx-token_with.signs/"
SUBJECTS = {
    ("verify_email", "it"): "Conferma il tuo indirizzo e-mail",
    ("verify_email", "en"): "Confirm your e-mail address",
    ("already_registered", "it"): "Hai già un account",
    ("already_registered", "en"): "You already have an account",
    ("reset_password", "it"): "Imposta una nuova password",
    ("reset_password", "en"): "Set a new password",
    ("account_locked", "it"): "Qualcuno ha provato a entrare nel tuo account",
    ("account_locked", "en"): "Somebody tried to get into your account",
    ("security_notice", "it"): "La tua password è stata cambiata",
    ("security_notice", "en"): "Your password has been changed",
    ("order_received", "it"): "Abbiamo ricevuto il tuo ordine {order}",
    ("order_received", "en"): "We have received your order {order}",
    ("payment_received", "it"): "Pagamento ricevuto per l’ordine {order}",
    ("payment_received", "en"): "Payment received for order {order}",
    ("invoice_ready", "it"): "La tua fattura 2026/00042 è disponibile",
    ("invoice_ready", "en"): "Your invoice 2026/00042 is available",
    ("invoice_attention", "it"): "La fattura 2026/00042 richiede attenzione",
    ("invoice_attention", "en"): "Invoice 2026/00042 needs somebody",
    ("pec_attention", "it"): "2 e-mail PEC richiedono attenzione",
    ("pec_attention", "en"): "2 PEC mails need somebody",
    ("audit_broken", "it"): "Il registro delle operazioni non torna",
    ("audit_broken", "en"): "The audit trail does not fit",
    ("pec_unreachable", "it"): "La casella PEC non si legge",
    ("pec_unreachable", "en"): "The PEC mailbox cannot be read",
    ("ticket_opened", "it"): "Abbiamo ricevuto la tua richiesta TKT-2026-00007",
    ("ticket_opened", "en"): "Your request TKT-2026-00007 is with us",
    ("ticket_answered", "it"): "Una risposta alla tua richiesta TKT-2026-00007",
    ("ticket_answered", "en"): "An answer to your request TKT-2026-00007",
    ("ticket_attention", "it"): "Richiesta TKT-2026-00007: Il cliente ha risposto.",
    ("ticket_attention", "en"): "Ticket TKT-2026-00007: The customer has answered.",
    ("document_shared", "it"): "Un documento per te: Rapporto <NIS2> & altro",
    ("document_shared", "en"): "A document for you: Rapporto <NIS2> & altro",
    ("document_uploaded", "it"): "Un cliente ha inviato documenti",
    ("document_uploaded", "en"): "A customer has sent documents",
    ("data_export_ready", "it"): "La copia dei tuoi dati è pronta",
    ("data_export_ready", "en"): "The copy of your data is ready",
    ("erasure_link", "it"): "Conferma l’eliminazione del tuo account",
    ("erasure_link", "en"): "Confirm that your account is to be deleted",
    ("erasure_scheduled", "it"): "Il tuo account sarà eliminato dopo il 25 novembre 2026",
    ("erasure_scheduled", "en"): "Your account will be deleted after 25 November 2026",
    ("erasure_blocked", "it"): "Il tuo account non può ancora essere eliminato",
    ("erasure_blocked", "en"): "Your account cannot be deleted yet",
    ("account_erased", "it"): "Il tuo account è stato eliminato",
    ("account_erased", "en"): "Your account has been deleted",
}
WEEK_OVER = datetime(2026, 11, 25, 9, 42, tzinfo=UTC)
INVOICES = DataCategory("Fatture e note di credito", Outcome.KEPT, "Dieci anni (art. 2220 c.c.).")
WORDS = "Entro <venerdì> & non oltre."  # as a person writes them
TITLE = "Rapporto <NIS2> & altro"
KINDS = sorted({kind for kind, _language in SUBJECTS})
each_mail = pytest.mark.parametrize(("kind", "language"), sorted(SUBJECTS))


@pytest.fixture(autouse=True)
def site(settings: Any) -> None:
    settings.SITE_URL = SITE


@pytest.fixture
def order(customer: Any) -> Order:
    return make_order(customer)


def make_payment(order: Order) -> Payment:
    at = datetime(2026, 11, 18, 9, 42, tzinfo=UTC)
    return Payment(order=order, amount=order.gross_amount, card="Visa 4242", succeeded_at=at)


def invoice_of(order: Order, state: str = Invoice.State.DELIVERED) -> Invoice:
    sums = {name: getattr(order, name) for name in ("net_amount", "vat_amount", "gross_amount")}
    return Invoice(
        number="2026/00042", issue_date=date(2026, 11, 18), reference=order.number, document_type="TD01", state=state,
        **order.fiscal_values(), **sums,
    )  # fmt: skip


def ticket() -> Ticket:
    due = datetime(2026, 11, 18, 17, 42, tzinfo=UTC)
    return Ticket(
        number="TKT-2026-00007", reason="asked", guest_name="Mario Rossi", guest_email="mario@posta.example",
        first_response_due_at=due,
    )  # fmt: skip


def pec_mails() -> list[ReceivedMail]:
    rows = (("cancelleria@giustizia.example", "Notifica di un atto", "foreign"), ("", "Atto & altro", "quarantined"))
    return [
        ReceivedMail(sender=sender, subject=subject, outcome=outcome, received_at=WEEK_OVER)
        for sender, subject, outcome in rows
    ]


def context_of(kind: str, order: Order) -> dict[str, Any]:
    return {
        "verify_email": {"link": LINK, "hours": 24},
        "already_registered": {},
        "reset_password": {"link": LINK, "hours": 1},
        "security_notice": {"notice": NOTICES["password_changed"], "facts": {}},
        "account_locked": {"link": LINK, "hours": 1},
        "order_received": {"order": order, "lines": list(order.lines.all())},
        "payment_received": {"order": order, "payment": make_payment(order)},
        "invoice_ready": {"invoice": invoice_of(order)},
        "invoice_attention": {
            "invoice": invoice_of(order, Invoice.State.REJECTED), "reason": REASONS["rejected"],
            "words": "00311 Codice destinatario non valido", "page": BACK_OFFICE,
        },
        "pec_attention": {"mails": pec_mails(), "count": 2, "more": 0, "page": BACK_OFFICE},
        "audit_broken": {
            "verification": AuditVerification(
                at=WEEK_OVER, count=4321, broken_count=2, first_broken=1234, is_cut=True, position=4330
            ),
            "page": BACK_OFFICE,
        },
        "pec_unreachable": {
            "mailbox": Mailbox(address="fatture@pec.example", last_error="timed out", failing_since=WEEK_OVER),
            "page": BACK_OFFICE,
        },
        "ticket_opened": {"ticket": ticket(), "link": LINK},
        "ticket_answered": {"ticket": ticket(), "link": LINK, "answer": WORDS, "resolved": False},
        "ticket_attention": {"ticket": ticket(), "news": NEWS["customer_answered"], "page": BACK_OFFICE},
        "document_shared": {
            "document": CustomerDocument(title=TITLE, order_number=order.number), "version": DocumentVersion(number=1),
            "link": LINK,
        },
        "document_uploaded": {"page": BACK_OFFICE},
        "data_export_ready": {"export": DataExport(expires_at=WEEK_OVER)},
        "erasure_link": {"link": LINK, "hours": 1},
        "erasure_scheduled": {"erasure": AccountErasure(due_at=WEEK_OVER)},
        "erasure_blocked": {"blockers": [Blocker(f"Ordine {order.number} da pagare.")]},
        "account_erased": {"kept": [Line(INVOICES, 2)]},
    }[kind]  # fmt: skip


def facts_of(kind: str, order: Order, language: str) -> list[str]:
    """What a mail of this kind is for, as it must stand in both of its parts."""
    total = {"it": "4.758,00\N{NO-BREAK SPACE}€", "en": "€4,758.00"}[language]
    page = f"{SITE}/area/ordini/{order.number}/"
    return {
        "verify_email": [LINK, "24 or" if language == "it" else "24 hours"],
        "already_registered": [f"{SITE}/account/accedi/", f"{SITE}/account/nuova-password/"],
        "account_locked": [LINK, "1 ora" if language == "it" else "1 hour."],
        "reset_password": [LINK, "1 ora" if language == "it" else "1 hour."],
        "security_notice": ["giulia@brandolini.example", f"{SITE}/account/nuova-password/"],
        "order_received": [
            order.number, page, "1 × Readiness NIS2", "Officine Brandolini S.r.l.", total, f"{SITE}/note-legali/terms/",
        ],
        "payment_received": [order.number, page, "Visa 4242", "Officine Brandolini S.r.l.", total],
        "invoice_ready": [
            "2026/00042", f"{SITE}/area/fatture/2026/00042/", order.number, "Officine Brandolini S.r.l.", total,
        ],
        "invoice_attention": [
            "2026/00042", BACK_OFFICE, "00311 Codice destinatario non valido", "Officine Brandolini S.r.l.", total,
        ],
        "pec_attention": [
            BACK_OFFICE, "cancelleria@giustizia.example", "Notifica di un atto", "Atto & altro",
            "non attendibile" if language == "it" else "not trusted",
        ],
        "audit_broken": [BACK_OFFICE, "4321", "1234", "4330", "25 "],
        "pec_unreachable": [BACK_OFFICE, "fatture@pec.example", "timed out", "25 "],
        "ticket_opened": ["TKT-2026-00007", LINK, "18"],
        "ticket_answered": ["TKT-2026-00007", LINK, WORDS],
        "ticket_attention": ["TKT-2026-00007", BACK_OFFICE],
        "document_shared": [TITLE, order.number, LINK],
        "document_uploaded": [BACK_OFFICE],
        "data_export_ready": [f"{SITE}/area/dati/", "25 "],
        "erasure_link": [LINK, "1 ora" if language == "it" else "1 hour."],
        "erasure_scheduled": [f"{SITE}/area/dati/", "25 "],
        "erasure_blocked": [f"Ordine {order.number} da pagare.", f"{SITE}/area/"],
        "account_erased": ["Fatture e note di credito (2)", "Dieci anni (art. 2220 c.c.)."],
    }[kind]  # fmt: skip


def send(kind: str, order: Order, language: str = "it", *, name: str = "Giulia Ferrante", **context: Any) -> Mail:
    to = Recipient("giulia@brandolini.example", name, language, order.user)
    return notify(to=to, kind=kind, context=context_of(kind, order) | context)


@each_mail
def test_subject_is_one_exact_line(order: Order, kind: str, language: str):
    mail = send(kind, order, language)

    assert mail.subject == SUBJECTS[kind, language].format(order=order.number)


@each_mail
def test_both_parts_name_the_facts_and_the_person(order: Order, kind: str, language: str):
    mail = send(kind, order, language)

    expected = [*facts_of(kind, order, language), "Giulia Ferrante", "assistenza@aish.example"]
    assert [fact for fact in expected if fact not in mail.text] == []
    assert [fact for fact in expected if fact not in unescape(mail.html)] == []


@each_mail
def test_nothing_of_the_template_is_left_over(order: Order, kind: str, language: str):
    mail = send(kind, order, language)

    for part in (mail.subject, mail.text, mail.html):
        assert re.findall(r"\{\{|\}\}|\{%|%\}|%\(|\bNone\b", part) == []
    text = mail.text.replace(WORDS, "").replace("Atto & altro", "").replace(TITLE, "")
    assert "<" not in text
    assert "&" not in text
    assert "\n\n\n" not in mail.text


@each_mail
def test_links_lead_home_only_and_nothing_is_loaded(order: Order, kind: str, language: str):
    mail = send(kind, order, language)

    addresses = re.findall(r"""(?:https?:)?//[^\s"'<>]+""", mail.text + mail.html)
    assert {address for address in addresses if not address.startswith(f"{SITE}/") and address != SITE} == set()
    assert re.findall(r"<(?:img|link|script|iframe)\b|\bsrc=|url\(|@import", mail.html) == []


@each_mail
def test_links_of_the_text_stand_on_lines_of_their_own(order: Order, kind: str, language: str):
    mail = send(kind, order, language)

    lines = [line for line in mail.text.splitlines() if "://" in line]
    assert [line for line in lines if not re.fullmatch(r"https://hub\.example\S*", line)] == []


@each_mail
def test_html_says_its_language_and_has_a_preheader(order: Order, kind: str, language: str):
    mail = send(kind, order, language)

    assert mail.html.count(f'lang="{language}"') == 2
    preheader = re.search(r"mso-hide:all;\">(.+?)</div>", mail.html, re.DOTALL)
    assert preheader
    assert preheader[1].strip() != ""


@pytest.mark.parametrize("kind", KINDS)
def test_script_in_a_name_is_inert(order: Order, kind: str):
    mail = send(kind, order, name="<script>alert(1)</script> & Figli")

    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; Figli" in mail.html
    assert "<script" not in mail.html
    assert "Gentile <script>alert(1)</script> & Figli," in mail.text


@pytest.mark.parametrize("kind", ["order_received", "payment_received", "invoice_ready", "invoice_attention"])
def test_script_in_a_company_name_is_inert(customer: Any, kind: str):
    order = make_order(customer)
    order.company_name = '<img src=x onerror="alert(1)"> & C.'

    mail = send(kind, order)

    assert "&lt;img src=x onerror=&quot;alert(1)&quot;&gt; &amp; C." in mail.html
    assert "<img" not in mail.html
    assert '<img src=x onerror="alert(1)"> & C.' in mail.text


@pytest.mark.parametrize(("language", "greeting"), [("it", "Buongiorno,"), ("en", "Good day,")])
def test_person_without_a_name_is_greeted_all_the_same(order: Order, language: str, greeting: str):
    mail = send("already_registered", order, language, name="")

    assert mail.text.splitlines()[0] == greeting
    assert greeting in mail.html


@pytest.mark.parametrize(
    ("event", "subject", "sentence"),
    [
        ("password_changed", "Your password has been changed", "Every session opened before has ended."),
        ("session_replayed", "We have ended a session of your account", "Somebody may have copied it"),
        ("erasure_cancelled", "Your account stays", "has been called off: everything stays as it is."),
        ("role_changed", "You have another role in the back office", "Every session opened before has ended"),
        ("role_removed", "You no longer have a role in the back office", "Your account is a customer’s now."),
    ],
)
def test_security_notice_tells_what_happened_and_when(order: Order, event: str, subject: str, sentence: str):
    with time_machine.travel(datetime(2026, 11, 18, 9, 42, tzinfo=UTC), tick=False):
        mail = send("security_notice", order, "en", notice=NOTICES[event])

    assert mail.subject == subject
    for part in (mail.text, mail.html):
        assert sentence in part
        assert "18 November 2026, 10:42" in part


@pytest.mark.parametrize(
    ("state", "text", "absent_text"),
    [
        (Invoice.State.DELIVERED, "has delivered the invoice to the channel given for it", "tax drawer"),
        (Invoice.State.MADE_AVAILABLE, "tax drawer (cassetto fiscale), in the reserved area", "has delivered"),
    ],
)
def test_invoice_mail_says_where_the_original_is(order: Order, state: str, text: str, absent_text: str):
    mail = send("invoice_ready", order, "en", invoice=invoice_of(order, state))

    for part in (mail.text, mail.html):
        assert text in part
        assert absent_text not in part
        assert "The PDF is a courtesy copy: the XML is the invoice." in part


@pytest.mark.parametrize("is_paid", [True, False])
def test_invoice_mail_calls_paid_only_what_is_paid(order: Order, is_paid: bool):
    invoice = invoice_of(order)
    if is_paid:
        make_payment(order).invoice = invoice

    mail = send("invoice_ready", order, "en", invoice=invoice)

    assert ("It is already paid" in mail.text) is is_paid
    assert ("It is already paid" in mail.html) is is_paid


def test_mail_of_a_new_version_says_which(order: Order):
    mail = send("document_shared", order, "en", version=DocumentVersion(number=3))

    assert mail.subject == f"A new version of “{TITLE}”"
    assert "Version: 3\n" in mail.text
    assert "There is a new version of a document in your area." in mail.text


def test_order_mail_shows_vat_on_its_own_line(order: Order):
    mail = send("order_received", order)

    lines = mail.text.replace("\N{NO-BREAK SPACE}", " ").splitlines()
    start = lines.index("Imponibile: 3.900,00 €")
    assert lines[start : start + 3] == ["Imponibile: 3.900,00 €", "IVA 22 %: 858,00 €", "Totale: 4.758,00 €"]


def test_payment_mail_gives_the_time_in_rome(order: Order):
    mail = send("payment_received", order)

    assert "Pagato il: 18 novembre 2026, 10.42".casefold() in mail.text.casefold()
    assert "18 novembre 2026, 10.42" in mail.html.casefold()
