"""Registers the project package, for its commands and pages."""

from django.apps import AppConfig


class ProjectConfig(AppConfig):
    name = "config"
    verbose_name = "AI Strategy Hub"
