"""The assistant in the back office."""

from chatbot.admin import conversations, documents, feedback

__all__ = ["conversations", "documents", "feedback"]
