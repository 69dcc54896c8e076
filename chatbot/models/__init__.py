"""Rows of the assistant, by what they are about."""

from chatbot.models.conversations import Citation, Conversation, ConversationQuerySet, Message
from chatbot.models.feedback import MessageFeedback
from chatbot.models.knowledge import (
    EMBEDDING_DIMENSIONS,
    LEASE,
    Chunk,
    Document,
    DocumentQuerySet,
    Topic,
    WebPage,
    WordCount,
)

__all__ = [
    "EMBEDDING_DIMENSIONS",
    "LEASE",
    "Chunk",
    "Citation",
    "Conversation",
    "ConversationQuerySet",
    "Document",
    "DocumentQuerySet",
    "Message",
    "MessageFeedback",
    "Topic",
    "WebPage",
    "WordCount",
]
