"""Which orders a document may be filed under.

Accounts know no orders: whoever has them says at start how a customer's are found.
"""

from collections.abc import Callable, Iterable

from django.utils.translation import gettext_lazy as _

from accounts.models import User
from core.errors import InvalidInputError

Lookup = Callable[[User], Iterable[str]]
_lookups: list[Lookup] = []
_MOST = 10


def find_orders_by(lookup: Lookup) -> None:
    """Have the numbers of a customer's orders, the latest first, come from `lookup`."""
    _lookups.append(lookup)


def clean_order_number(customer: User, number: str) -> str:
    """The number of one of the customer's orders, or "" for none; else `InvalidInputError`, which names theirs."""
    wish = number.strip().upper()
    numbers = [known for lookup in _lookups for known in lookup(customer)]
    if not wish or wish in numbers:
        return wish
    if not numbers:
        message = _("The customer has no order. Leave the number empty.")
        raise InvalidInputError(message, code="order_unknown", field="order_number")
    theirs = ", ".join(numbers[:_MOST]) + (" …" if len(numbers) > _MOST else "")
    text = _("This is no order of the customer’s. Theirs are: %(numbers)s.")
    raise InvalidInputError(text % {"numbers": theirs}, code="order_unknown", field="order_number")
