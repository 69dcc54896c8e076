"""Who may do what: one map from role to permissions, in Django's names ("app.view_model") and those of single acts.

`User.has_perm` asks it, and so do the back office, the pages and the API. Each role has what its work takes and no more
(GDPR, articles 5(1)(c) and 25; OWASP ASVS 5.0, 8.1.1 and 8.2.1); docs/roles.md tells why. The apps above are not known
here, so what they let staff do is named by its string; a test holds both sides together.
"""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    """What somebody is here. Everybody but customers is staff."""

    CUSTOMER = "customer", _("Customer")
    SUPPORT = "support", _("Support")
    EDITOR = "editor", _("Editor")
    ADMIN = "admin", _("Administrator")
    SUPER_ADMIN = "super_admin", _("Super administrator")


# Whoever stands higher may change the account of whoever stands lower, and give any lower role.
_RANKS = {Role.CUSTOMER: 0, Role.SUPPORT: 1, Role.EDITOR: 1, Role.ADMIN: 2, Role.SUPER_ADMIN: 3}


def _allow(verbs: str, *tables: str) -> frozenset[str]:
    """Django's names for each verb on each table: "view" on "billing.order" is "billing.view_order"."""
    pairs = [(verb, *table.split(".")) for verb in verbs.split() for table in tables]
    return frozenset(f"{app}.{verb}_{model}" for verb, app, model in pairs)


_CATALOGUE = ("billing.category", "billing.service", "billing.serviceitem")
_KNOWLEDGE = ("chatbot.document", "chatbot.webpage", "chatbot.chunk")

_SUPPORT = (
    _allow("view", "accounts.user", "accounts.billingprofile", "accounts.dataexport", "accounts.accounterasure")
    | _allow("view add", "accounts.customerdocument")
    | _allow("view", "billing.order", "billing.orderline", "billing.orderevent", "billing.payment")
    | _allow("view", "invoicing.invoice", "invoicing.invoiceevent", "invoicing.invoicecopy")
    | _allow("view", "notifications.mail", "notifications.mailattachment")
    | _allow("view", "chatbot.conversation", "chatbot.message", "chatbot.citation", "chatbot.ticket")
    | _allow("view", "chatbot.questiongroup", "chatbot.messagefeedback")
    | _allow("view", *_CATALOGUE, *_KNOWLEDGE)
    | {
        "accounts.change_user",
        "chatbot.answer_ticket",
        "chatbot.review_answer",
        "chatbot.write_article",
        "notifications.retry_mail",
    }
)
_EDITOR = (
    _allow("view change", "billing.category", "billing.service")
    | _allow("view add change delete", "billing.serviceitem", "chatbot.document", "chatbot.webpage")
    | _allow("view", "chatbot.chunk", "chatbot.assistantversion", "chatbot.evaluationrun")
    | {"chatbot.retry_document", "chatbot.try_assistantversion"}
)
_ADMIN = (
    _SUPPORT
    | _EDITOR
    | _allow("view add change delete", "billing.category", "billing.service", "chatbot.modelprice")
    | _allow(
        "view", "core.auditentry", "core.auditverification", "core.sweep", "core.channelpause", "accounts.usersession"
    )
    | _allow("view", "djstripe.paymentintent", "djstripe.charge", "djstripe.paymentmethod", "djstripe.customer")
    | _allow("view", "djstripe.balancetransaction", "djstripe.event", "billing.stripeevent")
    | _allow("view", "invoicing.invoicefile", "invoicing.document", "invoicing.archivepackage", "invoicing.pecmessage")
    | _allow("view", "invoicing.receivedmail", "invoicing.receivedinvoice", "invoicing.mailbox", "chatbot.modelcall")
    | {
        "accounts.assign_role",
        "accounts.deactivate_user",
        "accounts.withdraw_customerdocument",
        "accounts.retry_accounterasure",
        "accounts.retry_dataexport",
        "billing.advance_order",
        "billing.cancel_order",
        "billing.retry_stripeevent",
        "billing.set_price",
        "billing.view_revenue",
        "chatbot.add_assistantversion",
        "core.retry_channelpause",
        "invoicing.add_archivepackage",
        "invoicing.issue_invoice",
        "invoicing.mail_invoice",
        "invoicing.retry_archivepackage",
        "invoicing.retry_receivedmail",
        "invoicing.send_invoice",
        "invoicing.settle_receivedmail",
    }
)
# What has no way back, and the text of mails: in it are links that set a password.
_SUPER_ADMIN = _ADMIN | {"accounts.erase_user", "notifications.read_mail"}

PERMISSIONS: dict[str, frozenset[str]] = {
    Role.CUSTOMER: frozenset(),
    Role.SUPPORT: _SUPPORT,
    Role.EDITOR: _EDITOR,
    Role.ADMIN: _ADMIN,
    Role.SUPER_ADMIN: _SUPER_ADMIN,
}


def roles_with(permission: str) -> list[Role]:
    """The roles that have the permission; `ValueError` for one that no role has, which can only be a slip."""
    roles = [role for role in Role if permission in PERMISSIONS[role]]
    if not roles:
        raise ValueError(f"no role has the permission {permission!r}")
    return roles


def outranks(role: str, other: str) -> bool:
    """Whether somebody of `role` may change the account of somebody of `other`, or give that role.

    Nobody changes who stands beside or above them; only super administrators change one another.
    """
    return role == Role.SUPER_ADMIN or _RANKS[Role(role)] > _RANKS[Role(other)]


def grantable_roles(role: str) -> list[Role]:
    """The roles that somebody of `role` may give, lowest first."""
    return [other for other in Role if outranks(role, other)]
