"""What tests of the core share."""

from typing import Any

import pytest
from django.utils import timezone

from accounts.services import Device, open_api_session

# For what only a real commit shows. With core alone to be emptied afterwards: all tables take three seconds.
COMMITTED = pytest.mark.django_db(transaction=True, available_apps=["core"])


def token_of(user: Any) -> str:
    """An access token of the API."""
    return open_api_session(user=user, device=Device(None, "an app"), now=timezone.now()).access
