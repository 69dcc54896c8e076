"""Customers in the back office: looked at and corrected, never made, deleted or promoted there."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import BillingProfile, User, UserSession
from core.models import AuditEntry
from tests.factories import make_api_session, make_customer, make_profile

pytestmark = pytest.mark.django_db

USERS = "/admin/accounts/user/"
SESSIONS = "/admin/accounts/usersession/"


def change(client: Client, user: User, **values: str) -> Any:
    form = {"first_name": user.first_name, "last_name": user.last_name, "language": "it"}
    formset = {f"billing_profile-{name}_FORMS": "0" for name in ("TOTAL", "INITIAL", "MIN_NUM", "MAX_NUM")}
    return client.post(f"{USERS}{user.pk}/change/", form | formset | values)


@pytest.mark.parametrize("path", [USERS, SESSIONS, f"{USERS}add/"])
def test_back_office_is_for_staff(path: str, client: Client, customer_client: Client):
    guest_response = client.get(path)

    customer_response = customer_client.get(path)

    assert (guest_response.status_code, guest_response["Location"]) == (302, f"/account/accedi/?next={path}")
    assert (customer_response.status_code, customer_response["Location"]) == (302, f"/admin/login/?next={path}")


@pytest.mark.parametrize("rows", [1, 3])
def test_list_of_users_costs_the_same_for_any_length(rows: int, staff_client: Client, django_assert_num_queries: Any):
    for number in range(rows):
        make_profile(make_customer(f"c{number}@esempio.example"))

    with django_assert_num_queries(6):
        page = staff_client.get(USERS)

    assert len(page.context["cl"].result_list) == rows + 1


def test_user_is_found_by_company(staff_client: Client, customer: Any):
    make_profile(customer)

    page = staff_client.get(USERS, {"q": "brandolini s.r.l."})

    assert [user.email for user in page.context["cl"].result_list] == [customer.email]


def test_correction_is_kept_and_recorded_with_its_author(staff: Any, staff_client: Client, customer: Any):
    change(staff_client, customer, first_name="Giulietta", language="en")

    customer.refresh_from_db()
    entry = AuditEntry.objects.get()
    assert (customer.first_name, customer.language) == ("Giulietta", "en")
    assert (entry.action, entry.actor, entry.target) == ("user.changed", staff, f"accounts.user:{customer.pk}")
    assert entry.detail == {"changes": {"first_name": None, "language": ["it", "en"]}}


def test_form_changes_neither_role_nor_access(staff_client: Client, customer: Any):
    wish = {"role": "super_admin", "email": "x@esempio.example", "password": "x", "is_staff": "on", "is_active": ""}

    change(staff_client, customer, **wish)

    before = (customer.email, customer.password)
    customer.refresh_from_db()
    assert (customer.role, customer.is_active, (customer.email, customer.password)) == ("customer", True, before)


@pytest.mark.parametrize("action", ["add/", "%s/delete/"])
def test_nobody_is_made_or_deleted_in_the_back_office(action: str, staff_client: Client, customer: Any):
    path = USERS + (action % customer.pk if "%" in action else action)

    statuses = [staff_client.get(path).status_code, staff_client.post(path, {"post": "yes"}).status_code]

    assert statuses == [403, 403]
    assert User.objects.count() == 2


def test_fiscal_identity_is_shown_and_not_changed(staff_client: Client, customer: Any):
    profile = make_profile(customer)
    names = {"TOTAL": "1", "INITIAL": "1", "MIN_NUM": "0", "MAX_NUM": "1"}
    values = {f"billing_profile-{name}_FORMS": value for name, value in names.items()}
    values |= {"billing_profile-0-id": str(profile.pk), "billing_profile-0-vat_number": "00743110157"}

    response = staff_client.get(f"{USERS}{customer.pk}/change/")
    change(staff_client, customer, **values)

    assert "02764130353" in response.content.decode()
    assert BillingProfile.objects.get().vat_number == "02764130353"


def test_sessions_are_to_be_looked_at_only(staff_client: Client, customer: Any):
    make_api_session(customer)
    session = UserSession.objects.get(user=customer)
    paths = [f"{SESSIONS}add/", f"{SESSIONS}{session.pk}/change/", f"{SESSIONS}{session.pk}/delete/"]

    changelist = staff_client.get(SESSIONS)
    statuses = [staff_client.post(path, {"post": "yes", "user": customer.pk}).status_code for path in paths]

    rows = changelist.context["cl"].result_list
    assert {(row.kind, row.network) for row in rows} == {("api", "192.0.2.0/24"), ("web", "127.0.0.0/24")}
    assert (statuses, UserSession.objects.get(pk=session.pk).user) == ([403, 403, 403], customer)
