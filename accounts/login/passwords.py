"""The one password rule Django lacks: an upper bound, so that hashing is never given a novel."""

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext_lazy

from accounts.models import User

# Django's own sentence, which 5.2 changed after its translations were made: ours are found first
TOO_SHORT = ngettext_lazy(
    "This password is too short. It must contain at least %d character.",
    "This password is too short. It must contain at least %d characters.",
)


class MaximumLengthValidator:
    """Refuses passwords longer than `max_length` characters."""

    def __init__(self, max_length: int = 128) -> None:
        self.max_length = max_length

    def validate(self, password: str, user: User | None = None) -> None:
        if len(password) > self.max_length:
            message = _("This password is too long: the limit is %(max)d characters.")
            raise ValidationError(message, code="password_too_long", params={"max": self.max_length})

    def get_help_text(self) -> str:
        return _("Your password can have up to %(max)d characters.") % {"max": self.max_length}
