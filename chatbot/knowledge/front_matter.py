"""The few lines of metadata a Markdown file may begin with: title, topic, language, version."""

_KNOWN = ("title", "topic", "language", "version")


def read_front_matter(content: bytes) -> dict[str, str]:
    """`key: value` lines between two `---`; unknown keys and files without such a block give nothing."""
    text = content[:4000].decode("utf-8-sig", errors="replace").replace("\r\n", "\n")
    if not text.startswith("---\n") or "\n---\n" not in text[4:]:
        return {}
    pairs = (line.partition(":") for line in text[4:].split("\n---\n", 1)[0].splitlines())
    return {key.strip(): value.strip().strip('"') for key, _colon, value in pairs if key.strip() in _KNOWN}
