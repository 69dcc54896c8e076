"""Giving roles and closing accounts: by whom, to whom, and never to the last super administrator."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts import staff
from accounts.login.origin import Origin
from accounts.models import User, UserSession
from accounts.privacy import erasure
from accounts.roles import Role
from core.errors import DomainError, InvalidInputError
from core.models import AuditEntry
from notifications.models import Mail
from tests.factories import PASSWORD, make_api_session, make_customer, sign_in

pytestmark = pytest.mark.django_db


def make_person(role: str, name: str = "") -> User:
    return make_customer(f"{name or role}@aish.example", role=role)


def assign(user: User, role: str, actor: User, reason: str = "duties") -> User:
    return staff.assign_role(user=user, role=role, reason=reason, actor=actor, now=timezone.now())


def role_page(user: User) -> str:
    return f"/admin/accounts/user/{user.pk}/assign_role/"


def enter_as(user: User) -> Client:
    client = Client()
    sign_in(client, user)
    return client


def test_new_role_is_audited_mailed_and_ends_every_session(customer: Any):
    boss = make_person("admin")
    page = enter_as(customer)
    make_api_session(customer)

    assign(customer, "support", boss, reason="joined")

    customer.refresh_from_db()
    entry = AuditEntry.objects.get(action="user.role_changed")
    mail = Mail.objects.get()
    assert (customer.role, customer.is_staff, customer.is_superuser) == ("support", True, False)
    assert (entry.actor, entry.target) == (boss, f"accounts.user:{customer.pk}")
    assert entry.detail == {"before": "customer", "after": "support", "reason": "joined"}
    assert UserSession.objects.get(kind="api").end_reason == "role"
    assert page.get("/area/").status_code == 302
    assert (mail.kind, mail.to_email, mail.subject) == (
        "security_notice",
        customer.email,
        "Hai un altro ruolo nella gestione",
    )
    assert "Ruolo: Assistenza" in mail.text


@pytest.mark.parametrize(
    ("actor", "user", "role"),
    [
        ("admin", "super_admin", "customer"),
        ("admin", "admin", "support"),
        ("support", "customer", "support"),
        ("editor", "customer", "editor"),
        ("customer", "support", "customer"),
    ],
)
def test_nobody_changes_the_role_of_whom_they_do_not_outrank(actor: str, user: str, role: str):
    person = make_person(user, "other")

    with pytest.raises(PermissionDenied):
        assign(person, role, make_person(actor, "actor"))

    person.refresh_from_db()
    assert (person.role, Mail.objects.count()) == (user, 0)


@pytest.mark.parametrize("role", ["admin", "super_admin", "", "owner"])
def test_admin_gives_no_role_of_their_own_height_or_above(role: str, customer: Any):
    with pytest.raises(InvalidInputError) as refusal:
        assign(customer, role, make_person("admin"))

    customer.refresh_from_db()
    assert (refusal.value.code, refusal.value.field, customer.role) == ("role_above", "role", "customer")


def test_admin_does_not_raise_themselves():
    boss = make_person("admin")

    with pytest.raises(PermissionDenied):
        assign(boss, "super_admin", boss)

    boss.refresh_from_db()
    assert boss.role == "admin"


def test_right_is_that_of_the_moment_and_not_of_the_row_in_hand(customer: Any):
    boss = make_person("admin")
    User.objects.filter(pk=boss.pk).update(role="support")

    with pytest.raises(PermissionDenied):
        assign(customer, "support", boss)

    customer.refresh_from_db()
    assert customer.role == "customer"


@pytest.mark.parametrize(
    ("role", "reason", "field"), [("customer", "duties", "role"), ("support", "", "reason"), ("support", "x", "reason")]
)
def test_role_that_changes_nothing_or_has_no_reason_is_refused(role: str, reason: str, field: str, customer: Any):
    with pytest.raises(InvalidInputError) as refusal:
        assign(customer, role, make_person("admin"), reason)

    assert (refusal.value.field, AuditEntry.objects.count()) == (field, 0)


def test_last_super_admin_keeps_the_role():
    last = make_person("super_admin")
    make_customer("away@aish.example", role="super_admin", is_active=False)

    with pytest.raises(staff.LastSuperAdminError):
        assign(last, "customer", last)
    with pytest.raises(staff.LastSuperAdminError):
        staff.deactivate(user=last, actor=last, now=timezone.now())

    last.refresh_from_db()
    assert last.is_superuser


def test_super_admin_may_leave_when_another_stays():
    leaving, staying = make_person("super_admin"), make_person("super_admin", "other")

    assign(leaving, "customer", leaving, "left")

    leaving.refresh_from_db()
    assert (leaving.role, staying.is_superuser) == ("customer", True)
    assert Mail.objects.get().subject == "Non hai più un ruolo nella gestione"


def test_staff_are_not_erased_by_anybody(staff_client: Client):
    last = User.objects.get(role="super_admin")
    now = timezone.now()

    with pytest.raises(erasure.ErasureBlockedError):
        erasure.request_erasure(user=last, password=PASSWORD, origin=Origin(), now=now)
    with pytest.raises(erasure.ErasureBlockedError):
        erasure.erase_as_staff(user=last, email=last.email, actor=last, now=now)
    with pytest.raises(CommandError):
        call_command("erase_account", last.email)

    staff_client.post(f"/admin/accounts/user/{last.pk}/erase_account/", {"email": last.email})
    last.refresh_from_db()
    assert (last.is_superuser, last.erased_at) == (True, None)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("take", ["demote", "deactivate"])
def test_of_two_super_admins_who_remove_each_other_one_stays(take: str):
    pair = [make_person("super_admin", "one"), make_person("super_admin", "two")]
    barrier = Barrier(2)

    def remove(pair: list[User]) -> str:
        actor, user = pair
        barrier.wait(10)
        try:
            if take == "demote":
                assign(user, "admin", actor)
            else:
                staff.deactivate(user=user, actor=actor, now=timezone.now())
        except (DomainError, PermissionDenied) as error:
            return type(error).__name__
        finally:
            connection.close()
        return "removed"

    with ThreadPoolExecutor(2) as pool:
        outcomes = sorted(pool.map(remove, [pair, pair[::-1]]))

    assert outcomes == ["PermissionDenied", "removed"]
    assert User.objects.filter(role=Role.SUPER_ADMIN, is_active=True).count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_super_admins_who_step_down_at_once_one_stays():
    pair = [make_person("super_admin", "one"), make_person("super_admin", "two")]
    barrier = Barrier(2)

    def step_down(user: User) -> str:
        barrier.wait(10)
        try:
            assign(user, "customer", user)
        except staff.LastSuperAdminError:
            return "stays"
        finally:
            connection.close()
        return "left"

    with ThreadPoolExecutor(2) as pool:
        outcomes = sorted(pool.map(step_down, pair))

    assert outcomes == ["left", "stays"]
    assert User.objects.filter(role=Role.SUPER_ADMIN).count() == 1


def test_deactivated_account_is_shut_until_it_is_opened_again(customer: Any):
    boss = make_person("admin")
    page = enter_as(customer)

    staff.deactivate(user=customer, actor=boss, now=timezone.now())
    with pytest.raises(DomainError):
        staff.deactivate(user=customer, actor=boss, now=timezone.now())
    shut = Client().login(username=customer.email, password=PASSWORD)
    staff.reactivate(user=customer, actor=boss)
    with pytest.raises(DomainError):
        staff.reactivate(user=customer, actor=boss)

    assert (shut, Client().login(username=customer.email, password=PASSWORD)) == (False, True)
    assert page.get("/area/").status_code == 302  # the session of before does not come back
    actions = AuditEntry.objects.filter(actor=boss).order_by("pk").values_list("action", flat=True)
    assert list(actions) == ["user.deactivated", "user.reactivated"]


def test_deactivated_staff_have_no_right_left():
    person = make_person("super_admin")
    person.is_active = False

    assert (person.has_perm("billing.view_order"), person.has_module_perms("billing")) == (False, False)


def test_button_offers_the_roles_one_may_give_and_keeps_what_was_chosen(customer: Any):
    client = enter_as(make_person("admin"))

    form = client.get(role_page(customer)).context["form"]
    refusal = client.post(role_page(customer), {"role": "customer", "reason": "duties"}).context["form"]
    answer = client.post(role_page(customer), {"role": "editor", "reason": "duties"}, follow=True)

    customer.refresh_from_db()
    assert [value for value, _label in form.fields["role"].choices] == ["customer", "support", "editor"]
    assert refusal.errors == {"role": ["Ha già questo ruolo."]}
    assert customer.role == "editor"
    assert [str(message) for message in answer.context["messages"]] == [
        "Nuovo ruolo di giulia@brandolini.example: Redattore."
    ]


@pytest.mark.parametrize("action", ["assign_role", "deactivate", "reactivate"])
@pytest.mark.parametrize("role", ["admin", "super_admin"])
def test_no_button_leads_to_whom_one_does_not_outrank(action: str, role: str):
    client, person = enter_as(make_person("admin", "actor")), make_person(role, "other")
    page = f"/admin/accounts/user/{person.pk}/"

    answers = [getattr(client, method)(f"{page}{action}/").status_code for method in ("get", "post")]
    shown = client.get(f"{page}change/")

    person.refresh_from_db()
    assert (answers, person.role, person.is_active) == ([403, 403], role, True)
    assert (shown.status_code, shown.context["has_change_permission"], shown.context["actions_detail"]) == (
        200, False, [],
    )  # fmt: skip


def test_first_super_admin_comes_from_the_command_line():
    call_command(
        "createsuperuser", interactive=False, email="Prima@aish.example", first_name="Ada", last_name="Conti"
    )  # fmt: skip

    person = User.objects.get()
    assert (person.email, person.role, person.is_superuser) == ("prima@aish.example", "super_admin", True)
