"""A customer with belongings, and browsers of everybody who may or may not see them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from tests.architecture.belongings import Belongings, make_belongings
from tests.conftest import Control
from tests.factories import make_customer, sign_in


@pytest.fixture
def belongings(customer: Any, stripe_stand_in: Control, settings: Any, tmp_path: Path) -> Belongings:
    settings.MEDIA_ROOT = tmp_path
    return make_belongings(customer)


@pytest.fixture
def client_of(customer: Any) -> Callable[[str], Client]:
    """A new browser of a guest, of the owner of the belongings, of another customer, or of one of the staff's roles."""
    people = {"owner": customer}

    def make_client(role: str) -> Client:
        client = Client()
        if role != "guest":
            if role not in people:
                fields = {} if role == "stranger" else {"role": role}
                people[role] = make_customer(f"{role}@altro.example", **fields)
            sign_in(client, people[role])
        return client

    return make_client
