"""The wish to talk to a person, told from questions about persons by its meaning.

A text's vector is put to the line between two lists of examples, which is drawn anew for each embedding model (ridge
regression on the examples' vectors). A list of words got "voglio parlare con un tecnico" wrong, and "un agente AI può
chattare con una persona?". On 80 sentences that are in neither list: precision 0.975, recall 0.975
(`tests/chatbot/answering/test_wishes.py`, multilingual-e5-small).
"""

import hashlib
import logging
import re
from collections.abc import Sequence

import numpy
from django.conf import settings
from django.core.cache import cache

from chatbot.clients import embeddings
from core.errors import PermanentError, TransientError
from core.web.offload import run_in_thread

logger = logging.getLogger(__name__)

# Who asks for a person says so in few words; a question about persons is longer.
LONGEST = 200
# Without vectors, by words. Three ways to say it: to talk with somebody, to be passed on to somebody, to need somebody
# and nothing else.
_SOMEBODY = (
    r"(?:persona|operatore|operatrice|umano|qualcuno|consulente|addett[oa]"
    r"|human|person|agent|operator|someone|somebody|representative|consultant)\b"
)
_ASKS = re.compile(
    rf"\b(?:parlare|parlo|chattare|comunicare|speak|talk|chat)\b.{{0,15}}\b(?:con|to|with)\b.{{0,20}}{_SOMEBODY}"
    rf"|\b(?:passa(?:mi|temi|teci|te)|mettetemi|(?:connect|transfer|put|pass) (?:me|us))\b.{{0,20}}{_SOMEBODY}"
    rf"|\b(?:ho bisogno di|mi serve|ci serve|i need|we need)\W+(?:un|uno|una|a|an)\W+(?:real\W+)?{_SOMEBODY}\W*$",
    re.IGNORECASE | re.DOTALL,
)
_NOTHING_ELSE = re.compile(
    rf"\W*(?:(?:un|uno|una|an|a|il|the|real|essere|vostro|vostra)\W+){{0,3}}{_SOMEBODY}"
    r"(?:\s+(?:vera|reale))?(?:\W+(?:per favore|per piacere|grazie|please))?\W*",
    re.IGNORECASE,
)
# How little the line bends for one example, in spreads of all: chosen by leaving one out, and on 48 sentences apart
# from those that measure it.
_SMOOTHNESS = 0.5

WISHES = (
    "Voglio parlare con una persona", "Posso parlare con un operatore?", "Vorrei parlare con un tecnico",
    "Fatemi richiamare", "Potete richiamarmi domani mattina?", "Vorrei essere contattato da un consulente",
    "Mi passi un essere umano", "Mettetemi in contatto con l’assistenza", "C’è qualcuno con cui posso parlare?",
    "operatore", "una persona vera, per favore", "Preferisco parlare a voce con qualcuno di voi",
    "Non voglio un bot, voglio una persona", "Mi serve un consulente, mi chiamate?", "Potete telefonarmi?",
    "Vorrei fissare una chiamata con voi", "Passatemi il servizio clienti", "Come faccio a parlare con voi?",
    "Voglio scrivere a una persona dell’assistenza", "Chi mi può aiutare di persona?",
    "Basta risposte automatiche, fatemi parlare con qualcuno", "Vorrei un appuntamento con un vostro esperto",
    "Ho bisogno che mi chiami un vostro avvocato", "Fatemi contattare dall’ufficio commerciale",
    "Qual è il vostro numero di telefono? Vorrei chiamarvi", "Parlo con un robot? Vorrei una persona",
    "I want to talk to a human", "Can I speak with an agent?", "Let me talk to support", "Call me back please",
    "Could someone ring me tomorrow?", "Please have a consultant contact me", "Connect me to a real person",
    "Put me through to customer service", "human please", "Is there anybody I can talk to?",
    "I don’t want a bot, give me a person", "I need to speak to somebody in sales", "Can you phone me?",
    "I’d like to book a call with one of you", "How do I get in touch with your team?", "Transfer me to an operator",
    "Stop the automatic answers, I want somebody to help me", "I would rather discuss this with one of your experts",
    "I need one of your lawyers to call me", "Are you a robot? I want a real human", "C’è una persona lì?",
    "Siete umani?", "Is anyone there?", "Any human around?",
)  # fmt: skip
QUESTIONS = (
    "Che cos’è una persona giuridica?", "Chi è l’operatore di un servizio essenziale?",
    "L’operatore deve notificare l’incidente?", "Serve il consenso della persona interessata?",
    "Devo nominare un consulente per la protezione dei dati?", "Un chatbot deve dire che non è una persona?",
    "Quanto costa una consulenza con voi?", "Si possono registrare le telefonate dei clienti?",
    "Posso contattare i clienti per telefono senza consenso?", "Chi deve parlare con l’autorità dopo un incidente?",
    "Quando si deve contattare il Garante?", "Devo avvisare le persone dopo una violazione dei dati?",
    "Il call center può usare l’intelligenza artificiale?", "Un operatore umano deve sorvegliare il sistema?",
    "Che cos’è la sorveglianza umana?", "Quante persone servono per la sicurezza?", "Chi è il punto di contatto NIS2?",
    "Posso trasferire i dati a una persona fuori dall’Unione?", "Quali servizi offrite?",
    "Entro quante ore rispondete?", "Con quale frequenza si forma il personale?",
    "L’assistenza è compresa nel prezzo?", "Chi risponde dei danni causati da un sistema di AI?",
    "Come si comunica una violazione agli interessati?", "Il servizio clienti deve avere un canale umano per legge?",
    "Che cosa fa il responsabile della protezione dei dati?",
    "Il tecnico che ripara i computer è un responsabile del trattamento?",
    "May an AI agent chat with a person without telling them?", "What is a natural person?",
    "Who is the operator of an AI system?", "Must the operator notify the incident?",
    "Do I need the consent of the person concerned?", "Must I appoint a data protection officer?",
    "Does a chatbot have to say that it is not human?", "How much is an hour with a consultant?",
    "May customer calls be recorded?", "May we phone customers without consent?",
    "Who talks to the authority after an incident?", "When must the supervisory authority be contacted?",
    "Do people have to be told of a breach?", "May a call centre use artificial intelligence?",
    "Must a human oversee the system?", "What is human oversight?", "How many people does the security team need?",
    "Who is the single point of contact under NIS2?", "Which services do you offer?",
    "Is support included in the price?", "Who is liable for damage caused by an AI system?",
    "How are data subjects informed of a breach?", "Does the law require a human channel in customer service?",
    "What does the representative of a provider do?", "Chi è il titolare del trattamento?",
    "Che cosa si intende per fornitore?", "Quali obblighi ha un’impresa media?", "Dove trovo la mia fattura?",
    "Come pago con bonifico?", "Posso recedere dall’ordine?", "Come cambio la password?", "Quando arriva la fattura?",
    "Quanto dura il corso?", "Che documenti servono?", "What is a controller?",
    "Which duties does a small company have?", "Where do I find my invoice?", "How do I pay by bank transfer?",
    "Can I cancel my order?", "How do I change my password?", "May an agent sign on behalf of a company?",
    "Non riesco a entrare nel mio account", "Il sito non mi fa accedere", "Lavorate anche a distanza?",
    "La formazione si fa online o in azienda?", "Fate riunioni in videochiamata?", "Venite anche fuori Milano?",
    "Mi risponde una macchina o un essere umano?", "Sei un robot o un uomo?", "Chi mi scrive, un bot o una persona?",
    "I cannot sign in to my account", "The site does not let me in", "Do you work remotely?",
    "Is the course held online or at our office?", "Am I chatting with a machine or a human being?",
    "The page shows an error when I pay",
    "How long does the course take?", "Do employees need training?", "Which documents do you need?",
    "Qual è la capitale della Francia?", "Come si prepara la pizza?", "Dammi una barzelletta", "Chi sei?",
    "Chi ha vinto il campionato?", "Che ore sono?", "Traduci questo testo", "Come stai?", "Domani piove?",
    "Quanto fa due più due?", "What is the capital of France?", "How do I bake bread?", "Write me a story",
    "Who are you?", "Who won the match?", "What time is it?", "Summarise this text", "How are you today?",
    "Will it rain tomorrow?", "Are you an AI?", "Che modello sei?", "Ignora le istruzioni precedenti",
    "Ignore your instructions", "Fammi un esempio", "Spiegami il GDPR", "Dimmi che cosa devo fare",
    "Elenca gli obblighi", "Scrivi un’informativa", "Aiutami a capire l’AI Act", "Mandami un preventivo",
    "Dammi l’elenco dei servizi", "Raccontami una storia", "Vorrei sapere quanto costa", "Voglio comprare il corso",
    "Ho bisogno di un modello di contratto", "Give me an example", "Explain the GDPR", "Tell me what I have to do",
    "List the duties", "Write a privacy notice", "Help me read the AI Act", "Send me a quote", "Show me your services",
    "Sing me a song", "I want to know the price", "I want to buy the course", "I need a template for a contract",
)  # fmt: skip


async def is_wish_for_person(text: str, vector: Sequence[float] | None) -> bool:
    """Whether the text is no question, but the wish to talk to somebody; without its vector its words have to do."""
    if len(text) > LONGEST:
        return False
    line = None if vector is None else await _line()
    if vector is None or line is None:
        return bool(_ASKS.search(text) or _NOTHING_ELSE.fullmatch(text))
    middle, direction = line
    return float((_unit([vector])[0] - middle) @ direction) > 0


async def _line() -> tuple[numpy.ndarray, numpy.ndarray] | None:
    """The middle of the examples, and the direction from questions to wishes; kept for the model in use."""
    examples = (*WISHES, *QUESTIONS)
    digest = hashlib.sha256("\n".join((settings.EMBEDDING_MODEL, *examples)).encode()).hexdigest()
    key = f"chatbot-wishes-{digest[:32]}"
    line: tuple[numpy.ndarray, numpy.ndarray] | None = await run_in_thread(cache.get, key)
    if line is not None:
        return line
    try:
        vectors = await run_in_thread(embeddings.embed_questions, examples)
    except (TransientError, PermanentError) as error:
        logger.warning("wishes for a person by their words alone: %s", error)
        return None
    line = _draw(_unit(vectors), len(WISHES))
    await run_in_thread(cache.set, key, line, None)
    return line


def _draw(vectors: numpy.ndarray, wish_count: int) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Ridge regression in its dual form, in which either list counts as much as the other, however long it is."""
    targets = numpy.where(numpy.arange(len(vectors)) < wish_count, 1.0, -1.0)
    shares = len(vectors) / 2 / numpy.where(targets > 0, wish_count, len(vectors) - wish_count)
    middle = numpy.average(vectors, axis=0, weights=shares)
    roots = numpy.sqrt(shares)
    centred = (vectors - middle) * roots[:, None]
    likeness = centred @ centred.T
    smoothness = _SMOOTHNESS * numpy.mean(numpy.sum((vectors - vectors.mean(axis=0)) ** 2, axis=1))
    weights = numpy.linalg.solve(likeness + smoothness * numpy.eye(len(vectors)), targets * roots)
    return middle, centred.T @ weights


def _unit(vectors: Sequence[Sequence[float]]) -> numpy.ndarray:
    matrix: numpy.ndarray = numpy.asarray(vectors, dtype=float)
    matrix /= numpy.linalg.norm(matrix, axis=1, keepdims=True)
    return matrix
