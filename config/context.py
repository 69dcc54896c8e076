"""What every page knows: the theme, the cart's count, the house's addresses."""

from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject
from django.utils.text import capfirst
from django.utils.translation import get_language_info

from accounts.models import CustomerDocument
from billing.ordering.carts import cart_count
from core.web.cookies import cookie_name

THEME_COOKIE = "theme"


@cache
def languages() -> list[tuple[str, str]]:
    """Code and own name of each language of the site."""
    return [(code, capfirst(get_language_info(code)["name_local"])) for code, _name in settings.LANGUAGES]


def site(request: HttpRequest) -> dict[str, Any]:
    """Context of every template rendered for a request."""
    theme = request.COOKIES.get(cookie_name(THEME_COOKIE), "")
    return {
        "theme": theme if theme in ("light", "dark") else "",
        "languages": languages(),
        "here": request.get_full_path(),  # where the switches of language and theme lead back to
        "support_email": settings.SUPPORT_EMAIL,
        "seller": {
            "name": settings.SELLER_NAME,
            "vat_number": settings.SELLER_VAT_NUMBER,
            "street": settings.SELLER_STREET,
            "town": f"{settings.SELLER_POSTCODE} {settings.SELLER_CITY}",
            "rea": f"{settings.SELLER_REA_OFFICE}-{settings.SELLER_REA_NUMBER}" if settings.SELLER_REA_NUMBER else "",
            "pec": settings.SDI_PEC_EMAIL,
        },
        "cart_count": SimpleLazyObject(lambda: cart_count(request)),
        "new_document_count": SimpleLazyObject(
            lambda: CustomerDocument.objects.visible_to(request.user).unread().count()
        ),
    }
