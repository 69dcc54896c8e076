"""What people say to a person: a greeting, a thank you, a bare question mark. It is answered without search or model.

Only where nothing else is said: "ciao, quanto costa?" is a question.
"""

import re

_GREETINGS = (
    "ciao", "salve", "buongiorno", "buon giorno", "buonasera", "buona sera", "buon pomeriggio", "buondì", "ehilà",
    "hello", "hi", "hey", "good morning", "good afternoon", "good evening", "ciao a tutti", "hello there", "hi there",
)  # fmt: skip
_THANKS = (
    "grazie", "grazie mille", "mille grazie", "grazie tante", "molte grazie", "grazie infinite", "ti ringrazio",
    "vi ringrazio", "ok grazie", "va bene grazie", "perfetto grazie", "ottimo grazie", "grazie ciao", "ok", "perfetto",
    "va bene", "thanks", "thank you", "thank you very much", "many thanks", "thanks a lot", "ok thanks",
    "great thanks", "perfect thanks", "thx", "grazie arrivederci", "arrivederci", "bye", "goodbye", "a presto",
)  # fmt: skip
_REPLIES = {
    "it": {
        "greeting": "Buongiorno! Chiedete pure di AI Act, GDPR, NIS2 o dei nostri servizi: rispondo dai nostri "
        "documenti, con la fonte accanto.",
        "thanks": "Prego! Se avete un’altra domanda, scrivetela qui.",
        "nothing": "Scrivete la domanda con qualche parola in più: di che cosa si tratta?",
    },
    "en": {
        "greeting": "Hello! Ask about the AI Act, GDPR, NIS2 or our services: I answer from our documents, with the "
        "source beside.",
        "thanks": "You are welcome! If you have another question, write it here.",
        "nothing": "Please write your question in a few more words: what is it about?",
    },
}
_NO_WORDS = re.compile(r"[\W_]+")


def reply_to(text: str, language: str) -> str:
    """A short answer to what is no question, in the conversation's language; "" for everything else."""
    words = _NO_WORDS.sub(" ", text.lower()).strip()
    if not words:
        return _REPLIES[language]["nothing"]
    if words in _GREETINGS:
        return _REPLIES[language]["greeting"]
    return _REPLIES[language]["thanks"] if words in _THANKS else ""
