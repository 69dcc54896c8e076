"""Celery's door to the assistant. Reading documents is slow work with a queue of its own (CELERY_TASK_ROUTES)."""

from datetime import timedelta

from celery import shared_task
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.sweeps import sweep


@shared_task(name="chatbot.ingest_document")
def ingest_document(*, document_id: int) -> None:
    from chatbot.knowledge import ingest
    from chatbot.models import Document

    document = Document.objects.filter(pk=document_id).first()
    if document:
        ingest.ingest(document=document)


@shared_task(name="chatbot.look_at_page")
def look_at_page(*, page_id: int) -> None:
    from chatbot.knowledge import webpages
    from chatbot.models import WebPage

    page = WebPage.objects.filter(pk=page_id).first()
    if page:
        webpages.look_at(page=page)


@sweep("chatbot.look_at_due_pages", every=timedelta(minutes=10), about=_("Pages of the web are looked at"))
def look_at_due_pages() -> int:
    from chatbot.knowledge import webpages

    return webpages.look_at_due()


@shared_task(name="chatbot.count_words")
def count_words() -> None:
    from chatbot.retrieval import terms

    terms.refresh_counts()


@sweep("chatbot.clear_old_conversations", every=timedelta(hours=1), about=_("Old conversations are deleted"))
def clear_old_conversations() -> int:
    from chatbot.conversations import services as conversations

    return conversations.clear_old_conversations(now=timezone.now())


@sweep("chatbot.group_questions", every=timedelta(minutes=10), about=_("Unanswered questions are grouped"))
def group_questions() -> int:
    from chatbot.knowledge import unanswered

    return unanswered.group_questions(now=timezone.now())


@sweep("chatbot.ingest_due_documents", every=timedelta(minutes=1), about=_("Documents are read"))
def ingest_due_documents() -> int:
    from chatbot.knowledge import ingest

    return ingest.ingest_due()


@sweep("chatbot.watch_tickets", every=timedelta(minutes=1), about=_("Deadlines of requests are watched"))
def watch_tickets() -> int:
    from chatbot.tickets import services as tickets

    now = timezone.now()
    return tickets.alert_staff_of_due(now=now) + tickets.close_resolved(now=now)
