"""Questions about published documents: a long PDF and a long Word file, text without headings, tables, slides."""

from tests.chatbot.corpus import Question

NORWICH, HANDBOOK, TOPOLOGY, GUIDE = "norwich.txt", "handbook.docx", "geotopo.pdf", "guide93.pdf"
DOCUMENTS = (
    NORWICH, HANDBOOK, TOPOLOGY, GUIDE, "plist.pdf", "ideas.html", "cp1252.html", "fake.odt", "slides.pptx",
    "utf16.txt", "m-footnotes.docx", "m-text-box.docx", "tables.docx", "teams.docx",
)  # fmt: skip


def _one(text: str, document: str, words: str) -> Question:
    return Question(text, ((document, words),))


def _two(text: str, document: str, *words: str) -> Question:
    return Question(text, tuple((document, part) for part in words))


QUESTIONS = (
    _one("When was Iwan Roberts born?", NORWICH, "26 June 1968"),
    _one("How much did Leicester City pay for Roberts?", NORWICH, "300,000"),
    _one("For what sum did Norwich City sign Roberts from Wolves?", NORWICH, "850,000"),
    _one("Against which club did Roberts score his first goal in professional football?", NORWICH, "Manchester United"),
    _one("How many caps did Roberts win for Wales?", NORWICH, "fifteen caps"),
    _one("What body fat did Roberts have when he was unfit at Norwich?", NORWICH, "fat ratio of 16"),
    _one("Which club did Roberts join on loan in March 2005?", NORWICH, "Cambridge United on loan"),
    _one("How soon after the bank statement must errors be notified?", HANDBOOK, "within thirty days of receipt"),
    _one("May a standing trustee employ a relative?", HANDBOOK, "shall not employ a relative"),
    _one("How must meetings of creditors be recorded?", HANDBOOK, "must be electronically recorded"),
    _one("What is to be done with returned or undeliverable checks?", HANDBOOK, "be voided upon receipt"),
    _one("Who has to initial a bank reconciliation?", HANDBOOK, "initial and date the reconciliations"),
    _one("What must a request for a defence attorney contain?", HANDBOOK, "a budget describing the legal services"),
    _one("What does a liquidation analysis compare a plan with?", HANDBOOK, "liquidated under chapter 7"),
    _one("Wann heißt eine Abbildung ein Homöomorphismus?", TOPOLOGY, "f heißt Homöomorphismus, wenn"),
    _one("Was ist die Fundamentalgruppe im Basispunkt?", TOPOLOGY, "heißt Fundamentalgruppe von X im Basispunkt"),
    _one("Was ist in der hyperbolischen Geometrie die obere Halbebene?", TOPOLOGY, "die obere Halbebene"),
    _one("Wie viele Homotopieklassen gibt es im R2?", TOPOLOGY, "nur eine Homotopieklasse"),
    _one("Which modes does a faceplate port in loopback mode for PXC support?", GUIDE, "supports only hybr"),
    _one("What happens to the egress path with internal PXC?", GUIDE, "cross-connected to the ingress path"),
    _one("What does module three look at?", "plist.pdf", "role of the design"),
    _one("What is the way to get new ideas?", "ideas.html", "notice anomalies"),
    _one("How does knowledge grow?", "ideas.html", "grows fractally"),
    _one("Combien coûtait le café au lait?", "cp1252.html", "un café au lait pour 3,50 €"),
    _one("What colour is Wednesday?", "fake.odt", "Wed: Red"),
    _one("Which method adds more bullets to a slide?", "slides.pptx", "add_paragraph"),
    _one("Which food is delicious in the test document?", "utf16.txt", "Hamburgers are delicious"),
    _one("Who walks into a bar?", "m-footnotes.docx", "A tachyon walks into a bar"),
    _one("What is written in the text box?", "m-text-box.docx", "Datum plane"),
    _two("What was paid for Roberts by Huddersfield and what by Leicester?", NORWICH, "275,000", "300,000"),
    _two("How are creditors' meetings recorded and what of returned checks?", HANDBOOK, "electronically recorded",
         "be voided upon receipt"),
    _two("Who is born in Bangor and which club signed him for 850,000?", NORWICH, "Bangor", "850,000"),
    _two("Who leads on Friday and at what time?", "fake.odt", "Fri: Ryan", "Fri: 3pm"),
)  # fmt: skip
