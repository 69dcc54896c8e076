"""Learns which stems of two languages mean the same from texts that exist in both (IBM model 1, Brown et al., 1993)."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from chatbot.retrieval.chunking import Section

Pair = tuple[Sequence[str], Sequence[str]]
Table = dict[str, list[tuple[str, float]]]

_ROUNDS = 8
_TITLE_WEIGHT = 3  # a rubric is short, and its words are the law's own terms
_AGREEMENT = 0.02  # both directions together must be at least so sure
_MIN_COUNT = 2
_LIKELY = 0.1
_ALTERNATIVES = 3
_PARTS = {"articolo": "a", "article": "a", "considerando": "r", "recital": "r", "allegato": "x", "annex": "x"}


def text_pairs(italian: Sequence[Section], english: Sequence[Section]) -> Iterator[tuple[str, str]]:
    """The same sentence in both languages: articles by their numbers, and line by line where they have as many."""
    other = {key: section for section in english if (key := _key(section.heading))}
    for section in italian:
        match = other.get(_key(section.heading) or ("", ""))
        if match is None:
            continue
        titles = [each.heading.partition(" - ")[2] for each in (section, match)]
        if all(titles):
            yield from [(titles[0], titles[1])] * _TITLE_WEIGHT
        lines = [each.text.split("\n") for each in (section, match)]
        if len(lines[0]) == len(lines[1]):
            yield from zip(*lines, strict=True)


def learn(pairs: Sequence[Pair]) -> tuple[Table, Table]:
    """From stems of the first language to those of the second, and back; what only one direction says is left out."""
    useful = [([*filter(_is_word, first)], [*filter(_is_word, second)]) for first, second in pairs]
    there, count_there = _train(useful)
    back, count_back = _train([(second, first) for first, second in useful])
    return _table(there, back, count_there), _table(back, there, count_back)


def _key(heading: str) -> tuple[str, str] | None:
    kind, _space, rest = heading.partition(" ")
    return (_PARTS[kind.lower()], rest.partition(" ")[0]) if kind.lower() in _PARTS else None


def _is_word(stem: str) -> bool:
    return len(stem) > 1 and not any(character.isdigit() for character in stem)


def _train(pairs: Sequence[Pair]) -> tuple[dict[tuple[str, str], float], dict[str, float]]:
    """The probabilities of a translation given a stem, by expectation maximisation; and how often a stem was seen."""
    probabilities = {(each, word): 1.0 for source, target in pairs for each in source for word in target}
    stem_counts: dict[str, float] = {}
    for _round in range(_ROUNDS):
        together, stem_counts = defaultdict[tuple[str, str], float](float), defaultdict[str, float](float)
        for source, target in pairs:
            for word in target:
                # a little more than the whole, for words that translate none of the source
                whole = sum(probabilities.get((each, word), 0.0) for each in source) + 0.01
                for each in source:
                    share = probabilities.get((each, word), 0.0) / whole
                    together[each, word] += share
                    stem_counts[each] += share
        probabilities = {
            pair: count / stem_counts[pair[0]]
            for pair, count in together.items()
            if count > 1e-4 * stem_counts[pair[0]]
        }
    return probabilities, stem_counts


def _table(
    probabilities: Mapping[tuple[str, str], float],
    back: Mapping[tuple[str, str], float],
    stem_counts: Mapping[str, float],
) -> Table:
    translations = defaultdict[str, list[tuple[str, float]]](list)
    for (stem, other), probability in probabilities.items():
        if (
            stem_counts[stem] >= _MIN_COUNT
            and probability >= _LIKELY
            and probability * back.get((other, stem), 0.0) > _AGREEMENT
        ):
            translations[stem].append((other, round(probability, 2)))
    return {
        stem: sorted(others, key=lambda other: (-other[1], other[0]))[:_ALTERNATIVES]
        for stem, others in sorted(translations.items())
    }
