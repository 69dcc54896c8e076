"""Thumbs: one for each answer of one's own, changeable, with a reason when they point down; and the queue they fill."""

import json
from typing import Any

import pytest
from django.test import AsyncClient, Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from chatbot.conversations import feedback
from chatbot.conversations.feedback import AlreadyReviewedError
from chatbot.models import Conversation, Document, Message, MessageFeedback
from core.models import AuditEntry
from tests.chatbot.stream import (
    FOREIGN,
    call_until_refused,
    client_of,
    get_conversation,
    get_problem,
    post_question,
    send,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("embedder")]


def door(reference: Any) -> str:
    return f"/api/v1/chat/messages/{reference}/feedback"


def answer_to(client: AsyncClient) -> str:
    """The reference of a fresh answer."""
    return str(post_question(client, FOREIGN)[-1][1]["reference"])


def test_verdict_is_kept_and_shown_again(guest: AsyncClient):
    reference = answer_to(guest)

    response, body = send(
        guest, "POST", door(reference), {"helpful": False, "reason": "incomplete", "text": " Manca la data.\0 "}
    )

    verdict = {"helpful": False, "reason": "incomplete", "text": "Manca la data."}
    assert (response.status_code, json.loads(body)) == (200, {**verdict, "offer_person": False})
    assert [message["feedback"] for message in get_conversation(guest)["messages"]] == [None, verdict]


def test_last_word_counts_and_is_to_be_reviewed_anew(guest: AsyncClient, staff: User):
    reference = answer_to(guest)
    send(guest, "POST", door(reference), {"helpful": False, "reason": "wrong", "text": "No."})
    feedback.review(feedback=MessageFeedback.objects.get(), note="Guardato", actor=staff, now=timezone.now())

    send(guest, "POST", door(reference), {"helpful": True, "reason": "wrong", "text": "No."})

    row = MessageFeedback.objects.get()
    assert (row.is_helpful, row.reason, row.text, row.reviewed_at, row.note) == (True, "", "", None, "")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "verdict_missing"),
        ({"helpful": "no"}, "verdict_missing"),
        ({"helpful": 1}, "verdict_missing"),
        ([], "verdict_missing"),
        ({"helpful": False, "reason": "boring"}, "reason_unknown"),
        ({"helpful": False, "reason": 7}, "reason_unknown"),
        ({"helpful": False, "reason": []}, "reason_unknown"),
        ({"helpful": False, "text": "è" * 1_001}, "comment_too_long"),
    ],
)
def test_what_is_no_verdict_is_refused(body: Any, code: str, guest: AsyncClient):
    assert get_problem(guest, "POST", door(answer_to(guest)), body) == (400, code)
    assert MessageFeedback.objects.count() == 0


def test_comment_of_exactly_the_allowed_length_is_taken(guest: AsyncClient):
    send(guest, "POST", door(answer_to(guest)), {"helpful": False, "reason": "other", "text": "è" * 1_000})

    assert MessageFeedback.objects.get().text == "è" * 1_000


@pytest.mark.parametrize("who", ["guest", "stranger", "other conversation"])
def test_others_answers_are_not_there(who: str, customer: User, stranger: User):
    owner = client_of(customer)
    reference = answer_to(owner)
    other = {"guest": AsyncClient(), "stranger": client_of(stranger)}.get(who) or client_of(customer)
    if who == "other conversation":
        answer_to(other)
    else:
        other.cookies["conversation"] = owner.cookies["conversation"].value

    assert get_problem(other, "POST", door(reference), {"helpful": True}) == (404, "not_found")
    assert MessageFeedback.objects.count() == 0


def test_question_is_nothing_to_judge(guest: AsyncClient):
    answer_to(guest)

    assert get_problem(guest, "POST", door(Message.objects.get(role="question").reference), {"helpful": True})[0] == 404


def test_other_sites_cannot_judge_with_the_visitors_cookies(customer: User):
    owner = client_of(customer)
    reference = answer_to(owner)
    owner.handler.enforce_csrf_checks = True

    assert get_problem(owner, "POST", door(reference), {"helpful": True}) == (403, "csrf")
    assert MessageFeedback.objects.count() == 0


def test_second_answer_that_did_not_help_offers_a_person(guest: AsyncClient):
    first, second = answer_to(guest), answer_to(guest)

    offers = [
        json.loads(send(guest, "POST", door(reference), {"helpful": False})[1])["offer_person"]
        for reference in (first, first, second)
    ]

    assert offers == [False, False, True]


def test_feedback_is_limited(guest: AsyncClient):
    reference = answer_to(guest)

    codes = call_until_refused(lambda: send(guest, "POST", door(reference), {"helpful": True})[0].status_code, most=200)

    assert (codes[:20], codes[-1]) == ([200] * 20, 429)


def test_feedback_goes_with_its_conversation(guest: AsyncClient):
    send(guest, "POST", door(answer_to(guest)), {"helpful": True})

    Conversation.objects.all().delete()

    assert MessageFeedback.objects.count() == 0


def make_feedback(guest: AsyncClient) -> MessageFeedback:
    send(guest, "POST", door(answer_to(guest)), {"helpful": False, "reason": "wrong", "text": "No."})
    return MessageFeedback.objects.latest("pk")


def test_reviewing_keeps_the_note_and_the_person(guest: AsyncClient, staff: User, staff_client: Client):
    row = make_feedback(guest)

    staff_client.post(reverse("admin:chatbot_messagefeedback_mark_reviewed", args=[row.pk]), {"note": "Corretto."})

    row.refresh_from_db()
    assert (row.note, row.reviewed_by, row.reviewed_at is not None) == ("Corretto.", staff, True)
    assert AuditEntry.objects.get(action="messagefeedback.reviewed").actor == staff


def test_customers_and_guests_review_nothing(guest: AsyncClient, customer_client: Client):
    row = make_feedback(guest)
    button = reverse("admin:chatbot_messagefeedback_mark_reviewed", args=[row.pk])

    statuses = [client.post(button, {"note": "x"}).status_code for client in (customer_client, Client())]

    row.refresh_from_db()
    assert (statuses, row.reviewed_at) == ([302, 302], None)


def test_asking_for_the_button_reviews_nothing(guest: AsyncClient, staff_client: Client):
    row = make_feedback(guest)

    page = staff_client.get(reverse("admin:chatbot_messagefeedback_mark_reviewed", args=[row.pk]))

    row.refresh_from_db()
    assert (page.status_code, row.reviewed_at) == (200, None)


def test_second_reviewer_is_told(guest: AsyncClient, staff: User):
    row = make_feedback(guest)
    feedback.review(feedback=row, note="", actor=staff, now=timezone.now())

    with pytest.raises(AlreadyReviewedError):
        feedback.review(feedback=row, note="altro", actor=staff, now=timezone.now())

    row.refresh_from_db()
    assert row.note == ""


def test_queue_shows_what_waits_and_leads_to_the_conversation(guest: AsyncClient, staff: User, staff_client: Client):
    done, waiting = make_feedback(guest), make_feedback(guest)
    feedback.review(feedback=done, note="", actor=staff, now=timezone.now())
    listing = reverse("admin:chatbot_messagefeedback_changelist")

    pages = {state: staff_client.get(listing, {"reviewed": state}) for state in ("no", "yes")}
    page_text = staff_client.get(reverse("admin:chatbot_messagefeedback_change", args=[waiting.pk])).content.decode()

    assert {state: list(page.context["cl"].result_list) for state, page in pages.items()} == {
        "no": [waiting], "yes": [done],
    }  # fmt: skip
    assert reverse("admin:chatbot_conversation_change", args=[waiting.message.conversation_id]) in page_text
    assert FOREIGN in page_text


def test_article_written_from_the_queue_ends_the_feedback(guest: AsyncClient, staff: User, staff_client: Client):
    reference = answer_to(guest)
    send(guest, "POST", door(reference), {"helpful": False, "reason": "incomplete"})
    row = MessageFeedback.objects.get()
    page = reverse("admin:chatbot_messagefeedback_write_article", args=[row.pk])

    initial = staff_client.get(page).context["form"].initial
    error_page = staff_client.post(
        page, {"question": "Chi?", "answer": "Scrivete a mario@posta.example.", "topic": "GDPR", "language": "it"}
    )
    waits = MessageFeedback.objects.get().reviewed_at is None
    staff_client.post(page, {"question": "Chi notifica?", "answer": "Il titolare.", "topic": "GDPR", "language": "it"})

    row.refresh_from_db()
    document = Document.objects.get(title="Chi notifica?")
    assert initial == {"question": FOREIGN, "topic": "GENERAL", "language": "it"}
    assert ("mario@posta.example" in error_page.content.decode(), waits) == (True, True)
    assert (row.reviewed_by, row.note, document.name) == (staff, "Chi notifica?", f"feedback-{row.pk}.it.md")
    assert AuditEntry.objects.filter(action="messagefeedback.made_article").count() == 1
