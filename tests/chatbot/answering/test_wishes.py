"""The wish for a person is known by its meaning: 80 sentences of which none is an example, half of them traps."""

import pytest
from asgiref.sync import async_to_sync
from django.core.cache import cache

from chatbot.answering import wishes
from chatbot.answering.wishes import is_wish_for_person
from chatbot.clients.embeddings import embed_question
from tests.chatbot.embedder import Embedder

WISHES = (
    "Voglio parlare con un tecnico.", "fatemi richiamare", "Mi potete far chiamare da qualcuno di competente?",
    "Sono stufo di questo bot, datemi un operatore", "È possibile sentirci al telefono?", "Vorrei un contatto umano",
    "Avrei piacere di confrontarmi con un vostro avvocato", "potete passarmi l’amministrazione?",
    "qualcuno può ricontattarmi?", "assistenza umana", "Mi servirebbe una telefonata con chi segue la NIS2",
    "Cerco una persona con cui discutere del mio caso", "Gradirei essere richiamata nel pomeriggio",
    "parlare con un consulente", "dove posso chiamarvi?", "Non capisco, posso chiedere a un umano?",
    "Fatemi parlare col responsabile", "aiuto da una persona", "Possiamo vederci di persona per parlarne?",
    "Lasciatemi un recapito, voglio parlare con voi", "let me talk to support",
    "Could I have a word with one of your consultants?", "give me a human",
    "I’d prefer to speak with someone on the phone", "Have somebody get back to me", "agent",
    "Is it possible to talk with a lawyer of yours?", "This is useless, get me an operator",
    "Please arrange a call with an expert", "May I talk to the person in charge?", "real person please",
    "I need human assistance", "Who can I call?", "Can someone from your office contact me?",
    "I would like to meet one of you to discuss it", "put somebody on the line", "speak to sales",
    "I want to hear from a consultant before buying", "connect me with the help desk",
    "Do you have a number where I can reach a person?",
)  # fmt: skip
TRAPS = (
    "Un agente AI può chattare con una persona senza avvisarla?",
    "Chi è l’operatore del sistema di videosorveglianza?", "Il consulente del lavoro è responsabile del trattamento?",
    "Una persona può chiedere di cancellare i suoi dati?", "Possiamo telefonare a chi non ha dato il consenso?",
    "Quando bisogna parlare di incidente significativo?", "L’operatore umano può fermare il sistema di AI?",
    "Il call center deve dire che risponde un bot?", "Chi contatta gli interessati dopo una violazione?",
    "Un tecnico esterno può vedere i dati dei clienti?", "Come si richiama un prodotto non conforme?",
    "Serve l’assistenza di un avvocato per l’informativa?", "Quante ore di consulenza sono comprese?",
    "La persona di contatto va comunicata all’ACN?", "Chi deve essere avvisato entro 24 ore?",
    "Un essere umano deve rivedere le decisioni automatizzate?", "Il servizio clienti automatico è ad alto rischio?",
    "Si può registrare chi parla con un operatore?", "Che differenza c’è tra persona fisica e giuridica?",
    "Un responsabile esterno deve essere nominato per iscritto?",
    "Can an AI agent talk to a person without disclosure?", "Is the operator liable when the system fails?",
    "Must a person be told that a call is recorded?", "Who has to contact the authority?",
    "Does a call centre agent count as staff to be trained?", "What is a legal person?",
    "May a human override the decision of the system?", "Do you speak about biometric data in your guide?",
    "Is a consultant a processor?", "How many consultants work on an assessment?",
    "Can someone object to direct marketing?", "What support do small companies get from the authority?",
    "Who represents a company outside the Union?", "Does the contact point have to be a person?",
    "Can a customer ask for human review of a refusal?", "How do I call back a faulty AI system?",
    "Which person signs the declaration of conformity?", "Is customer support by chatbot allowed?",
    "What must an agent of a hosting provider do?", "When does somebody have the right to be informed?",
)  # fmt: skip
OFF_TOPIC = (
    "Qual è il fiume più lungo?", "La ricetta della carbonara", "Quanti anni hai?", "Consigliami un film",
    "Quali notizie ci sono oggi?", "What is the weather like?", "Who painted the Mona Lisa?",
    "How tall is Mount Everest?",
    "Recommend me a book", "What is on television?",
)  # fmt: skip


def is_wish(text: str) -> bool:
    return async_to_sync(is_wish_for_person)(text, async_to_sync(embed_question)(text))


def test_sentences_are_no_examples():
    sentences = {*WISHES, *TRAPS, *OFF_TOPIC}

    assert (len(WISHES), len(TRAPS), len(sentences & {*wishes.WISHES, *wishes.QUESTIONS})) == (40, 40, 0)


def test_precision_and_recall_are_those_that_are_asked_for(embedder: Embedder):
    right = [text for text in WISHES if is_wish(text)]
    wrong = [text for text in TRAPS if is_wish(text)]

    precision, recall = len(right) / (len(right) + len(wrong)), len(right) / len(WISHES)
    assert (precision >= 0.95, recall >= 0.95) == (True, True), (wrong, {*WISHES} - {*right})


def test_what_is_about_something_else_is_no_wish(embedder: Embedder):
    assert [text for text in OFF_TOPIC if is_wish(text)] == []


def test_long_text_is_none(embedder: Embedder):
    assert is_wish("Voglio parlare con una persona")
    assert not is_wish("Voglio parlare con una persona. " * 10)


def test_examples_are_embedded_once_for_each_model(embedder: Embedder, settings: pytest.FixtureRequest):
    cache.clear()
    is_wish("operatore")
    batches = [len(body["input"]) for body in embedder.bodies]
    is_wish("operatore")

    count = len(wishes.WISHES) + len(wishes.QUESTIONS)
    assert (batches.count(count), [len(body["input"]) for body in embedder.bodies].count(count)) == (1, 1)
    assert {body["input_type"] for body in embedder.bodies} == {"query"}


def test_without_the_examples_vectors_the_words_decide_and_they_are_asked_for_again(embedder: Embedder):
    cache.clear()
    vector = async_to_sync(embed_question)("fatemi richiamare")
    embedder.fail(*[503] * 9)

    assert not async_to_sync(is_wish_for_person)("fatemi richiamare", vector)
    assert async_to_sync(is_wish_for_person)("Voglio parlare con una persona", vector)
    embedder.statuses.clear()
    assert async_to_sync(is_wish_for_person)("fatemi richiamare", vector)


@pytest.mark.parametrize(
    "text",
    [
        "Voglio parlare con una persona", "vorrei parlare con un operatore", "Posso parlare con qualcuno?",
        "Mi passate un operatore, per favore? Vorrei parlare con una persona vera.", "operatore", "Una persona, grazie",
        "Preferisco chattare con un essere umano", "Passatemi a un consulente", "Ho bisogno di una persona",
        "I want to talk to a human", "Can I speak with a real person?", "human please", "Connect me to an agent",
        "Could you put me through to someone", "I would like to chat with a consultant",
    ],
)  # fmt: skip
def test_wish_is_known_by_its_words_while_the_embeddings_are_away(text: str):
    assert async_to_sync(is_wish_for_person)(text, None)


@pytest.mark.parametrize(
    "text",
    [
        "Che cos’è una persona giuridica?", "Chi è l’operatore di un servizio essenziale?",
        "Un operatore di rete deve notificare gli incidenti?", "Quante persone servono per il team NIS2?",
        "What is a natural person?", "Who is the operator of an AI system?", "Is a deployer a legal person?",
        "Quanto costa una consulenza?", "Serve il consenso della persona interessata?",
        "Vorrei sapere chi deve notificare",
        "Devo ottenere il consenso da una persona?",
        "Posso trasferire i dati a una persona fuori dall’Unione?", "May I transfer data to an operator abroad?",
        "Entro quante ore va notificata la violazione dei dati?",
        "Devo informare ogni persona interessata? " * 10,
    ],
)  # fmt: skip
def test_question_about_persons_is_a_question_by_its_words_too(text: str):
    assert not async_to_sync(is_wish_for_person)(text, None)
