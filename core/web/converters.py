"""Kinds of parameters in addresses; what fits none is no address of ours, and no table is asked about it."""

from django.urls import register_converter


class NumberConverter:
    """A public number of an order or a request: ORD-2026-00001, TKT-2026-00001."""

    regex = r"[A-Z]{2,4}-[0-9]{4}-[0-9]{5,9}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: object) -> str:
        return str(value)


register_converter(NumberConverter, "number")
