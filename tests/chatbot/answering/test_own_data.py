"""A customer asks about their own orders and invoices: the model reads with tools that see that person's rows alone."""

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from chatbot.answering import own_data
from chatbot.answering.events import Cite
from chatbot.conversations import services as conversations
from tests.chatbot.embedder import Embedder
from tests.chatbot.talk import BREACH, learn, run_answer
from tests.conftest import Control
from tests.factories import make_order
from tests.invoicing.flow import issue

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("A che punto è il mio ordine?", True),
        ("La mia fattura è arrivata?", True),
        ("Dove trovo la mia ultima fattura?", True),
        ("What is the state of my order?", True),
        ("Che cosa contiene ORD-2026-00012?", True),
        ("È stata consegnata la fattura 2026/00007?", True),
        ("Quando va emessa una fattura elettronica?", False),
        ("Entro quante ore notifico una violazione?", False),
    ],
)
def test_question_about_ones_own_is_known(question: str, expected: bool, customer: Any):
    assert own_data.is_about_own(question, customer) is expected
    assert own_data.is_about_own(question, AnonymousUser()) is False
    assert own_data.is_about_own(question, None) is False


def test_tool_reads_ones_own_rows_alone(customer: Any, stranger: Any):
    own_order, other = make_order(customer), make_order(stranger)

    everything = own_data.run("find_orders", {}, customer, "it")
    other_rows = own_data.run("find_orders", {"number": other.number}, customer, "it")

    assert [row.reference for row in everything] == [own_order.number]
    assert [(row.reference, row.text) for row in other_rows] == [
        ("orders", "Non c’è un ordine così nel vostro account.")
    ]
    assert everything[0].url == own_order.get_absolute_url()


NOTHING = {
    "find_orders": "Non c’è un ordine così nel vostro account.",
    "find_invoices": "Non c’è una fattura così nel vostro account.",
}


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("delete_orders", {}),
        ("find_orders", None),
        ("find_orders", {"number": 7}),
        ("find_orders", {"number": "' OR 1=1 --"}),
        ("find_invoices", {"number": "x" * 5_000}),
        ("find_orders", ["ORD-2026-00001"]),
    ],
)
def test_tool_called_wrongly_gives_nothing_of_others(name: str, arguments: Any, customer: Any, stranger: Any):
    make_order(stranger)

    rows = own_data.run(name, arguments, customer, "it")

    assert [row.text for row in rows] == ([] if name == "delete_orders" else [NOTHING[name]])


@pytest.mark.parametrize("nobody", [None, AnonymousUser()])
def test_guest_reads_nothing_not_even_an_invoice_without_an_account(nobody: Any):
    issue(customer=None)

    rows = own_data.run("find_invoices", {}, nobody, "it")

    assert [row.text for row in rows] == [NOTHING["find_invoices"]]


def test_rows_speak_the_language_of_the_question(customer: Any):
    order = make_order(customer)

    [row] = own_data.run("find_orders", {}, customer, "en")

    assert row.title == f"Your order {order.number}"
    assert "State: awaiting payment." in row.text


@pytest.mark.django_db(transaction=True)
def test_customer_is_told_how_far_the_order_is(embedder: Embedder, claude: Control, customer: Any, stranger: Any):
    learn(BREACH)
    own_order, other = make_order(customer), make_order(stranger)
    values = {"text": "A che punto è il mio ordine?", "token": None, "user": customer, "language": "it"}
    question = conversations.ask(**values, network="192.0.2.7", now=timezone.now())

    events, row = run_answer(question)

    [cite] = [event for event in events if isinstance(event, Cite)]
    assert (row.outcome, cite.url, cite.chunk_id) == ("answered", own_order.get_absolute_url(), None)
    assert own_order.number in cite.title
    assert row.citations.get().url == own_order.get_absolute_url()
    assert other.number not in row.text
    assert question.model_calls.filter(purpose="answer", is_settled=True).count() == 2
