"""The process that reads one file, within its limits.

`python -m chatbot.knowledge.parsing.reader KIND < FILE > sections.json`
"""

import json
import resource
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

from chatbot.knowledge.parsing import markup, office, pdf
from chatbot.knowledge.parsing.errors import Reason, UnreadableError
from chatbot.knowledge.parsing.outline import Outline
from chatbot.knowledge.parsing.text import read_text
from chatbot.retrieval.chunking import Section
from core.text import storable

_MEMORY_BYTES = 1536 * 1024 * 1024
_CPU_S = 120
# what no reader of documents has to do, and a file that takes one over would
_FORBIDDEN = ("socket.connect", "socket.bind", "subprocess.Popen", "os.exec", "os.posix_spawn", "os.fork", "os.system")

READERS: dict[str, Callable[[bytes], Outline]] = {
    "pdf": pdf.read,
    "docx": office.read_docx,
    "doc": office.read_doc,
    "odt": office.read_odt,
    "pptx": office.read_pptx,
    "xlsx": office.read_xlsx,
    "html": markup.read_html,
    "md": markup.read_markdown,
    "txt": read_text,
}


def main() -> int:
    """0 with the document as JSON on standard output; 1 with `{"reason": …}` there and the cause on standard error."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_S, _CPU_S))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    sys.addaudithook(_refuse)
    content = sys.stdin.buffer.read()
    try:
        outline = READERS[sys.argv[1]](content)
    except UnreadableError as error:
        return _give_up(error.reason, error)
    except MemoryError as error:
        return _give_up(Reason.TOO_MUCH, error)
    except Exception as error:  # noqa: BLE001 -- the edge of a reader of hostile files: say why and end
        return _give_up(Reason.DAMAGED, error)
    sections = [asdict(section) for section in map(_storable_section, outline.sections) if section.text.strip()]
    document = {
        "title": storable(outline.title)[:200],
        "language": storable(outline.language),
        "sections": sections,
        "omissions": {name: count for name, count in outline.omissions.items() if count},
    }
    sys.stdout.write(json.dumps(document))
    return 0


def _give_up(reason: Reason, error: Exception) -> int:
    sys.stdout.write(json.dumps({"reason": reason}))
    sys.stderr.write(f"{type(error).__name__}: {error}\n")
    return 1


def _refuse(event: str, _arguments: tuple[Any, ...]) -> None:
    if event in _FORBIDDEN:
        raise PermissionError(f"a document asked for {event}")


def _storable_section(section: Section) -> Section:
    path = tuple(map(storable, section.path))
    return replace(section, heading=storable(section.heading), text=storable(section.text), path=path)


if __name__ == "__main__":
    sys.exit(main())
