"""The assistant in the back office."""

from chatbot.admin import assistant, conversations, documents, evaluation, feedback, tickets, unanswered

__all__ = ["assistant", "conversations", "documents", "evaluation", "feedback", "tickets", "unanswered"]
