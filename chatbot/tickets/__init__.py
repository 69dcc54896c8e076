"""Requests that a person answers: opened, answered by page, API and mail, and closed."""
