"""Celery's door to the assistant. Reading documents is slow work with a queue of its own (CELERY_TASK_ROUTES)."""

from celery import shared_task
from django.utils import timezone


@shared_task(name="chatbot.ingest_document")
def ingest_document(*, document_id: int) -> None:
    from chatbot import ingest
    from chatbot.models import Document

    document = Document.objects.filter(pk=document_id).first()
    if document:
        ingest.ingest(document=document)


@shared_task(name="chatbot.look_at_page")
def look_at_page(*, page_id: int) -> None:
    from chatbot import webpages
    from chatbot.models import WebPage

    page = WebPage.objects.filter(pk=page_id).first()
    if page:
        webpages.look_at(page=page)


@shared_task(name="chatbot.look_at_due_pages")
def look_at_due_pages() -> None:
    from chatbot import webpages

    webpages.look_at_due()


@shared_task(name="chatbot.count_words")
def count_words() -> None:
    from chatbot import words

    words.refresh_counts()


@shared_task(name="chatbot.clear_old_conversations")
def clear_old_conversations() -> None:
    from chatbot import services

    services.clear_old_conversations(now=timezone.now())


@shared_task(name="chatbot.group_questions")
def group_questions() -> None:
    from chatbot import unanswered

    unanswered.group_questions(now=timezone.now())


@shared_task(name="chatbot.ingest_due_documents")
def ingest_due_documents() -> None:
    from chatbot import ingest

    ingest.ingest_due()


@shared_task(name="chatbot.watch_tickets")
def watch_tickets() -> None:
    from chatbot import tickets

    now = timezone.now()
    tickets.alert_staff_of_due(now=now)
    tickets.close_resolved(now=now)
