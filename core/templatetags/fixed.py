"""`{% translate %}`, `{% url %}` and `{% static %}` as Django's own, but drawn once where nothing in them can vary.

A page of the customer area has some hundred of them, a sixth of its time (`python -m bench pages`).
"""

from django import template
from django.template.base import FilterExpression, Node, Parser, Token, Variable
from django.template.context import Context
from django.template.defaulttags import url as django_url
from django.templatetags.i18n import do_translate
from django.templatetags.static import do_static
from django.utils.translation import get_language

register = template.Library()


class FixedNode(Node):
    """Draws another tag once for each language, and then repeats it."""

    child_nodelists = ()

    def __init__(self, node: Node, name: str | None) -> None:
        self._node, self._name = node, name
        self._drawn: dict[tuple[str | None, bool], str] = {}

    def render(self, context: Context) -> str:
        key = (get_language(), context.autoescape)
        text = self._drawn.get(key)
        if text is None:
            text = self._node.render(context)
            text = self._drawn[key] = context[self._name] if self._name else text
        if self._name:
            context[self._name] = text
            return ""
        return text


def _is_fixed(expression: FilterExpression | None) -> bool:
    """Whether it is a text of the template itself, without filters."""
    if expression is None:
        return True
    var = expression.var
    return not expression.filters and not (isinstance(var, Variable) and var.lookups)


@register.tag
def translate(parser: Parser, token: Token) -> Node:
    """`{% translate "text" [context "where"] [as name] %}`."""
    node = do_translate(parser, token)
    is_fixed = _is_fixed(node.filter_expression) and _is_fixed(node.message_context)
    return FixedNode(node, node.asvar) if is_fixed else node


@register.tag
def url(parser: Parser, token: Token) -> Node:
    """`{% url 'namespace:name' [arguments] [as name] %}`."""
    node = django_url(parser, token)
    arguments = [node.view_name, *node.args, *node.kwargs.values()]
    return FixedNode(node, node.asvar) if all(_is_fixed(argument) for argument in arguments) else node


@register.tag
def static(parser: Parser, token: Token) -> Node:
    """`{% static 'path' [as name] %}`."""
    node = do_static(parser, token)
    return FixedNode(node, node.varname) if _is_fixed(node.path) else node
