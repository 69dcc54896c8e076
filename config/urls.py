"""All addresses: customers' pages in Italian, the API under /api/v1/, the back office."""

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.urls import include, path
from django.views.i18n import set_language

from config import views

urlpatterns = [
    path("", include("config.site_urls")),
    path("", include("accounts.urls")),
    path("", include("billing.urls")),
    path("", include("invoicing.urls")),
    path("", include("chatbot.urls")),
    path("lingua/", login_not_required(set_language), name="set_language"),
    path("api/v1/", include("config.api")),
    path("health", views.health, name="health"),
    path("ready", views.ready, name="ready"),
    path(f"{settings.ADMIN_PATH}/", admin.site.urls),
]

handler400 = "config.views.bad_request"
handler403 = "config.views.permission_denied"
handler404 = "config.views.page_not_found"
handler500 = "config.views.server_error"
