"""The language of whoever is answered now."""

from django.utils.translation import get_language


def current_language() -> str:
    """Its code; Italian where none is active, as in a worker."""
    return get_language() or "it"
