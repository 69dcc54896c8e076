"""The assistant in the back office."""

from chatbot.admin import assistant, conversations, documents, tickets

__all__ = ["assistant", "conversations", "documents", "tickets"]
