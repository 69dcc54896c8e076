"""Templates: the content security policy allows no style and no script in a page, and no text escapes translation."""

import re

import pytest
from django.conf import settings
from django.template import TemplateSyntaxError
from django.template.loader import get_template

from tests.architecture.html import inline_parts
from tests.architecture.source import APPS, ROOT, templates

# It brings its style along under a policy of its own, with a nonce: tests/architecture/test_odd_requests.py.
ALONE = "plain_error.html"
LONGEST_LINE = 120  # as in the Python files; a mail's .txt is content, and as long as its sentences
PAGES = {name: text for name, text in templates().items() if name.endswith(".html") and not name.startswith("emails/")}


def without_tags(text: str) -> str:
    return re.sub(r"\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}", "", text)


@pytest.mark.parametrize(
    "name", sorted(set(PAGES) - {ALONE})
)  # mails are left out: their readers know no stylesheet but the inline one
def test_page_has_no_style_and_no_script_of_its_own(name: str):
    assert inline_parts(without_tags(PAGES[name])) == []


def test_what_is_looked_for_is_found():
    bad = (
        '<p style="x">', "<style>a{}</style>", "<script>a()</script>", '<script type="module">a()</script>',
        '<a href="javascript:a()">', '<img src="x" onerror="a()">', '<form action="javascript:a()">',
    )  # fmt: skip
    good = (
        '<script type="module" src="/a.js"></script>', '<script id="x" type="application/json">{}</script>',
        "<p data-style='x' class='onion'>style= on</p>", "<svg><style/></svg>"[:5] + "</svg>",
    )  # fmt: skip

    assert [len(inline_parts(part)) for part in bad] == [1] * len(bad)
    assert [inline_parts(part) for part in good] == [[]] * len(good)


def test_no_line_of_html_is_too_long():
    paths = [path for folder in (*APPS, "sandbox", "templates") for path in sorted((ROOT / folder).rglob("*.html"))]
    long = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in paths
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if len(line) > LONGEST_LINE
    ]

    assert (long, len(paths) > 100) == ([], True)


@pytest.mark.parametrize("name", sorted(templates()))
def test_template_compiles(name: str):
    try:
        get_template(name)
    except TemplateSyntaxError as error:
        pytest.fail(str(error))


def test_translated_blocks_are_trimmed():
    names = [
        name
        for name, text in templates().items()
        for tag in re.findall(r"\{% blocktranslate\b([^%]*)%\}", text)
        if "trimmed" not in tag.split()
    ]

    assert names == []


def test_only_words_of_the_template_itself_are_taken_for_html():
    names = [name for name, text in templates().items() if re.search(r"""[^"']\|\s*safe\b|autoescape off""", text)]

    assert [name for name in names if name.endswith(".html")] == []


def test_pages_come_from_one_host():
    hosts = {
        host
        for name, text in PAGES.items()
        if not name.startswith("legal/")
        for host in re.findall(r"""(?:src|action|poster)=["']?https?://([^/"'\s]+)""", text)
    }

    assert hosts == set()
    assert settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]["default-src"] == ["'none'"]
