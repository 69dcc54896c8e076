"""The map of roles: what it gives to whom, and that docs/roles.md tells the same."""

from pathlib import Path

import pytest

from accounts import roles
from accounts.models import User
from accounts.roles import Role
from tests.factories import make_customer

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "roles.md"
STAFF = [role for role in Role if role != Role.CUSTOMER]


def verbs_of(role: Role, thing: str) -> str:
    """What a role may do with a thing ("billing.order"), in the order of Django's verbs and then the alphabet."""
    app, _dot, name = thing.partition(".")
    pairs = (permission.removeprefix(f"{app}.").partition("_") for permission in roles.PERMISSIONS[role]
             if permission.startswith(f"{app}."))  # fmt: skip
    first = ["view", "add", "change", "delete"]
    verbs = {verb for verb, _underscore, of in pairs if of == name}
    return ", ".join([verb for verb in first if verb in verbs] + sorted(verbs - set(first)))


def table() -> list[str]:
    """The rows of docs/roles.md as the map has them."""
    names = (permission.partition(".") for permission in roles.PERMISSIONS[Role.SUPER_ADMIN])
    things = sorted({f"{app}.{name.partition('_')[2]}" for app, _dot, name in names})
    return [f"| `{thing}` | {' | '.join(verbs_of(role, thing) or '–' for role in STAFF)} |" for thing in things]


def test_document_tells_what_the_map_gives():
    lines = DOCUMENT.read_text().splitlines()

    assert [line for line in lines if line.startswith("| `")] == table()
    assert "| with | support | editor | admin | super_admin |" in lines


def test_who_stands_higher_has_all_that_lower_ones_have():
    of = roles.PERMISSIONS

    assert of[Role.CUSTOMER] == set()
    assert of[Role.SUPPORT] | of[Role.EDITOR] < of[Role.ADMIN] < of[Role.SUPER_ADMIN]
    assert of[Role.SUPER_ADMIN] - of[Role.ADMIN] == {"accounts.erase_user", "notifications.read_mail"}


def test_editor_sees_no_customer_no_money_and_no_invoice():
    things = {permission.partition("_")[2] for permission in roles.PERMISSIONS[Role.EDITOR]}

    assert things == {
        "assistantversion", "category", "chunk", "document", "evaluationrun", "service", "serviceitem", "webpage",
    }  # fmt: skip


def test_support_acts_on_requests_mails_and_shared_documents_alone():
    acts = {permission for permission in roles.PERMISSIONS[Role.SUPPORT] if ".view_" not in permission}

    assert acts == {
        "accounts.add_customerdocument", "accounts.change_user", "chatbot.answer_ticket", "chatbot.review_answer",
        "chatbot.write_article",
        "notifications.retry_mail",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("role", "grantable"),
    [
        ("customer", []),
        ("support", ["customer"]),
        ("editor", ["customer"]),
        ("admin", ["customer", "support", "editor"]),
        ("super_admin", ["customer", "support", "editor", "admin", "super_admin"]),
    ],
)
def test_role_may_give_what_stands_below_it(role: str, grantable: list[str]):
    assert roles.grantable_roles(role) == grantable


def test_permission_that_nobody_has_is_a_slip():
    with pytest.raises(ValueError, match="refnud_payment"):
        roles.roles_with("billing.refnud_payment")


@pytest.mark.django_db
def test_people_are_those_whose_role_has_the_permission_and_who_can_sign_in():
    for role in Role:
        make_customer(f"{role}@aish.example", role=role)
    make_customer("away@aish.example", role="support", is_active=False)

    able = User.objects.able_to("chatbot.answer_ticket").order_by("email")

    assert [user.role for user in able] == ["admin", "super_admin", "support"]


@pytest.mark.parametrize(
    ("role", "is_staff", "is_superuser"),
    [
        ("customer", False, False),
        ("support", True, False),
        ("editor", True, False),
        ("admin", True, False),
        ("super_admin", True, True),
    ],
)
def test_everybody_but_customers_is_staff(role: str, is_staff: bool, is_superuser: bool):
    user = User(role=role)

    assert (user.is_staff, user.is_superuser, user.has_module_perms("chatbot")) == (is_staff, is_superuser, is_staff)
    assert user.has_perm("chatbot.view_nothing") is False
