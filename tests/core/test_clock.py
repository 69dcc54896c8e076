"""The database's clock, whatever this process's says."""

from datetime import timedelta

import pytest
from django.utils import timezone

from core.clock import database_now, database_today
from tests import clock

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("days", [-400, 3])
def test_clock_of_the_process_moves_nothing(days: int):
    real = timezone.now()

    with clock.at(real + timedelta(days=days)):
        now, today = database_now(), database_today()

    assert abs(now - real) < timedelta(minutes=1)
    assert today == timezone.localdate(now)


def test_it_goes_on_within_a_transaction():
    assert database_now() < database_now()
