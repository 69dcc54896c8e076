"""Small documents of every kind about one invented company, and questions about them in both languages."""

from typing import Any

from tests.chatbot import files
from tests.chatbot.corpus import Question

TEXT, BOLD = "Helvetica", "Helvetica-Bold"

# A handbook as a program prints it: headings by their type alone.
HANDBOOK = {
    "Accessi e password": [
        "Le password hanno almeno quattordici caratteri e si cambiano soltanto dopo un sospetto.",
        "Dopo sei tentativi sbagliati l'account resta bloccato per venti minuti.",
    ],
    "Copie di riserva": [
        "Le copie dei server si fanno ogni notte alle due e mezza e restano per trentacinque giorni.",
        "Una volta al trimestre si prova il ripristino completo su una macchina isolata.",
    ],
    "Dispositivi personali": [
        "Il telefono privato può leggere la posta soltanto con il profilo di lavoro installato.",
        "Chi perde un dispositivo chiama il numero interno 4455 entro un'ora.",
    ],
    "Visitatori": [
        "Ogni visitatore porta un cartellino giallo ed è accompagnato da chi lo ha invitato.",
        "Il registro delle visite si distrugge dopo novanta giorni.",
    ],
    "Fornitori informatici": [
        "Un nuovo fornitore compila il questionario VRM-7 prima della firma del contratto.",
        "L'ufficio acquisti rivede i fornitori critici ogni diciotto mesi.",
    ],
}
# A long text without a heading: minutes as they are typed.
MINUTES = (
    "Il presidente apre la riunione alle nove e un quarto e constata la presenza di undici soci su quattordici.",
    "Il verbale della seduta di maggio è approvato all'unanimità dopo una correzione al nome del revisore.",
    "La tesoriera riferisce che il bilancio chiude con un avanzo di 18.250 euro, destinato al fondo di riserva.",
    "Sul tema della sede si discute a lungo: il contratto di affitto di via dei Mille scade il 30 settembre.",
    "Due soci propongono di cercare locali vicino alla stazione, altri preferiscono restare nel quartiere.",
    "Si incarica l'architetta Bassi di visitare tre immobili e di riferire alla prossima seduta.",
    "Per la festa d'autunno si stanziano 2.400 euro; la musica è affidata al quartetto Lumière.",
    "La quota annuale resta di 65 euro, ridotta a 30 per chi ha meno di ventisei anni.",
    "Si decide di sostituire la caldaia con una pompa di calore entro l'inverno, con un mutuo di otto anni.",
    "Il corso di fotografia conta ventidue iscritti e si tiene il giovedì sera nell'aula grande.",
    "Il socio Ferri lamenta il rumore del cantiere; il comune ha promesso di chiudere i lavori entro marzo.",
    "La biblioteca riceve in dono quattrocento volumi dalla famiglia Orlandi, da catalogare entro un anno.",
    "Per l'assicurazione si accetta l'offerta della mutua regionale, con una franchigia di 500 euro.",
    "La prossima assemblea è fissata per il 12 dicembre alle diciotto, in presenza e a distanza.",
    "Non essendoci altro da deliberare, la seduta è tolta alle undici e quaranta.",
)
FILLER = "La discussione è stata ampia e serena, e tutti gli intervenuti hanno potuto dire la loro senza fretta."
PRICES: list[list[Any]] = [
    ["Servizio", "Durata", "Prezzo"], ["Verifica NIS2", "6 settimane", 3900], ["Corso phishing", "2 ore", 480],
    ["DPO esterno", "12 mesi", 4200], ["Test di intrusione", "10 giorni", 6750],
]  # fmt: skip
HTML_TABLE = (
    "<table><tr><th>Sede</th><th>Telefono</th><th>Apertura</th></tr><tr><td>Bologna</td><td>051 555 0101</td>"
    "<td>9–18</td></tr><tr><td>Bari</td><td>080 555 0202</td><td>8–14</td></tr></table>"
)
CONTRACT = [
    f"<w:p><w:r><w:rPr>{bold}</w:rPr><w:t>{text}</w:t></w:r></w:p>"
    for bold, text in (
        ("<w:b/>", "Durata del contratto"), ("", "Il contratto dura due anni e si rinnova per uno."),
        ("<w:b/>", "Penale per ritardo"), ("", "Per ogni settimana di ritardo si trattiene l'uno per cento."),
        ("<w:b/>", "Foro competente"), ("", "Per ogni lite è competente il tribunale di Modena."),
    )
]  # fmt: skip
SLIDES = (
    ("Who we are", "Founded in 2014 in Bologna, thirty-two people.", ""),
    ("Our method", "Every project starts with an interview of half a day.", ""),
    ("Certificates", "ISO 27001 since 2019, audited by TÜV.", ""),
)
LEAVE = (
    "<text:h text:outline-level='1'>Ferie</text:h><text:p>Le ferie si chiedono con tre settimane di anticipo.</text:p>"
    "<text:h text:outline-level='1'>Permessi</text:h><text:p>I permessi di studio sono di 150 ore l'anno.</text:p>"
)
FAQ = """# Domande

## Rimborsi

Un rimborso arriva entro quattordici giorni sul mezzo usato per pagare.

## Attestati

L'attestato del corso si scarica dall'area personale e vale tre anni.
"""


def documents() -> dict[str, bytes]:
    """Contents by name."""
    pages = [[(heading, BOLD, 15.0), *((line, TEXT, 10.0) for line in lines)] for heading, lines in HANDBOOK.items()]
    return {
        "regole.pdf": files.typeset_pdf(*pages),
        "verbale.txt": "\n\n".join(f"{line} {FILLER} {FILLER}" for line in MINUTES).encode("cp1252"),
        "listino.xlsx": files.workbook({"Listino": PRICES}),
        "contratto.docx": files.word_from("".join(CONTRACT)),
        "presentazione.pptx": files.slides(*SLIDES),
        "sedi.html": f"<h1>Le sedi</h1><p>Dove trovarci e quando siamo aperti.</p>{HTML_TABLE}".encode(),
        "ferie.odt": files.open_text(LEAVE),
        "faq.md": FAQ.encode("utf-16"),
    }


def _one(text: str, document: str, words: str) -> Question:
    return Question(text, ((document, words),))


QUESTIONS = (
    _one("Quanti caratteri deve avere la password?", "regole.pdf", "quattordici caratteri"),
    _one("How long is an account locked after wrong attempts?", "regole.pdf", "venti minuti"),
    _one("Per quanto tempo si tengono i backup?", "regole.pdf", "trentacinque giorni"),
    _one("Chi chiamo se perdo il telefono aziendale?", "regole.pdf", "4455"),
    _one("Di che colore è il cartellino degli ospiti?", "regole.pdf", "cartellino giallo"),
    _one("Which questionnaire does a new supplier fill in?", "regole.pdf", "VRM-7"),
    _one("Quanto è avanzato dal bilancio dell'associazione?", "verbale.txt", "18.250 euro"),
    _one("Quando scade l'affitto della sede?", "verbale.txt", "30 settembre"),
    _one("Chi suona alla festa d'autunno?", "verbale.txt", "quartetto Lumière"),
    _one("Quanto paga un socio di vent'anni?", "verbale.txt", "ridotta a 30"),
    _one("Chi ha donato i libri alla biblioteca?", "verbale.txt", "famiglia Orlandi"),
    _one("A che ora comincia la prossima assemblea?", "verbale.txt", "12 dicembre alle diciotto"),
    _one("When does the photography course take place?", "verbale.txt", "giovedì sera"),
    _one("Quanto costa il test di intrusione?", "listino.xlsx",
    "Test di intrusione | Durata: 10 giorni | Prezzo: 6750"),
    _one("Quanto dura il corso sul phishing?", "listino.xlsx", "Corso phishing | Durata: 2 ore"),
    _one("Qual è la penale se consegnate tardi?", "contratto.docx", "uno per cento"),
    _one("Which court is competent?", "contratto.docx", "tribunale di Modena"),
    _one("In che anno è nata la società?", "presentazione.pptx", "Founded in 2014"),
    _one("Since when are you certified?", "presentazione.pptx", "ISO 27001 since 2019"),
    _one("Qual è il telefono della sede di Bari?", "sedi.html", "Sede: Bari | Telefono: 080 555 0202"),
    _one("Con quanto anticipo si chiedono le ferie?", "ferie.odt", "tre settimane"),
    _one("How many hours of study leave are there?", "ferie.odt", "150 ore"),
    _one("Entro quando arriva il rimborso?", "faq.md", "entro quattordici giorni"),
    _one("Per quanto vale l'attestato?", "faq.md", "vale tre anni"),
    Question("Quanto costano la verifica NIS2 e il DPO esterno?",
             (("listino.xlsx", "Prezzo: 3900"), ("listino.xlsx", "Prezzo: 4200"))),
    Question("Quanto dura il contratto e quanto vale l'attestato?",
             (("contratto.docx", "due anni"), ("faq.md", "vale tre anni"))),
    Question("Quando si fanno le copie e ogni quanto si prova il ripristino?",
             (("regole.pdf", "due e mezza"), ("regole.pdf", "trimestre"))),
    Question("Quanto si spende per la festa e quanto è la quota annuale?",
             (("verbale.txt", "2.400 euro"), ("verbale.txt", "quota annuale resta di 65 euro"))),
    Question("Where were you founded and what is the phone number in Bologna?",
             (("presentazione.pptx", "in Bologna"), ("sedi.html", "051 555 0101"))),
)  # fmt: skip
