"""Words for the extractive answers: folding, stop words, light stems, a small bilingual glossary, language and weight.

Crude on purpose: it must find the sentence that answers a plain question, and must not find one where there is none.
"""

import functools
import re
import unicodedata

TOKEN = re.compile(r"\d+(?:[./]\d+)*|[^\W\d_]+(?:\d+)?")

STOP_IT = """
a ad ai al alla alle allo agli anche ancora avere ha hanno ho abbia abbiamo c che chi ci ciò cioè col come con cosa
cui d da dai dal dalla dalle dallo dagli dei del della delle dello degli di dopo dove dovere deve devono devo
dobbiamo e è ed essere sia siano sono era erano stato stata state stati fa fare fanno far faccio fra gli i il in io
l la le lei lo loro lui ma me mi mia mie miei mio ne negli nei nel nella nelle nello noi non nostra nostre nostri
nostro o od oppure ogni per perché però più poi possono posso può possiamo potere prima qual quale quali quando
quanta quante quanti quanto quasi quella quelle quelli quello questa queste questi questo qui s se senza si sì sua
sue sui sul sulla sulle sullo sugli suo suoi su così tra tu tua tuo tutti tutto tutta tutte un una uno vi voi va
vanno vorrei puoi sai dirmi spiegami dice dicono prevede previsto serve servono quindi solo già entro secondo
rispetto parte caso modo cosa cose avviene bisogna tale tali altro altri altra altre quell dell all nell sull un po
"""
STOP_EN = """
a about after all also am an and any are as at be been before being both but by can could did do does doing done
each either every for from get give had has have having he her here his how i if in into is it its itself just know
like many may me might more most much must my need no nor not of off on one only or other our out over own please
say says shall she should so some such tell than that the their them then there these they this those through to too
under until up upon us very was we were what when where whether which while who whom whose why will with within
without would you your according
"""
# Words of every law and of every question about one: they say little about which passage answers.
COMMON = """
articolo article regolamento regulation direttiva directive decreto decree legge law comma paragrafo paragraph
lettera punto point norma norme rule rules stato stati membro membri member state states unione union europea
europeo european eu ue autorità authority soggetto soggetti entity entities impresa imprese azienda aziende società
company companies business organizzazione organisation organization persona persone person people dati data
personali personal obbligo obblighi obligation obligations attività activity servizio servizi service services
sistema sistemi system systems sicurezza security trattamento processing informazioni information relativo rispetto
uso utilizzare use fornire necessario necessary generale general presente pubblico public anno anni year years
giorno giorni day days mese mesi month months tempo time prevedere applicare applies apply applicabile
"""

# One line per everyday idea: what a question may call it, and what Italian or English law text calls it.
GLOSSARY = """
incidente incidenti incident breach violazione violazioni attacco attack databreach
notifica notificare notifiche notification notify comunicazione segnalare segnalazione report reporting avvisare inform
sanzione sanzioni sanzionatorio multa multe ammenda pecuniaria pecuniarie fine fines penalty penalties
cancellazione cancellare oblio erasure erase delete deletion forgotten rimuovere remove sparire eliminare
accesso accedere access copia copy
portabilità portability trasferire
rettifica rettificare rectification correct correggere sbagliati inesatti inaccurate
consenso acconsentire consent
minore minori bambino bambini figlio ragazzi child children kid kids
lavoratore lavoratori dipendente dipendenti worker workers employee employees personale staff
rischio rischi risk risks
fornitore fornitori provider providers supplier suppliers vendor
utilizzatore deployer deployers
catena filiera chain supply approvvigionamento
responsabile processor
titolare controller
protezione protection tutela
dpo rpd officer
formazione training alfabetizzazione literacy competenze skills corsi
gestione management
amministratore amministratori dirigente dirigenti organi management bodies vertice board directors
vietato vietate vietata divieto divieti proibito proibite prohibited prohibition forbidden banned
valutazione valutare assessment assess evaluation impatto impact dpia
conservazione conservare retention retain store storage archiviare
crittografia cifratura cifrare encryption encrypted
settimana week weeks
ora ore hour hours
tardi ritardo delay
termine scadenza deadline entro quando
essenziale essenziali essential
importante importanti important
registro registrazione registrare register registration record records
vigilanza supervisione supervisory supervision controllo oversight sorveglianza surveillance
umano umana human
trasparenza trasparente transparency transparent
riconoscimento recognition facciale facial volto face biometrico biometrica biometrici biometric
emozione emozioni emotion emotions
chatbot conversazionale interagiscono interact interacting
punteggio score scoring
sanitario salute sanità health medical medico ospedale hospital
backup copie
password autenticazione authentication
trasferimento trasferimenti transfer transfers extra terzi third
reclamo reclami complaint lamentela protestare
risarcimento risarcire danno danni compensation damage damages liability
diritto diritti right rights
minaccia minacce threat threats
vulnerabilità vulnerability vulnerabilities
piccole piccola medie pmi small medium sme smes micro microimprese
ricerca research scientifici scientific
giornalismo giornalistico journalism journalistic stampa press
ricorso ricorrere judicial remedy appeal giudice court tribunale
nominare nomina designare designazione designate appoint appointment
cooperazione cooperation gruppo group
crisi crises crisis
sperimentazione sandbox sandboxes
marcatura marking etichetta label watermark
ordine ordini order orders
fattura fatture invoice invoices
prezzo costo costa price cost costs tariffa
pagamento pagare payment pay
rimborso rimborsare refund
abbonamento subscription
recepire recepimento transpose transposition
relazione relazioni report reports
rete reti network networks
quadro framework
settore settori settoriale settoriali sector sectors sectoral
stabilimento establishment sede
ispezione ispezioni ispettori inspection inspections sorpresa controlli
età age anni
paese paesi country countries
adeguatezza adequacy adeguato adeguata
banca dati database
allenare allena addestramento addestrare training
curriculum candidati assunzione recruitment lavoro employment hiring
discriminare discriminazione discrimination bias pregiudizi
copia copie copy copies
gratuito gratis free
rubato rubati furto stolen theft perdita lost loss
avvisare comunicare informare communicate
contratto patto accordo accordi contract agreement agreements
esterno esterni outsourcing terzo terze
ripensarci revocare revoca withdraw withdrawal
indispensabile minimizzazione limitato minimisation
logo marchio nome trademark
spiegazione chiariscano spiegare explanation explain
prestito credito credit loan
sindacati rappresentanti representatives unions
recapiti contatto contatti contact contacts
aggiornare aggiornamento cambiati modifiche update updates
volontaria volontario volontariamente spontaneamente voluntary voluntarily
condividere condivisione scambio scambiare share sharing exchange
debolezze punti weaknesses weakness
anonimo anonimato anonymous anonymously
dominio domini domain domains
più elevato higher stronger rigorose
"""

# How the acts are called and numbered.
ACTS = {
    "gdpr": "gdpr rgpd 2016/679 679/2016",
    "nis2": "nis nis2 2022/2555 138/2024",
    "ai": "ai ia aiact 2024/1689 132/2025 intelligenza intelligence artificiale artificial",
}

SUFFIXES = (
    "amento", "imento", "azione", "azioni", "izione", "izioni", "ation", "ations", "mente", "zione", "zioni", "ment",
    "ments", "tion", "tions", "ità", "ita", "ities", "ity", "ness", "ando", "endo", "ante", "anti", "ente", "enti",
    "atore", "atori", "ato", "ata", "ati", "ate", "ito", "ita", "iti", "ite", "uto", "uta", "uti", "ute", "are", "ere",
    "ire", "ano", "ono", "eranno", "ing", "ied", "ies", "ed", "es", "s",
)  # fmt: skip


def fold(text: str) -> str:
    """Lower case without accents; curly apostrophes split words like straight ones."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


_IN_IT = frozenset(fold(STOP_IT).split())
_IN_EN = frozenset(STOP_EN.split())
_STOP = _IN_IT | _IN_EN
_ONLY_IT = _IN_IT - _IN_EN
_ONLY_EN = _IN_EN - _IN_IT


@functools.lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """A short stem shared by the forms of a word, good enough for both languages."""
    if word[0].isdigit() or len(word) < 4:
        return word
    for suffix in sorted(SUFFIXES, key=len, reverse=True):
        if word.endswith(fold(suffix)) and len(word) - len(suffix) >= 4:
            word = word[: -len(suffix)]
            break
    while len(word) > 4 and word[-1] in "aeiou":
        word = word[:-1]
    return word


_COMMON = frozenset(stem(fold(word)) for word in COMMON.split())
_CONCEPTS: dict[str, frozenset[str]] = {}
for _number, _line in enumerate(GLOSSARY.strip().splitlines()):
    for _word in _line.split():
        _stem = stem(fold(_word))
        _CONCEPTS[_stem] = _CONCEPTS.get(_stem, frozenset()) | {f"#{_number}"}
for _act, _line in ACTS.items():
    for _word in _line.split():
        _stem = stem(fold(_word))
        _CONCEPTS[_stem] = _CONCEPTS.get(_stem, frozenset()) | {f"#{_act}"}


def terms(text: str) -> list[str]:
    """The stems of the words that carry meaning, in order. NIS 2 and AI Act become one word each."""
    plain = fold(text).replace("nis 2", "nis2").replace("ai act", "aiact")
    return [stem(word) for word in TOKEN.findall(plain) if word not in _STOP and (len(word) > 1 or word.isdigit())]


@functools.lru_cache(maxsize=50_000)
def concepts(term: str) -> frozenset[str]:
    """The ideas a stem stands for, its consonants among them: `pratiche` and `practices` share those."""
    bones = term.replace("ph", "f").replace("ct", "t").replace("pt", "t").replace("y", "i").replace("h", "")
    bones = re.sub(r"[aeiou]", "", bones)
    bones = re.sub(r"(.)\1+", r"\1", bones)
    return _CONCEPTS.get(term, frozenset()) | (frozenset({f"~{bones}"}) if len(bones) >= 4 else frozenset())


def weight(term: str) -> float:
    """How much finding this term says: numbers and names most, the words of every law least."""
    if concepts(term) & {f"#{act}" for act in ACTS}:
        return 0.5
    if term in _COMMON:
        return 0.35
    if term[0].isdigit():
        return 1.3
    return 1.0 if len(term) > 4 else 0.85


def likeness(term: str, others: frozenset[str]) -> float:
    """1 for the term itself, less for a longer or shorter form of it or for another word of the same idea, else 0."""
    if term in others:
        return 1.0
    if len(term) >= 5 and any(
        other.startswith(term) or (len(other) >= 5 and term.startswith(other)) for other in others
    ):
        return 0.85
    mine = concepts(term)
    return 0.8 if mine and any(mine & concepts(other) for other in others) else 0.0


def language(text: str) -> str:
    """ "en" or "it", by the small words; Italian when in doubt."""
    words = re.findall(r"[^\W\d_]+", fold(text))
    english = sum(word in _ONLY_EN for word in words)
    italian = sum(word in _ONLY_IT for word in words)
    return "en" if english > italian else "it"
