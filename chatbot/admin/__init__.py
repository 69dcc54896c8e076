"""The assistant in the back office."""

from chatbot.admin import conversations, documents, tickets

__all__ = ["conversations", "documents", "tickets"]
