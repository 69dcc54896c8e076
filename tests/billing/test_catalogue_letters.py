"""A service's name becomes a line of an invoice, and is refused where no invoice could carry it."""

import pytest
from django.core.exceptions import ValidationError

from tests.factories import make_service

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("field", ["name_it", "name_en"])
def test_name_in_another_alphabet_is_refused_beside_its_field(field):
    service = make_service()
    setattr(service, field, "Курс NIS2")

    with pytest.raises(ValidationError) as refusal:
        service.full_clean()

    assert refusal.value.message_dict == {
        field: ["Usate lettere latine: la fattura elettronica non ammette altri alfabeti."]
    }


def test_name_with_signs_that_are_written_otherwise_is_taken():
    service = make_service()
    service.name_it = "Audit “AI Act” – da 5.000 €"

    service.full_clean()
