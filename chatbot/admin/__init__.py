"""The assistant in the back office."""

from chatbot.admin import conversations, documents

__all__ = ["conversations", "documents"]
