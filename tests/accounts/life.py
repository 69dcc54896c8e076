"""A customer who has done everything that leaves a trace, and a look into every table for what is left of them."""

from dataclasses import dataclass
from datetime import timedelta

from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts import links
from accounts.login import devices, pipeline, sessions
from accounts.login.origin import Origin
from accounts.models import User
from accounts.privacy import erasure
from billing.models import Order
from billing.ordering import services as billing
from billing.payments import services as payments
from chatbot.conversations.feedback import give_feedback
from chatbot.knowledge.unanswered import keep_trace
from chatbot.models import Chunk, Conversation, Message, ModelCall, Ticket
from chatbot.models.knowledge import EMBEDDING_DIMENSIONS
from chatbot.tickets import services as tickets
from core import audit
from invoicing.courtesy_copy import tell_customer
from invoicing.models import Invoice
from tests.accounts.documents.papers import share, upload
from tests.authenticator import set_up_app
from tests.chatbot.desk import hand_over, make_conversation, text_file, write_to_us
from tests.conftest import Control
from tests.factories import make_order, sign_in
from tests.invoicing.drafts import DAY
from tests.stripe_browser import confirm, deliver

# What only the person can have brought, in words, mails, files and addresses.
SECRETS = ("giulia@brandolini.example", "Ferrante", "mirtillo", "lampone", "198.51.100.0/24", "Firefox di Giulia")
FISCAL = "Officine Brandolini"
WEEK = timedelta(days=7)
DATA = "/area/dati/"
ELIMINATE = "/area/dati/elimina/"


@dataclass
class Life:
    """What a test wants to look at afterwards."""

    user: User
    order: Order
    cancelled: Order
    invoice: Invoice
    conversation: Conversation
    ticket: Ticket


def live(user: User, stripe: Control, staff: User) -> Life:
    """Orders, an invoice, a conversation, tickets, sessions and mails, all of them at their end."""
    cancelled, order = buy(user, stripe, staff)
    conversation, ticket = talk(user, staff)
    upload(user, "lampone.txt", b"mirtillo", note="Il mio mirtillo.")
    share(user, staff, "Rapporto per Ferrante", note="Gentile Ferrante, ecco.")
    origin = Origin("198.51.100.0/24", "Firefox di Giulia")
    sessions.open_api_session(user=user, origin=origin, now=timezone.now())
    set_up_app(user)
    pipeline.begin(user=user, kind="web", origin=origin, now=timezone.now())
    devices.remember(user=user, kind="web", origin=origin, now=timezone.now())
    links.request_link(email=user.email, purpose="reset", now=timezone.now())
    links.send_due()
    sign_in(Client(), user)
    service = order.lines.get().service
    billing.add_to_cart(cart=None, user=user, service=service)
    audit.seal()
    return Life(user, order, cancelled, Invoice.objects.get(customer=user), conversation, ticket)


def buy(user: User, stripe: Control, staff: User) -> tuple[Order, Order]:
    """An order that was cancelled, and one that was paid, invoiced and completed."""
    now = timezone.now()
    cancelled = make_order(user)
    payments.prepare_payment(order=cancelled)
    payments.cancel_order(order=cancelled, actor=user, now=now)
    order = make_order(user)
    confirm(payments.prepare_payment(order=order).client_secret)
    deliver(stripe)
    payments.process_due_events()
    payments.invoice_due()
    order.refresh_from_db()
    for status in (Order.Status.PROCESSING, Order.Status.COMPLETED):
        billing.advance_order(order=order, status=status, actor=staff, now=now)
        order.refresh_from_db()
    Invoice.objects.filter(customer=user).update(state=Invoice.State.DELIVERED)
    tell_customer(invoice=Invoice.objects.get(customer=user))
    return cancelled, order


def fresh(user: User) -> User:
    return User.objects.get(pk=user.pk)


def erase(user: User) -> None:
    assert erasure.erase_account(user=user, now=timezone.now())


def talk(user: User, staff: User) -> tuple[Conversation, Ticket]:
    """A conversation that became a ticket, and a request from before there was an account."""
    now = timezone.now()
    conversation = make_conversation(user)
    question = conversation.messages.get(role="question")
    Message.objects.filter(pk=question.pk).update(text="Vale per il mio mirtillo?")
    answer = conversation.messages.get(role="answer")
    answer.citations.create(number=1, chunk=Chunk.objects.first(), title="Guida", passage="Sì.", quote="Sì.")
    keep_trace(question=question, answer=answer, vector=[0.5] * EMBEDDING_DIMENSIONS, best=None)
    give_feedback(message=answer, is_helpful=False, reason="wrong", text="E il lampone?", now=now)
    ModelCall.objects.create(
        purpose="answer", model="m", question=question, caller=f"user {user.pk}", cost="0.01", day=DAY, at=now
    )
    ticket = hand_over(conversation, "Il mio mirtillo è in allegato.")
    tickets.answer_as_customer(
        ticket=ticket, text="Ecco il lampone", author=user, now=now, files=[text_file("lampone.txt", b"mirtillo")]
    )
    tickets.add_note(ticket=ticket, text="Ferrante ha chiamato.", actor=staff, now=now)
    tickets.answer_as_staff(ticket=ticket, text="Gentile Ferrante, sì.", actor=staff, now=now)
    before = write_to_us(text="Un mirtillo.", guest=tickets.Guest("Giulia Ferrante", user.email))
    for each in (ticket, before):
        tickets.resolve_as_customer(ticket=each, actor=None, now=now)
        each.refresh_from_db()
    return conversation, ticket


def traces(*words: str) -> dict[str, set[str]]:
    """In which tables each word still stands, as text or within bytes, whoever the table belongs to."""
    tables: dict[str, set[str]] = {word: set() for word in words}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            for word in words:
                in_bytes = word.encode().hex()
                cursor.execute(
                    f'SELECT count(*) FROM "{table}" AS row WHERE row::text ILIKE %s OR row::text LIKE %s',
                    [f"%{word}%", f"%{in_bytes}%"],
                )
                if cursor.fetchone()[0]:
                    tables[word].add(table)
    return tables
