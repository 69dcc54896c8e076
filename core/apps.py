"""Registers the core package with Django, and has every app's tasks known in every process."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class CoreConfig(AppConfig):
    name = "core"
    verbose_name = _("System")

    def ready(self) -> None:
        from core import checks  # noqa: F401, PLC0415 -- registers itself
        from core.web import converters  # noqa: F401, PLC0415 -- registers them before addresses are read

        autodiscover_modules("tasks")  # the timetable of periodic work is written where the work is
