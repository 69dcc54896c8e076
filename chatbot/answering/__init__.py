"""Answers: from a question to cited words on a stream, and what guards, pays and limits them."""
