"""Rows of the assistant, by what they are about."""

from chatbot.models.assistant import AssistantVersion, ModelCall, ModelPrice
from chatbot.models.conversations import (
    Citation,
    Conversation,
    ConversationQuerySet,
    Message,
    text_with_about_expression,
)
from chatbot.models.evaluation import EvaluationRun
from chatbot.models.feedback import MessageFeedback
from chatbot.models.knowledge import (
    EMBEDDING_DIMENSIONS,
    Chunk,
    Document,
    DocumentQuerySet,
    Topic,
    WebPage,
    WordCount,
)
from chatbot.models.tickets import (
    IllegalTicketMoveError,
    Ticket,
    TicketAttachment,
    TicketMessage,
    TicketMessageQuerySet,
    TicketQuerySet,
)
from chatbot.models.unanswered import QuestionGroup, QuestionGroupQuerySet, QuestionTrace, QuestionTraceQuerySet

__all__ = [
    "EMBEDDING_DIMENSIONS",
    "AssistantVersion",
    "Chunk",
    "Citation",
    "Conversation",
    "ConversationQuerySet",
    "Document",
    "DocumentQuerySet",
    "EvaluationRun",
    "IllegalTicketMoveError",
    "Message",
    "MessageFeedback",
    "ModelCall",
    "ModelPrice",
    "QuestionGroup",
    "QuestionGroupQuerySet",
    "QuestionTrace",
    "QuestionTraceQuerySet",
    "Ticket",
    "TicketAttachment",
    "TicketMessage",
    "TicketMessageQuerySet",
    "TicketQuerySet",
    "Topic",
    "WebPage",
    "WordCount",
    "text_with_about_expression",
]
