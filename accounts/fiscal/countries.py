"""Countries by ISO 3166-1 alpha-2, as FatturaPA's NazioneType has them, and XK (Kosovo); names by Unicode's CLDR."""

from functools import lru_cache

from django.utils.translation import get_language

_NAMES = """
AD|Andorra|Andorra
AE|United Arab Emirates|Emirati Arabi Uniti
AF|Afghanistan|Afghanistan
AG|Antigua & Barbuda|Antigua e Barbuda
AI|Anguilla|Anguilla
AL|Albania|Albania
AM|Armenia|Armenia
AO|Angola|Angola
AQ|Antarctica|Antartide
AR|Argentina|Argentina
AS|American Samoa|Samoa Americane
AT|Austria|Austria
AU|Australia|Australia
AW|Aruba|Aruba
AX|Åland Islands|Isole Åland
AZ|Azerbaijan|Azerbaigian
BA|Bosnia & Herzegovina|Bosnia ed Erzegovina
BB|Barbados|Barbados
BD|Bangladesh|Bangladesh
BE|Belgium|Belgio
BF|Burkina Faso|Burkina Faso
BG|Bulgaria|Bulgaria
BH|Bahrain|Bahrein
BI|Burundi|Burundi
BJ|Benin|Benin
BL|St. Barthélemy|Saint-Barthélemy
BM|Bermuda|Bermuda
BN|Brunei|Brunei
BO|Bolivia|Bolivia
BQ|Caribbean Netherlands|Caraibi Olandesi
BR|Brazil|Brasile
BS|Bahamas|Bahamas
BT|Bhutan|Bhutan
BV|Bouvet Island|Isola Bouvet
BW|Botswana|Botswana
BY|Belarus|Bielorussia
BZ|Belize|Belize
CA|Canada|Canada
CC|Cocos (Keeling) Islands|Isole Cocos (Keeling)
CD|Congo - Kinshasa|Congo - Kinshasa
CF|Central African Republic|Repubblica Centrafricana
CG|Congo - Brazzaville|Congo-Brazzaville
CH|Switzerland|Svizzera
CI|Côte d’Ivoire|Costa d’Avorio
CK|Cook Islands|Isole Cook
CL|Chile|Cile
CM|Cameroon|Camerun
CN|China|Cina
CO|Colombia|Colombia
CR|Costa Rica|Costa Rica
CU|Cuba|Cuba
CV|Cape Verde|Capo Verde
CW|Curaçao|Curaçao
CX|Christmas Island|Isola Christmas
CY|Cyprus|Cipro
CZ|Czechia|Cechia
DE|Germany|Germania
DJ|Djibouti|Gibuti
DK|Denmark|Danimarca
DM|Dominica|Dominica
DO|Dominican Republic|Repubblica Dominicana
DZ|Algeria|Algeria
EC|Ecuador|Ecuador
EE|Estonia|Estonia
EG|Egypt|Egitto
EH|Western Sahara|Sahara Occidentale
ER|Eritrea|Eritrea
ES|Spain|Spagna
ET|Ethiopia|Etiopia
FI|Finland|Finlandia
FJ|Fiji|Figi
FK|Falkland Islands|Isole Falkland
FM|Micronesia|Micronesia
FO|Faroe Islands|Isole Fær Øer
FR|France|Francia
GA|Gabon|Gabon
GB|United Kingdom|Regno Unito
GD|Grenada|Grenada
GE|Georgia|Georgia
GF|French Guiana|Guyana Francese
GG|Guernsey|Guernsey
GH|Ghana|Ghana
GI|Gibraltar|Gibilterra
GL|Greenland|Groenlandia
GM|Gambia|Gambia
GN|Guinea|Guinea
GP|Guadeloupe|Guadalupa
GQ|Equatorial Guinea|Guinea Equatoriale
GR|Greece|Grecia
GS|South Georgia & South Sandwich Islands|Georgia del Sud e Sandwich Australi
GT|Guatemala|Guatemala
GU|Guam|Guam
GW|Guinea-Bissau|Guinea-Bissau
GY|Guyana|Guyana
HK|Hong Kong SAR China|RAS di Hong Kong
HM|Heard Island & McDonald Islands|Isole Heard e McDonald
HN|Honduras|Honduras
HR|Croatia|Croazia
HT|Haiti|Haiti
HU|Hungary|Ungheria
ID|Indonesia|Indonesia
IE|Ireland|Irlanda
IL|Israel|Israele
IM|Isle of Man|Isola di Man
IN|India|India
IO|British Indian Ocean Territory|Territorio Britannico dell’Oceano Indiano
IQ|Iraq|Iraq
IR|Iran|Iran
IS|Iceland|Islanda
IT|Italy|Italia
JE|Jersey|Jersey
JM|Jamaica|Giamaica
JO|Jordan|Giordania
JP|Japan|Giappone
KE|Kenya|Kenya
KG|Kyrgyzstan|Kirghizistan
KH|Cambodia|Cambogia
KI|Kiribati|Kiribati
KM|Comoros|Comore
KN|St. Kitts & Nevis|Saint Kitts e Nevis
KP|North Korea|Corea del Nord
KR|South Korea|Corea del Sud
KW|Kuwait|Kuwait
KY|Cayman Islands|Isole Cayman
KZ|Kazakhstan|Kazakistan
LA|Laos|Laos
LB|Lebanon|Libano
LC|St. Lucia|Saint Lucia
LI|Liechtenstein|Liechtenstein
LK|Sri Lanka|Sri Lanka
LR|Liberia|Liberia
LS|Lesotho|Lesotho
LT|Lithuania|Lituania
LU|Luxembourg|Lussemburgo
LV|Latvia|Lettonia
LY|Libya|Libia
MA|Morocco|Marocco
MC|Monaco|Monaco
MD|Moldova|Moldavia
ME|Montenegro|Montenegro
MF|St. Martin|Saint Martin
MG|Madagascar|Madagascar
MH|Marshall Islands|Isole Marshall
MK|North Macedonia|Macedonia del Nord
ML|Mali|Mali
MM|Myanmar (Burma)|Myanmar (Birmania)
MN|Mongolia|Mongolia
MO|Macao SAR China|RAS di Macao
MP|Northern Mariana Islands|Isole Marianne Settentrionali
MQ|Martinique|Martinica
MR|Mauritania|Mauritania
MS|Montserrat|Montserrat
MT|Malta|Malta
MU|Mauritius|Mauritius
MV|Maldives|Maldive
MW|Malawi|Malawi
MX|Mexico|Messico
MY|Malaysia|Malaysia
MZ|Mozambique|Mozambico
NA|Namibia|Namibia
NC|New Caledonia|Nuova Caledonia
NE|Niger|Niger
NF|Norfolk Island|Isola Norfolk
NG|Nigeria|Nigeria
NI|Nicaragua|Nicaragua
NL|Netherlands|Paesi Bassi
NO|Norway|Norvegia
NP|Nepal|Nepal
NR|Nauru|Nauru
NU|Niue|Niue
NZ|New Zealand|Nuova Zelanda
OM|Oman|Oman
PA|Panama|Panama
PE|Peru|Perù
PF|French Polynesia|Polinesia Francese
PG|Papua New Guinea|Papua Nuova Guinea
PH|Philippines|Filippine
PK|Pakistan|Pakistan
PL|Poland|Polonia
PM|St. Pierre & Miquelon|Saint-Pierre e Miquelon
PN|Pitcairn Islands|Isole Pitcairn
PR|Puerto Rico|Portorico
PS|Palestinian Territories|Territori Palestinesi
PT|Portugal|Portogallo
PW|Palau|Palau
PY|Paraguay|Paraguay
QA|Qatar|Qatar
RE|Réunion|Riunione
RO|Romania|Romania
RS|Serbia|Serbia
RU|Russia|Russia
RW|Rwanda|Ruanda
SA|Saudi Arabia|Arabia Saudita
SB|Solomon Islands|Isole Salomone
SC|Seychelles|Seychelles
SD|Sudan|Sudan
SE|Sweden|Svezia
SG|Singapore|Singapore
SH|St. Helena, Ascension & Tristan da Cunha|Sant’Elena
SI|Slovenia|Slovenia
SJ|Svalbard & Jan Mayen|Svalbard e Jan Mayen
SK|Slovakia|Slovacchia
SL|Sierra Leone|Sierra Leone
SM|San Marino|San Marino
SN|Senegal|Senegal
SO|Somalia|Somalia
SR|Suriname|Suriname
SS|South Sudan|Sud Sudan
ST|São Tomé & Príncipe|São Tomé e Príncipe
SV|El Salvador|El Salvador
SX|Sint Maarten|Sint Maarten
SY|Syria|Siria
SZ|Eswatini|Eswatini
TC|Turks & Caicos Islands|Isole Turks e Caicos
TD|Chad|Ciad
TF|French Southern and Antarctic Lands|Terre Australi Francesi
TG|Togo|Togo
TH|Thailand|Thailandia
TJ|Tajikistan|Tagikistan
TK|Tokelau|Tokelau
TL|Timor-Leste|Timor Est
TM|Turkmenistan|Turkmenistan
TN|Tunisia|Tunisia
TO|Tonga|Tonga
TR|Türkiye|Turchia
TT|Trinidad & Tobago|Trinidad e Tobago
TV|Tuvalu|Tuvalu
TW|Taiwan|Taiwan
TZ|Tanzania|Tanzania
UA|Ukraine|Ucraina
UG|Uganda|Uganda
UM|U.S. Outlying Islands|Isole Minori Esterne degli Stati Uniti
US|United States|Stati Uniti
UY|Uruguay|Uruguay
UZ|Uzbekistan|Uzbekistan
VA|Vatican City|Città del Vaticano
VC|St. Vincent & Grenadines|Saint Vincent e Grenadine
VE|Venezuela|Venezuela
VG|British Virgin Islands|Isole Vergini Britanniche
VI|U.S. Virgin Islands|Isole Vergini Americane
VN|Vietnam|Vietnam
VU|Vanuatu|Vanuatu
WF|Wallis & Futuna|Wallis e Futuna
WS|Samoa|Samoa
XK|Kosovo|Kosovo
YE|Yemen|Yemen
YT|Mayotte|Mayotte
ZA|South Africa|Sudafrica
ZM|Zambia|Zambia
ZW|Zimbabwe|Zimbabwe
"""
_ROWS = [row.split("|") for row in _NAMES.split("\n") if row]
COUNTRIES = frozenset(code for code, _english, _italian in _ROWS)
_IN = {
    "en": {code: english for code, english, _italian in _ROWS},
    "it": {code: italian for code, _english, italian in _ROWS},
}


def country_name(code: str, language: str = "") -> str:
    """The country's name in `language` ("it" or "en"; the reader's without one), the code itself where it is none."""
    return _IN["en" if (language or get_language() or "it").startswith("en") else "it"].get(code, code)


def country_choices() -> list[tuple[str, str]]:
    """Codes and names for a form in the reader's language: Italy first, the others by name."""
    return _choices("en" if (get_language() or "it").startswith("en") else "it")


@lru_cache(maxsize=2)
def _choices(language: str) -> list[tuple[str, str]]:
    names = _IN[language]
    return [("IT", names["IT"]), *sorted(((code, name) for code, name in names.items() if code != "IT"), key=_by_name)]


def _by_name(choice: tuple[str, str]) -> str:
    return choice[1].casefold()
