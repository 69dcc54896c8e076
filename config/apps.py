"""Registers the project package, for its commands and pages, and the back office in place of Django's admin site."""

from django.apps import AppConfig, apps
from django.contrib.admin import apps as admin
from django.utils.translation import gettext_lazy as _


class ProjectConfig(AppConfig):
    name = "config"
    verbose_name = "AI Strategy Hub"

    def ready(self) -> None:
        apps.get_app_config("djstripe").verbose_name = _("Stripe’s copy")


class BackOfficeConfig(admin.AdminConfig):
    default = False  # of the two in this file `config` means the other
    default_site = "config.back_office.site.BackOffice"
