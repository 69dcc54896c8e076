"""One row for every table of the back office, each with others it points to, as its list and its page show them."""

from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from typing import Any

from django.apps import apps
from django.db.models import Model
from django.utils import timezone

from accounts.models import AccountErasure, CustomerDocument, DataExport, User, UserSession
from accounts.notices import tell
from billing.models import Category, Order, Payment, Service, StripeEvent
from billing.payments import services as payments
from chatbot import models as chatbot
from chatbot.conversations.feedback import give_feedback
from chatbot.knowledge import ingest
from chatbot.tickets import services as tickets
from core import audit
from core.models import AuditEntry, AuditVerification, ChannelPause, Sweep
from invoicing import models as invoicing
from invoicing.archive.packages import request_package
from invoicing.services import issue_invoice
from notifications.models import Mail
from tests.accounts.documents.papers import share
from tests.factories import make_api_session, make_customer, make_order, make_service
from tests.invoicing.drafts import DAY, make_draft


def make_user(number: int) -> User:
    return make_customer(f"c{number}@esempio.example")


def make_session(number: int) -> UserSession:
    make_api_session(make_user(number))
    return UserSession.objects.latest("created_at")


def make_customer_document(number: int) -> CustomerDocument:
    return share(make_user(number), make_user(number + 10), f"Rapporto {number}")


def make_category(number: int) -> Category:
    names = {"name_it": f"Categoria {number}", "name_en": f"Category {number}"}
    return Category.objects.create(slug=f"c{number}", about_it="Che cosa.", about_en="What.", seal="gdpr", **names)


def make_placed_order(number: int) -> Order:
    return make_order(make_user(number))


def make_event(number: int) -> StripeEvent:
    # as Stripe's ids are: what follows the underscore must not be taken for an escape in an address
    event = {"id": f"evt_{number}F5fAbc", "type": "payment_intent.succeeded"}
    payments.keep_events(events=[event], now=timezone.now())
    return StripeEvent.objects.get(pk=event["id"])


def make_invoice(number: int) -> invoicing.Invoice:
    return issue_invoice(
        draft=make_draft(), customer=make_user(number), reference=f"ORD-2026-0000{number}", language="it",
        today=DAY, now=timezone.now(),
    )  # fmt: skip


def make_payment(number: int, **fields: Any) -> Payment:
    invoice = make_invoice(number)
    order = make_order(invoice.customer)
    return Payment.objects.create(order=order, amount=order.gross_amount, invoice=invoice, **fields)


def make_pec_message(number: int) -> invoicing.PecMessage:
    file = make_invoice(number).current_file()
    return invoicing.PecMessage.objects.create(file=file, message_id=f"<{number}@pec.example>", recipient="a@pec.it")


def make_received_mail(number: int) -> invoicing.ReceivedMail:
    return invoicing.ReceivedMail.objects.create(
        sha256=str(number) * 64, sender="sdi@pec.example", subject=f"Notifica {number}",
        outcome="applied", state="done", next_try_at=None,
        invoice=make_invoice(number), content=b"mail",
    )  # fmt: skip


def make_received_invoice(number: int) -> invoicing.ReceivedInvoice:
    return invoicing.ReceivedInvoice.objects.create(
        mail=make_received_mail(number), file=make_invoice(number + 5).current_file().xml, sdi_identifier=str(number),
        position=1, supplier=f"Fornitore {number}", vat_number="IT02764130353", document_type="TD01",
        number=f"{number}/B", issue_date=DAY, total="244.00", currency="EUR",
    )  # fmt: skip


def make_mailbox(number: int) -> invoicing.Mailbox:
    return invoicing.Mailbox.objects.create(address=f"fatture{number}@pec.example")


def make_package(number: int) -> invoicing.ArchivePackage:
    return request_package(period=f"202{number}")


def make_mail(number: int) -> Mail:
    tell(make_user(number), "password_changed")
    return Mail.objects.latest("pk")


def make_document(number: int) -> chatbot.Document:
    text = f"# Guida {number}\n\nIl testo.".encode()
    return ingest.add_document(
        file=BytesIO(text), name=f"guida-{number}.md", size=len(text), now=timezone.now(),
        title=f"Guida {number}", topic="NIS2", language="it",
    )  # fmt: skip


def make_chunk(number: int) -> chatbot.Chunk:
    values = {"position": 0, "heading": f"Articolo {number}", "text": f"Entro {number} ore.", "language": "it"}
    return chatbot.Chunk.objects.create(document=make_document(number), sha256=str(number) * 64, **values)


def make_price(number: int) -> chatbot.ModelPrice:
    chatbot.ModelPrice.objects.exclude(model__startswith="m-").delete()  # those the product comes with
    return chatbot.ModelPrice.objects.create(model=f"m-{number}", valid_from=DAY)


def make_model_call(number: int) -> chatbot.ModelCall:
    question = chatbot.Message.objects.create(conversation=make_conversation(number), role="question", text="Quante?")
    usage = {"input_tokens": 800, "output_tokens": 100, "cost": "0.0042"}
    return chatbot.ModelCall.objects.create(
        purpose="answer", model=f"m-{number}", question=question, caller="x", topic="GDPR", day=DAY, at=timezone.now(),
        **usage,
    )  # fmt: skip


def make_conversation(number: int) -> chatbot.Conversation:
    return chatbot.Conversation.objects.create(user=make_user(number), caller=str(number))


def make_message(number: int) -> chatbot.Message:
    answer = chatbot.Message.objects.create(
        conversation=make_conversation(number), role="answer", text=f"Entro {number} ore.", outcome="answered"
    )
    chunk = make_chunk(number)
    answer.citations.create(number=1, chunk=chunk, title="Guida", passage=chunk.text, quote=chunk.text)
    return answer


def make_question_group(number: int) -> chatbot.QuestionGroup:
    """Two questions of one meaning that found nothing, in the words of two guests."""
    chunk = make_chunk(number)
    group = chatbot.QuestionGroup.objects.create(created_at=timezone.now())
    for text in (f"Serve il modello {number}?", f"E il modello {number}, serve?"):
        conversation = chatbot.Conversation.objects.create(caller=f"{number}")
        question = conversation.messages.create(role="question", text=text)
        answer = conversation.messages.create(role="answer", text="Niente.", outcome="refused")
        group.typical = group.questions.create(
            question=question, answer=answer, asked_at=timezone.now(), reason="refused", grouped_at=timezone.now(),
            near_chunk=chunk, near_title=f"Guida {number}", near_topic="NIS2", near_score=0.5, near_similarity=0.81,
        )  # fmt: skip
    group.save()
    return group


def make_ticket(number: int) -> chatbot.Ticket:
    conversation = make_conversation(number)
    ticket = tickets.open_from_conversation(
        conversation=conversation, reason="asked", text=f"Domanda {number}", guest=None, now=timezone.now()
    )
    tickets.assign(ticket=ticket, assignee=conversation.user, actor=conversation.user, now=timezone.now())
    ticket.refresh_from_db()
    return ticket


def make_evaluation(number: int) -> chatbot.EvaluationRun:
    scores = {"recall_at_5": 0.9 + number / 100, "mrr_at_10": 0.8, "questions": 2}
    share = {"citation_validity": 1, "answered_from_gold": 0.5, "unanswerable_refused": 1, "answerable_refused": None}
    counts = {"asked": 2, "answered": 1, "refused": 1, "failed": 0, "citations": 3, "cost_eur": 0.01}
    figures = {
        "questions": 2,
        "methods": {name: {"it": scores, "all": scores} for name in ("full_text", "vector", "hybrid")},
        "refusal": {"unanswerable_refused": 0.5, "answerable_refused": 0.0},
        "answers": {**share, **counts, "by_language": {"it": {**share, **counts}}, "failures": [], "invalid": []},
    }
    remark = {"id": "ex-1", "language": "it", "kind": "exact", "question": "Quante?", "what": "missed", "detail": ""}
    return chatbot.EvaluationRun.objects.create(
        at=timezone.now(), name=f"questions-{number}.jsonl", questions_sha256="a" * 64, question_count=2,
        document_count=1, passage_count=3, waiting_count=0, corpus_sha256=str(number) * 64, embedding_model="e5",
        version=chatbot.AssistantVersion.objects.create(note=f"Version {number}"), answer_model="m",
        figures=figures, remarks=[remark],
    )  # fmt: skip


def make_feedback(number: int) -> chatbot.MessageFeedback:
    return give_feedback(
        message=make_message(number), is_helpful=False, reason="wrong", text=f"Manca {number}.", now=timezone.now()
    )


def make_mirror_maker(name: str) -> Callable[[int], Any]:
    """A row of dj-stripe's, as far as the back office shows it."""
    model = apps.get_model("djstripe", name)
    required = {"Charge": {"amount": 1}, "BalanceTransaction": {"amount": 1}, "Event": {"data": {}}}.get(name, {})
    data = {"object": name, "status": "available" if name == "BalanceTransaction" else "succeeded"}

    def make(number: int) -> Any:
        return model.objects.create(id=f"x_{number}F5f", livemode=False, stripe_data=data, **required)

    return make


MIRRORED = ("PaymentIntent", "Charge", "PaymentMethod", "Customer", "BalanceTransaction", "Event")
MAKERS: dict[type[Model], Callable[[int], Any]] = {
    AuditEntry: lambda number: audit.record(action="order.paid", actor=make_user(number)),
    AuditVerification: lambda _number: audit.verify(now=timezone.now()),
    ChannelPause: lambda number: ChannelPause.objects.create(
        name=f"channel-{number}", since=timezone.now(), until=timezone.now(), reason="login refused"
    ),
    Sweep: lambda number: Sweep.objects.create(name=f"tests.sweep_{number}", every=timedelta(minutes=number)),
    User: make_user,
    UserSession: make_session,
    DataExport: lambda number: DataExport.objects.create(user=make_user(number), requested_at=timezone.now()),
    AccountErasure: lambda number: AccountErasure.objects.create(
        user=make_user(number), confirmed_at=timezone.now(), due_at=timezone.now()
    ),
    CustomerDocument: make_customer_document,
    Category: make_category,
    Service: lambda number: make_service(f"servizio-{number}"),
    Order: make_placed_order,
    Payment: make_payment,
    StripeEvent: make_event,
    invoicing.Invoice: make_invoice,
    invoicing.Document: lambda number: make_invoice(number).current_file().xml,
    invoicing.PecMessage: make_pec_message,
    invoicing.ReceivedMail: make_received_mail,
    invoicing.ReceivedInvoice: make_received_invoice,
    invoicing.Mailbox: make_mailbox,
    invoicing.ArchivePackage: make_package,
    Mail: make_mail,
    chatbot.Document: make_document,
    chatbot.AssistantVersion: lambda number: chatbot.AssistantVersion.objects.create(note=f"Version {number}"),
    chatbot.ModelPrice: make_price,
    chatbot.ModelCall: make_model_call,
    chatbot.WebPage: lambda number: chatbot.WebPage.objects.create(url=f"https://example.com/{number}"),
    chatbot.Chunk: make_chunk,
    chatbot.Conversation: make_conversation,
    chatbot.Message: make_message,
    chatbot.Ticket: make_ticket,
    chatbot.QuestionGroup: make_question_group,
    chatbot.MessageFeedback: make_feedback,
    chatbot.EvaluationRun: make_evaluation,
    **{apps.get_model("djstripe", name): make_mirror_maker(name) for name in MIRRORED},
}
