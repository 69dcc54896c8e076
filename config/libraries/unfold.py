"""How the back office looks (django-unfold)."""

from typing import Any

from django.templatetags.static import static
from django.utils.translation import gettext_lazy as _

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "AI Strategy Hub",
    "SITE_HEADER": "AI Strategy Hub",
    "SITE_SUBHEADER": _("Back office"),
    "SITE_URL": "/",
    "SITE_ICON": lambda _request: static("img/favicon.svg"),
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda _request: static("img/favicon.svg")},
    ],
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": True,
    "SHOW_LANGUAGES": True,
    "DASHBOARD_CALLBACK": "config.back_office.dashboard.figures",
    "STYLES": [lambda _request: static("css/tokens.css"), lambda _request: static("css/admin.css")],
    "BORDER_RADIUS": "2px",
    # unfold takes 600 on light pages and 500 on dark ones: the two accents of static/css/tokens.css
    "COLORS": {
        "base": {
            "50": "#f0f4f2", "100": "#e7ecea", "200": "#d3dbd8", "300": "#b6c3bf", "400": "#8d9c97",
            "500": "#5d6c68", "600": "#4a5956", "700": "#33423f", "800": "#222e2b", "900": "#0e1514", "950": "#0a100f",
        },
        "primary": {
            "50": "#f0f8f6", "100": "#deedea", "200": "#b8dbd5", "300": "#a9e0d8", "400": "#8fd3c9",
            "500": "#79c8bd", "600": "#085e58", "700": "#06433f", "800": "#063431", "900": "#14312d", "950": "#031817",
        },
    },
    "SIDEBAR": {"show_search": True, "show_all_applications": True},
}  # fmt: skip
