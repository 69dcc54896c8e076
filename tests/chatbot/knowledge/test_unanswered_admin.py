"""Unanswered questions in the back office: the list, a group with its questions, an article, a note; and who looked."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from chatbot.models import Conversation, Document, Message, QuestionGroup, QuestionTrace
from core.models import AuditEntry
from tests.config.rows import MAKERS

pytestmark = pytest.mark.django_db

LIST = "/admin/chatbot/questiongroup/"
ARTICLE = {"question": "Serve il modello?", "answer": "Sì, il modello serve.", "topic": "NIS2", "language": "it"}


@pytest.fixture
def group() -> QuestionGroup:
    return MAKERS[QuestionGroup](1)


def page_of(group: QuestionGroup, name: str = "change") -> str:
    return reverse(f"admin:chatbot_questiongroup_{name}", args=[group.pk])


def list_groups(client: Client, query: str = "") -> list[QuestionGroup]:
    return list(client.get(LIST + query).context["cl"].result_list)


def audited(action: str) -> list[tuple[Any, str]]:
    return [(entry.actor, entry.target) for entry in AuditEntry.objects.filter(action=action)]


def one_more(group: QuestionGroup, text: str) -> QuestionTrace:
    question = Conversation.objects.create(caller="x").messages.create(role="question", text=text)
    now = timezone.now()
    return group.questions.create(question=question, asked_at=now, grouped_at=now, reason="refused")


def test_list_names_each_group_by_its_typical_question_with_size_and_what_came_near(
    group: QuestionGroup, staff_client: Client
):
    page = staff_client.get(LIST).content.decode()

    assert "E il modello 1, serve?" in page
    assert "Guida 1" in page
    assert list_groups(staff_client)[0].question_count == 2  # type: ignore[attr-defined]


def test_biggest_group_comes_first_and_the_newest_can(staff_client: Client):
    small, big, newest = (MAKERS[QuestionGroup](number) for number in (1, 2, 3))
    one_more(big, "E ancora il modello?")
    QuestionTrace.objects.filter(group=newest).update(asked_at=timezone.now() + timedelta(minutes=1))
    QuestionTrace.objects.filter(group=small).update(asked_at=timezone.now().replace(year=2025))

    assert list_groups(staff_client) == [big, newest, small]
    assert list_groups(staff_client, "?o=2") == [small, big, newest]
    assert list_groups(staff_client, "?o=-2") == [newest, big, small]


def test_empty_list_opens(staff_client: Client):
    assert list_groups(staff_client) == []


def test_group_without_its_typical_question_is_called_by_another(group: QuestionGroup, staff_client: Client):
    assert group.typical
    group.typical.question.delete()

    page_text = staff_client.get(page_of(group)).content.decode()

    assert "Serve il modello 1?" in page_text
    assert "E il modello 1, serve?" not in page_text


def test_group_whose_questions_are_all_deleted_still_opens(group: QuestionGroup, staff_client: Client):
    Conversation.objects.all().delete()

    page = staff_client.get(page_of(group))

    assert (page.status_code, list_groups(staff_client)) == (200, [])


def test_page_shows_each_question_and_leads_to_its_conversation(group: QuestionGroup, staff_client: Client):
    page = staff_client.get(page_of(group)).content.decode()

    for question in Message.objects.filter(role="question"):
        assert question.text in page
        assert reverse("admin:chatbot_conversation_change", args=[question.conversation_id]) in page
    assert f"/admin/chatbot/chunk/{QuestionTrace.objects.earliest('pk').near_chunk_id}/change/" in page
    assert "0,810" in page


def test_what_people_asked_is_no_markup(group: QuestionGroup, staff_client: Client):
    trace = one_more(group, "<script>alert(1)</script> e il modello?")
    QuestionGroup.objects.filter(pk=group.pk).update(typical=trace)

    pages = [staff_client.get(page).content.decode() for page in (LIST, page_of(group), page_of(group, "mark_done"))]

    assert ["<script>alert" in page for page in pages] == [False] * 3
    assert all("&lt;script&gt;alert(1)" in page for page in pages)


def test_opening_is_recorded_without_what_was_asked(group: QuestionGroup, staff: Any, staff_client: Client):
    staff_client.get(LIST)
    staff_client.get(page_of(group))

    assert audited("questiongroup.opened") == [(staff, f"chatbot.questiongroup:{group.pk}")]


@pytest.mark.parametrize("model", [Conversation, Message])
def test_opening_a_conversation_or_a_message_is_recorded(model: Any, staff: Any, staff_client: Client):
    row = MAKERS[model](1)
    name = model._meta.model_name

    staff_client.get(reverse(f"admin:chatbot_{name}_change", args=[row.pk]))
    staff_client.get(reverse(f"admin:chatbot_{name}_change", args=[row.pk + 1]))

    assert audited(f"{name}.opened") == [(staff, f"chatbot.{name}:{row.pk}")]


def test_done_with_a_note_leaves_the_list_and_says_who_and_when(group: QuestionGroup, staff: Any, staff_client: Client):
    confirmation = staff_client.get(page_of(group, "mark_done"))
    untouched = list_groups(staff_client)

    staff_client.post(page_of(group, "mark_done"), {"note": "È nella guida nuova."})

    group.refresh_from_db()
    assert (confirmation.status_code, untouched) == (200, [group])
    assert (group.note, group.done_by, group.done_at is not None) == ("È nella guida nuova.", staff, True)
    lists = [list_groups(staff_client, query) for query in ("", "?state=done", "?state=all")]
    assert lists == [[], [group], [group]]
    assert audited("questiongroup.done") == [(staff, f"chatbot.questiongroup:{group.pk}")]
    assert "È nella guida nuova." in staff_client.get(page_of(group)).content.decode()


def test_buttons_are_there_until_somebody_is_done_and_again_with_one_more(group: QuestionGroup, staff_client: Client):
    def buttons() -> set[str]:
        links = re.findall(
            r'href="/admin/[^"]+/(mark_done|write_article)/?"', staff_client.get(page_of(group)).content.decode()
        )
        return set(links)

    before = buttons()
    staff_client.post(page_of(group, "mark_done"), {"note": "Fatto."})
    after = buttons()
    one_more(group, "E il modello 1?")

    assert (before, after, buttons()) == ({"mark_done", "write_article"}, set(), {"mark_done", "write_article"})
    assert list_groups(staff_client) == [group]


def test_article_form_begins_with_question_topic_and_language(group: QuestionGroup, staff_client: Client):
    form = staff_client.get(page_of(group, "write_article")).context["form"]

    assert form.initial == {"question": "E il modello 1, serve?", "topic": "NIS2", "language": "it"}


def test_article_becomes_a_document_and_the_group_is_done(group: QuestionGroup, staff: Any, staff_client: Client):
    staff_client.post(page_of(group, "write_article"), ARTICLE)

    group.refresh_from_db()
    document = Document.objects.get(title="Serve il modello?")
    assert (group.article, group.done_by, list_groups(staff_client)) == (document, staff, [])
    assert audited("questiongroup.made_article") == [(staff, f"chatbot.questiongroup:{group.pk}")]
    assert (
        reverse("admin:chatbot_document_change", args=[document.pk])
        in staff_client.get(page_of(group)).content.decode()
    )


def test_article_with_an_address_in_it_is_refused_and_what_was_written_stays(
    group: QuestionGroup, staff_client: Client
):
    page = staff_client.post(page_of(group, "write_article"), ARTICLE | {"answer": "Chiedete a mario@posta.example."})

    assert "Chiedete a mario@posta.example." in page.content.decode()
    assert (list_groups(staff_client), Document.objects.filter(title="Serve il modello?").count()) == ([group], 0)


def test_customers_and_guests_see_and_do_nothing(group: QuestionGroup, customer_client: Client):
    pages = [LIST, page_of(group), page_of(group, "mark_done"), page_of(group, "write_article")]

    for client in (customer_client, Client()):
        assert [client.get(page).status_code for page in pages] == [302] * 4
        assert [client.post(page, ARTICLE | {"note": "x"}).status_code for page in pages] == [302] * 4

    group.refresh_from_db()
    assert (group.done_at, group.article, AuditEntry.objects.filter(action__startswith="questiongroup").count()) == (
        None,
        None,
        0,
    )


def test_group_that_is_not_there_leads_nowhere(staff_client: Client):
    assert staff_client.post("/admin/chatbot/questiongroup/0/mark_done/", {"note": "x"}).status_code == 404


def test_overview_counts_the_groups_to_answer_and_leads_to_them(group: QuestionGroup, staff: Any, staff_client: Client):
    done = MAKERS[QuestionGroup](2)
    QuestionGroup.objects.filter(pk=done.pk).update(done_at=timezone.now(), done_by=staff)

    tiles = staff_client.get("/admin/").context["alarms"]

    [tile] = [tile for tile in tiles if tile["url"].startswith(LIST)]
    assert tile["figure"] == 1
    assert list_groups(staff_client, tile["url"].removeprefix(LIST)) == [group]


def test_two_hundred_groups_cost_as_many_queries_as_one(group: QuestionGroup, staff_client: Client):
    staff_client.get(LIST)
    with CaptureQueriesContext(connection) as for_one:
        staff_client.get(LIST)
    chunk = QuestionTrace.objects.filter(group=group).earliest("pk").near_chunk
    conversation, now = Conversation.objects.create(caller="x"), timezone.now()
    groups = QuestionGroup.objects.bulk_create(QuestionGroup(created_at=now) for _number in range(200))
    questions = Message.objects.bulk_create(
        Message(conversation=conversation, role="question", text=f"Domanda {number}?") for number in range(200)
    )
    traces = QuestionTrace.objects.bulk_create(
        QuestionTrace(question=question, group=each, asked_at=now, grouped_at=now, reason="refused", near_chunk=chunk,
                      near_title="Guida")
        for question, each in zip(questions, groups, strict=True)
    )  # fmt: skip
    for each, trace in zip(groups, traces, strict=True):
        each.typical = trace
    QuestionGroup.objects.bulk_update(groups, ["typical"])

    with CaptureQueriesContext(connection) as for_many:
        page = staff_client.get(LIST)

    assert (page.context["cl"].result_count, len(page.context["cl"].result_list)) == (201, 50)
    assert len(for_many) == len(for_one)


def test_group_of_many_questions_shows_the_newest_hundred(group: QuestionGroup, staff_client: Client):
    staff_client.get(page_of(group))
    with CaptureQueriesContext(connection) as for_two:
        staff_client.get(page_of(group))
    for number in range(120):
        one_more(group, f"Domanda {number}?")

    with CaptureQueriesContext(connection) as for_many:
        page = staff_client.get(page_of(group)).content.decode()

    assert ("Domanda 119?" in page, "Domanda 19?" in page) == (True, False)
    assert len(for_many) == len(for_two)
