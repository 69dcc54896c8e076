"""Stylesheets: a class that no page, script or Python string names has a rule that can never match."""

import re
from functools import cache
from pathlib import Path

import pytest

from tests.architecture.source import APPS, ROOT

PAGES = ("templates", "static/js", *APPS)
# Each stylesheet, and where the pages and scripts are that it is for.
SHEETS = {
    "static/css/admin.css": ("templates/admin", "templates/components", *APPS),
    "static/css/assistant.css": PAGES,
    "static/css/base.css": PAGES,
    "static/css/components.css": PAGES,
    "static/css/layout.css": PAGES,
    "static/css/tokens.css": PAGES,
    "sandbox/inbox/static/page.css": ("sandbox/inbox",),
    "sandbox/stripe/browser/static/element.css": ("sandbox/stripe/browser",),
    "sandbox/stripe/browser/static/page.css": ("sandbox/stripe/browser",),
}
# Put together from one of these and a word of the code, as in `badge--{{ invoice.mark }}`.
COMPOSED = ("alert--", "badge--", "said--", "timeline__item--", "trend__line--")
FOREIGN = {"dark", "field-line", "module", "readonly"}  # of Unfold: its theme, a column called line, a field shown

_COMMENT = {
    ".css": re.compile(r"/\*.*?\*/", re.DOTALL),
    ".html": re.compile(r"\{#.*?#\}"),
    ".js": re.compile(r"(?:^\s*|(?<=[;{},]) )//[^\n]*", re.MULTILINE),
}
_TAG = re.compile(r"\{%.*?%\}|\{\{.*?\}\}")
_WORDS = re.compile(r"(?<![\w-])[a-z][\w-]*")
# class="…", class='…' and class=\"…\"; what a template or an f-string puts in there may have quotes of its own
_ATTRIBUTE = re.compile(
    r"""\b(?:css_)?class=\\?(["'])((?:\{%.*?%\}|\{\{.*?\}\}|\{[^{}%]*\}|(?!\1)[^{])*)\1""", re.DOTALL
)
_IN_TAG = re.compile(r"""\{% seal "[\w-]+" "([\w -]+)" %\}""")
# h("p.chat__note"), class: "icon", className = "alert", classList.add("open")
_IN_SCRIPT = re.compile(
    r"""\bh\(\s*"\w+((?:\.[\w-]+)+)"|\bclass"?: "([\w -]+)"|className = "([\w -]+)"|classList\.\w+\("([\w-]+)\""""
)


def selected_classes(css: str) -> set[str]:
    """The classes in the selectors of all rules, those within @media and the like as well."""
    preludes = re.findall(r"([^{};]+)\{", re.sub(r'"[^"]*"', "", _COMMENT[".css"].sub("", css)))
    return {name for prelude in preludes for name in re.findall(r"\.([a-z][\w-]*)", prelude)}


def named_classes(text: str, suffix: str) -> set[str]:
    """The classes that a page, a script or the strings of a module give to elements."""
    if suffix in _COMMENT:
        text = _COMMENT[suffix].sub("", text)
    values = [value for _quote, value in _ATTRIBUTE.findall(text)] + _IN_TAG.findall(text)
    # what stands beside a tag may go on it or not, and what it has in quotes may be a class
    values = [_TAG.sub(joint, value) for value in values for joint in ("", " ")] + [
        literal
        for value in values
        for tag in _TAG.findall(value)
        for literal in re.findall(r"[\"']([\w -]+)[\"']", tag)
    ]
    if suffix in (".js", ".py"):
        values += [value for groups in _IN_SCRIPT.findall(text) for value in groups]
    return {word for value in values for word in _WORDS.findall(value)}


def find_sources(folders: tuple[str, ...]) -> list[Path]:
    return [path for folder in folders for path in (ROOT / folder).rglob("*") if path.suffix in (".html", ".js", ".py")]


def test_every_stylesheet_is_looked_through():
    sheets = [*(ROOT / "static").rglob("*.css"), *(ROOT / "sandbox").rglob("*.css")]

    assert sorted(path.relative_to(ROOT).as_posix() for path in sheets) == sorted(SHEETS)


@pytest.mark.parametrize("sheet", SHEETS)
def test_every_class_of_a_stylesheet_is_named_somewhere(sheet: str):
    classes = selected_classes((ROOT / sheet).read_text())

    names = {name for path in find_sources(SHEETS[sheet]) for name in named_classes(path.read_text(), path.suffix)}
    assert sorted(name for name in classes - names - FOREIGN if not is_composed(name)) == []


def is_composed(name: str) -> bool:
    """Whether it begins as composed classes do, and its end is a word of the code or a number."""
    end = next((name.removeprefix(prefix) for prefix in COMPOSED if name.startswith(prefix)), "")
    return end.isdigit() or (bool(end) and f'"{end}"' in code())


@cache
def code() -> str:
    return "".join(path.read_text() for path in find_sources(PAGES))


def test_what_composed_classes_begin_with_stands_in_the_code():
    assert [prefix for prefix in COMPOSED if f"{prefix}{{" not in code()] == []


def test_names_are_read_as_they_are_written():
    assert selected_classes("@media print { .a:not(.b) > p.c { x: .5em } } /* .d */ [href='.e']{}") >= {"a", "b", "c"}
    assert selected_classes('/* .d {} */ .a[href=".e"] { inline-size: .5em }') == {"a"}
    page = """<p class="a{% if b.c == "d" %} e--{{ f }}{% endif %} g"> {# class="x" #} h in a sentence"""
    assert named_classes(page, ".html") >= {"a", "g"}
    assert named_classes(page, ".html").isdisjoint({"b", "f", "x", "h", "sentence"})
    script = """h("p.a.b", { class: "c" }); node.classList.toggle("d", e); // h("p.f")\nconst i = "i";"""
    assert named_classes(script, ".js") == {"a", "b", "c", "d"}
    assert named_classes("""f'<p class="a {b}">c</p>'""", ".py") >= {"a"}
