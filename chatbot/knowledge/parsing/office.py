"""Files of office programs. Each becomes HTML by a library of its own, and that is read as a web page's text is.

DOCX by mammoth; DOC, PPTX and XLSX by office-oxide; ODT by odfdo, which gives Markdown.
"""

import io
import re
import zipfile
from collections.abc import Iterator
from typing import Literal

from lxml import etree, html

from chatbot.knowledge.parsing.errors import Reason, UnreadableError
from chatbot.knowledge.parsing.markup import read_markdown
from chatbot.knowledge.parsing.outline import Outline
from chatbot.knowledge.parsing.tree import parse_tree, read_tree

_WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
# strict files (ISO 29500) name the same things otherwise
_STRICT = b"http://purl.oclc.org/ooxml/wordprocessingml/main"
_DOCUMENT, _STYLES = "word/document.xml", "word/styles.xml"
_DEEPEST = 6
_CONTENTS = tuple(f"p[style-name='{word} {level}'] => !" for word in ("toc", "TOC") for level in range(1, 10))
_XML = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
# What a Word file may hold that has no words, by the ends of the names of its elements.
_WORDLESS = {"chart": "charts", "relIds": "drawings", "oMath": "formulas", "OLEObject": "objects"}


def read_docx(content: bytes) -> Outline:
    """Headings by their styles' outline level, their own, or because a whole line is bold; notes below their text.

    What somebody has inserted is read, what somebody has deleted is not, whether or not the change was accepted.
    """
    import mammoth  # noqa: PLC0415 -- only the child needs it

    with _open(content) as archive:
        body, styles = _parse(archive, _DOCUMENT), _parse(archive, _STYLES)
        if body is None:
            raise UnreadableError(Reason.DAMAGED)
        content = _with_levels_as_styles(archive, content, body)
        title = _core_title(archive)
    result = mammoth.convert_to_html(
        io.BytesIO(content),
        style_map="\n".join((*_CONTENTS, *_style_map(styles))),
        convert_image=mammoth.images.img_element(lambda _image: {"src": ""}),
    )
    outline = Outline()
    outline.title = title
    outline.omissions.update(_WORDLESS[name] for name in _names(body) if name in _WORDLESS)
    outline.omissions["text_boxes"] += sum(
        not "".join(map(str, box.itertext())).strip() for box in body.iter(f"{_WORD}txbxContent")
    )
    return read_tree(outline, parse_tree(result.value)).finish()


def read_doc(content: bytes) -> Outline:
    """Word 97 to 2003."""
    return read_tree(Outline(), parse_tree(_to_html(content, "doc"))).finish()


def read_pptx(content: bytes) -> Outline:
    """A section for each slide that is shown, with its number as the page; what only the speaker sees is left out."""
    outline = Outline()
    with _open(content) as archive:
        hidden = _hidden_slides(archive)
    for number, slide in enumerate(_split(parse_tree(_to_html(content, "pptx"))), start=1):
        notes = slide.find_class("speaker-notes")
        outline.omissions["speaker_notes"] += len(notes)
        for note in notes:
            note.drop_tree()
        if number in hidden:
            outline.omissions["hidden_slides"] += 1
            continue
        outline.open(1, "", page=number)
        read_tree(outline, slide, number)
    outline.title = next((section.heading for section in outline.finish().sections), "")
    return outline


def read_xlsx(content: bytes) -> Outline:
    """A section for each sheet that is shown, each row with the headings of its columns."""
    outline = Outline()
    with _open(content) as archive:
        workbook = _parse(archive, "xl/workbook.xml")
    sheets = [] if workbook is None else [sheet for sheet in workbook.iter() if _local(sheet) == "sheet"]
    hidden = {number for number, sheet in enumerate(sheets) if sheet.get("state", "visible") != "visible"}
    for number, sheet in enumerate(_split(parse_tree(_to_html(content, "xlsx")))):
        if number in hidden:
            outline.omissions["hidden_sheets"] += 1
        else:
            read_tree(outline, sheet)
    return outline.finish()


def read_odt(content: bytes) -> Outline:
    """Text of LibreOffice and others."""
    import odfdo  # noqa: PLC0415

    with _open(content) as archive:
        if "META-INF/manifest.xml" in archive.namelist() and b"encryption-data" in archive.read(
            "META-INF/manifest.xml"
        ):
            raise UnreadableError(Reason.LOCKED)
    document = odfdo.Document(io.BytesIO(content))
    outline = read_markdown(str(document.to_markdown()).encode())
    outline.title = document.meta.title or outline.title
    outline.omissions["pictures"] = len(document.body.images)
    return outline


def _to_html(content: bytes, kind: Literal["doc", "pptx", "xlsx"]) -> str:
    from office_oxide import Document, OfficeOxideError  # noqa: PLC0415

    try:
        return Document.from_bytes(content, kind).to_html()
    except OfficeOxideError as error:
        is_locked = "encrypt" in str(error).lower() or "password" in str(error).lower()
        raise UnreadableError(Reason.LOCKED if is_locked else Reason.DAMAGED) from error


def _open(content: bytes) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(io.BytesIO(content))
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise UnreadableError(Reason.DAMAGED) from error


def _parse(archive: zipfile.ZipFile, name: str) -> etree._Element | None:
    """One XML file of the archive, strict ones as if they were not; None where there is none."""
    if name not in archive.namelist():
        return None
    try:
        return etree.fromstring(archive.read(name).replace(_STRICT, _WORD[1:-1].encode()), _XML)
    except (etree.XMLSyntaxError, zipfile.BadZipFile) as error:
        raise UnreadableError(Reason.DAMAGED) from error


def _names(root: etree._Element) -> Iterator[str]:
    """The local names of all elements; of a drawing with a substitute for old programs, the drawing's alone."""
    for element in root.iter():
        if not any(_local(above) == "Fallback" for above in element.iterancestors()):
            yield _local(element)


def _local(element: etree._Element) -> str:
    return etree.QName(element).localname if isinstance(element.tag, str) else ""


def _style_map(styles: etree._Element | None) -> Iterator[str]:
    """What mammoth makes of each style of paragraphs: a heading by the outline level it has or inherits."""
    by_id = {} if styles is None else {_attribute(style, "styleId"): style for style in styles.iter(f"{_WORD}style")}
    for style in by_id.values():
        name = _value(style, "name")
        if _attribute(style, "type") != "paragraph" or not name or "'" in name or "\\" in name:
            continue
        if name.lower() == "title":
            yield f"p[style-name='{name}'] => h1.title:fresh"
        elif (level := _outline_level(style, by_id)) is not None:
            yield f"p[style-name='{name}'] => h{min(level + 1, _DEEPEST)}:fresh"
    for level in range(9):
        yield f"p.{_LEVEL_STYLE}{level} => h{min(level + 1, _DEEPEST)}:fresh"


_LEVEL_STYLE = "OutlineLevel"


def _outline_level(style: etree._Element, styles: dict[str, etree._Element]) -> int | None:
    """0 to 8, of the style or the nearest one it is based on; None for text."""
    seen: set[str] = set()
    current: etree._Element | None = style
    while current is not None and _attribute(current, "styleId") not in seen:
        seen.add(_attribute(current, "styleId"))
        if (level := _value(current, "pPr", "outlineLvl")).isdecimal():
            return int(level) if int(level) < 9 else None
        if heading := re.fullmatch(r"heading (\d)", _value(current, "name").lower()):
            return int(heading[1]) - 1
        current = styles.get(_value(current, "basedOn"))
    return None


def _value(element: etree._Element, *names: str) -> str:
    child = element.find("/".join(f"{_WORD}{name}" for name in names))
    return "" if child is None else _attribute(child, "val")


def _attribute(element: etree._Element, name: str) -> str:
    return str(element.get(f"{_WORD}{name}", ""))


def _with_levels_as_styles(archive: zipfile.ZipFile, content: bytes, body: etree._Element) -> bytes:
    """The file with a style for each paragraph that has an outline level of its own, which mammoth does not look at."""
    is_changed = False
    for properties in body.iter(f"{_WORD}pPr"):
        level = _value(properties, "outlineLvl")
        if level.isdecimal() and int(level) < 9:
            for style in properties.findall(f"{_WORD}pStyle"):
                properties.remove(style)
            etree.SubElement(properties, f"{_WORD}pStyle").set(f"{_WORD}val", f"{_LEVEL_STYLE}{level}")
            is_changed = True
    if not is_changed:
        return content
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as copy:
        for name in archive.namelist():
            copy.writestr(name, etree.tostring(body) if name == _DOCUMENT else archive.read(name))
    return file.getvalue()


def _core_title(archive: zipfile.ZipFile) -> str:
    core = _parse(archive, "docProps/core.xml")
    title = None if core is None else core.find("{http://purl.org/dc/elements/1.1/}title")
    return "" if title is None else " ".join((title.text or "").split())


def _split(tree: html.HtmlElement) -> list[html.HtmlElement]:
    """The parts between the rules that office-oxide sets between slides and between sheets."""
    parts = [html.Element("div")]
    for child in list(tree.body):
        if child.tag == "hr":
            parts.append(html.Element("div"))
        else:
            parts[-1].append(child)
    return parts


def _hidden_slides(archive: zipfile.ZipFile) -> set[int]:
    """The numbers, from 1, of the slides that are not shown, in the order of the presentation."""
    presentation = _parse(archive, "ppt/presentation.xml")
    relations = _parse(archive, "ppt/_rels/presentation.xml.rels")
    if presentation is None or relations is None:
        raise UnreadableError(Reason.DAMAGED)
    targets = {str(relation.get("Id")): str(relation.get("Target", "")) for relation in relations}
    ids = [
        next((str(value) for name, value in slide.attrib.items() if etree.QName(name).namespace), "")
        for slide in presentation.iter()
        if _local(slide) == "sldId"
    ]
    hidden = set()
    for number, identifier in enumerate(ids, start=1):
        slide = _parse(archive, f"ppt/{targets.get(identifier, '').removeprefix('/ppt/')}")
        if slide is not None and slide.get("show") in ("0", "false"):
            hidden.add(number)
    return hidden
