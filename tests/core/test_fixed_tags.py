"""Tags that are drawn once a language answer as Django's own do, and none that can vary is kept."""

import pytest
from django.template import Context, Engine, Template
from django.template.base import Node
from django.utils import translation

from core.templatetags.fixed import FixedNode

TEMPLATES = [
    '{% translate "Orders" %}',
    '{% translate "Orders" as word %}{{ word|upper }}',
    '{% translate "on request" context "price" %}',
    '{% translate "100%% & more" %}',
    '{% autoescape off %}{% translate "a & b" %}{% endautoescape %}{% translate "a & b" %}',
    "{% translate word %}{% translate word|upper %}",
    "{% url 'billing:list_orders' %}",
    "{% url 'config:show_legal' 'terms' as terms %}{{ terms }}",
    "{% url 'config:show_legal' page %}",
    "{% url 'billing:show_service' slug=page %}",
    "{% url name %}",
    "{% url 'no:such' as nothing %}[{{ nothing }}]",
    "{% static 'css/base.css' %}{% static path %}",
]


PLAIN = Engine(builtins=["django.templatetags.i18n", "django.templatetags.static"])


@pytest.mark.parametrize("source", TEMPLATES)
def test_tag_answers_as_djangos_own(source: str):
    ours, plain = Template(source), PLAIN.from_string(source)
    first = {"word": "Orders", "page": "terms", "name": "config:show_home", "path": "css/tokens.css"}
    second = {"word": "Invoices", "page": "privacy", "name": "billing:list_orders", "path": "js/theme.js"}

    for values in (first, second, first):
        for language in ("it", "en", "it"):
            with translation.override(language):
                assert ours.render(Context(values)) == plain.render(Context(values)) != ""


class CountingNode(Node):
    count = 0

    def render(self, context: Context) -> str:
        self.count += 1
        return f"{translation.get_language()} {self.count}"


def test_fixed_tag_is_drawn_once_a_language():
    node = CountingNode()
    fixed = FixedNode(node, None)

    texts = []
    for language in ("it", "en", "it", "en"):
        with translation.override(language):
            texts.append(fixed.render(Context()))

    assert texts == ["it 1", "en 2", "it 1", "en 2"]
