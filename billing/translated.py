"""Catalogue texts are content in two columns, `name_it` and `name_en`; this reads the one the reader wants."""

from typing import Any

from core.web.languages import current_language


class Translated:
    """`name = Translated()` reads `name_en` for English readers where it is filled, else `name_it`."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type | None = None) -> str:
        italian = str(getattr(instance, f"{self.name}_it"))
        if current_language().startswith("en"):
            return str(getattr(instance, f"{self.name}_en")) or italian
        return italian
