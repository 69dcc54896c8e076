"""Conversations: who asks and goes on with which, the doors they come through, and what people think of answers."""
