"""The fiscal identity: what a page and the API take, refuse and say, field by field, in the person's language."""

import re
from typing import Any

import pytest
from django.test import Client

from accounts import services
from accounts.fiscal.checks import PROVINCES
from accounts.models import BillingProfile, User
from core.errors import InvalidInputError
from tests.factories import COMPANY, PERSON, make_api_session, make_profile

pytestmark = pytest.mark.django_db

PAGE = "/area/profilo/"
EMPTY = dict.fromkeys(BillingProfile.FISCAL_FIELDS, "") | {"country": "IT"}

NEEDED = ("Questo dato serve per la fattura.", "This field is needed for the invoice.")
VAT_LENGTH = ("La partita IVA ha 11 cifre.", "A partita IVA has 11 digits.")
VAT_CHECK = (
    "L’ultima cifra della partita IVA non corrisponde. Controllate il certificato di attribuzione.",
    "The last digit of the partita IVA does not match. Please check it against the certificate.",
)
CF_LENGTH = ("Il codice fiscale di una persona ha 16 caratteri.", "A person's codice fiscale has 16 characters.")
CF_CHECK = (
    "L’ultima lettera del codice fiscale non corrisponde. Controllate la tessera.",
    "The last letter of the codice fiscale does not match. Please check it against the card.",
)
CF_COMPANY = (
    "Il codice fiscale di una società ha 11 cifre, quello di una ditta individuale 16 caratteri.",
    "The codice fiscale of a company has 11 digits, of a sole trader 16 characters.",
)
CODE_LENGTH = (
    "Il codice destinatario ha 7 lettere e cifre; il vostro ne ha %d.",
    "The codice destinatario has 7 letters and digits; yours has %d.",
)
CODE_ABROAD = (
    "XXXXXXX vale per i clienti fuori dall’Italia. Se non avete un codice lasciate vuoto il campo.",
    "XXXXXXX is for customers outside Italy. Leave the field empty if you have no code.",
)
PEC_OF_SDI = (
    "Questo indirizzo è del Sistema di Interscambio. Indicate la vostra PEC.",
    "This address belongs to the Sistema di Interscambio. Please give your own PEC.",
)
NO_ADDRESS = (
    "Scrivete un solo indirizzo e-mail, per esempio nome@esempio.it.",
    "Please write one e-mail address, for instance name@example.it.",
)
CAP = ("Il CAP ha cinque cifre.", "A CAP has five digits.")
ABROAD = (
    "Da qui possiamo fatturare solo a clienti in Italia. Per gli altri Paesi scriveteci.",
    "We can only invoice customers in Italy here. Please write to us for other countries.",
)
LATIN = (
    "Usate lettere latine: la fattura elettronica non ammette altri alfabeti.",
    "Please use Latin letters: the electronic invoice cannot carry other alphabets.",
)


def code_length_errors(count: int) -> tuple[str, str]:
    return CODE_LENGTH[0] % count, CODE_LENGTH[1] % count


# kind of customer, field, what was written, code of the refusal, what is said
INVALID = [
    (COMPANY, "company_name", "", "required", NEEDED),
    (COMPANY, "company_name", "   ", "required", NEEDED),
    (COMPANY, "company_name", "\u200b", "required", NEEDED),
    (COMPANY, "company_name", "Офисина", "alphabet", LATIN),
    (COMPANY, "vat_number", "", "required", NEEDED),
    (COMPANY, "vat_number", "0276413035", "vat_number", VAT_LENGTH),
    (COMPANY, "vat_number", "027641303530", "vat_number", VAT_LENGTH),
    (COMPANY, "vat_number", "0276413035A", "vat_number", VAT_LENGTH),
    (COMPANY, "vat_number", "DE123456789", "vat_number", VAT_LENGTH),
    (COMPANY, "vat_number", "02764130354", "vat_number", VAT_CHECK),
    (COMPANY, "vat_number", "20764130353", "vat_number", VAT_CHECK),
    (COMPANY, "vat_number", "00000000000", "vat_number", VAT_CHECK),
    (COMPANY, "tax_code", "123", "tax_code", CF_COMPANY),
    (COMPANY, "tax_code", "02764130354", "tax_code", CF_COMPANY),
    (COMPANY, "tax_code", "RSSMRA85T10A562X", "tax_code", CF_CHECK),
    (COMPANY, "recipient_code", "X4K7P2", "recipient_code", code_length_errors(6)),
    (COMPANY, "recipient_code", "X4K7P2QQ", "recipient_code", code_length_errors(8)),
    (COMPANY, "recipient_code", "X4K7P2!", "recipient_code", code_length_errors(7)),
    (COMPANY, "recipient_code", "xxxxxxx", "recipient_code", CODE_ABROAD),
    (COMPANY, "pec", "fatture", "invalid", NO_ADDRESS),
    (COMPANY, "pec", "sdi01@pec.fatturapa.it", "pec", PEC_OF_SDI),
    (COMPANY, "pec", "SDI27@PEC.FatturaPA.it", "pec", PEC_OF_SDI),
    (COMPANY, "street", "", "required", NEEDED),
    (COMPANY, "street", "Οδός 1", "alphabet", LATIN),
    (COMPANY, "postcode", "", "required", NEEDED),
    (COMPANY, "postcode", "4212", "postcode", CAP),
    (COMPANY, "postcode", "4212A", "postcode", CAP),
    (COMPANY, "postcode", "٤٢١٢٤", "postcode", CAP),
    (COMPANY, "city", "", "required", NEEDED),
    (COMPANY, "city", "東京", "alphabet", LATIN),
    (COMPANY, "province", "", "required", NEEDED),
    (COMPANY, "country", "DE", "country", ABROAD),
    (PERSON, "first_name", "", "required", NEEDED),
    (PERSON, "last_name", "", "required", NEEDED),
    (PERSON, "last_name", "Ив", "alphabet", LATIN),
    (PERSON, "tax_code", "", "required", NEEDED),
    (PERSON, "tax_code", "RSSMRA85T10A562", "tax_code", CF_LENGTH),
    (PERSON, "tax_code", "02764130353", "tax_code", CF_LENGTH),
    (PERSON, "tax_code", "RSSMRA85T10A562X", "tax_code", CF_CHECK),
    (PERSON, "tax_code", "RSSMRA85T41A562S", "tax_code", CF_CHECK),
]

# what was written, what is kept
VALID = [
    (COMPANY, {}, {}),
    (COMPANY, {"vat_number": "IT 02764130353"}, {"vat_number": "02764130353"}),
    (COMPANY, {"vat_number": "it02764130353"}, {"vat_number": "02764130353"}),
    (COMPANY, {"vat_number": "027.641-30353"}, {"vat_number": "02764130353"}),
    (COMPANY, {"tax_code": "97103880585"}, {"tax_code": "97103880585"}),
    (COMPANY, {"tax_code": "rssmra85t10a562s"}, {"tax_code": "RSSMRA85T10A562S"}),
    (COMPANY, {"recipient_code": "x4k7p2q"}, {"recipient_code": "X4K7P2Q"}),
    (COMPANY, {"recipient_code": "0000000"}, {"recipient_code": "0000000"}),
    (COMPANY, {"pec": " Fatture@PEC.Officine.example "}, {"pec": "fatture@pec.officine.example"}),
    (COMPANY, {"company_name": "Società Più “Caffè” & C. – l’Œuvre"}, {}),
    (COMPANY, {"company_name": "Officine\r\nBrandolini\t S.r.l."}, {"company_name": "Officine Brandolini S.r.l."}),
    (COMPANY, {"company_name": "Offi\xadcine\x07 S.r.l.\u200b"}, {"company_name": "Officine S.r.l."}),
    (COMPANY, {"first_name": "Giulia", "last_name": "Ferrante"}, {"first_name": "", "last_name": ""}),
    (PERSON, {}, {}),
    (PERSON, {"tax_code": "RSS MRA 85T10 A562S"}, {"tax_code": "RSSMRA85T10A562S"}),
    (PERSON, {"tax_code": "RSSMRA85T10A56NH"}, {}),
    (PERSON, {"tax_code": "MRTMTT25D09F205Z", "first_name": "D’Anna-Łucja"}, {}),
    (PERSON, {"vat_number": "02764130353", "recipient_code": "X4K7P2Q", "company_name": "Mia"},
     {"vat_number": "", "recipient_code": "", "company_name": ""}),
    (PERSON, {"pec": "mario@pec.example"}, {}),
]  # fmt: skip


def bearer(user: User) -> str:
    return make_api_session(user).access


def page_errors(client: Client, values: dict[str, str], language: str) -> dict[str, list[str]]:
    page = client.post(PAGE, values, headers={"Accept-Language": language})
    return {field: list(messages) for field, messages in page.context["form"].errors.items()}


def fiscal_values(user: User) -> dict[str, str]:
    return BillingProfile.objects.get(user=user).fiscal_values()


@pytest.mark.parametrize(("base", "field", "value", "code", "messages"), INVALID)
def test_what_the_invoice_cannot_carry_is_refused_with_the_reason(
    base: Any,
    field: str,
    value: str,
    code: str,
    messages: tuple[str, str],
    customer: Any,
    customer_client: Client,
    api: Any,
):
    values = EMPTY | base | {field: value}
    token = bearer(customer)

    pages = [page_errors(customer_client, values, language) for language in ("it", "en")]
    answers = [api("put", "me/profile", values, token=token, language=language) for language in ("it", "en")]

    assert pages == [{field: [message]} for message in messages]
    assert [body["errors"] for _status, body in answers] == [
        [{"field": field, "code": code, "message": message}] for message in messages
    ]
    assert ([status for status, _body in answers], BillingProfile.objects.count()) == ([400, 400], 0)


@pytest.mark.parametrize(("base", "changes", "expected"), VALID)
def test_what_is_right_is_kept_in_order_at_both_doors(
    base: Any, changes: Any, expected: Any, customer: Any, customer_client: Client, api: Any
):
    values = EMPTY | base | changes

    response = customer_client.post(PAGE, values)
    by_page = fiscal_values(customer)
    BillingProfile.objects.all().delete()
    status, body = api("put", "me/profile", values, token=bearer(customer))

    assert (response.status_code, status) == (302, 200)
    assert by_page == fiscal_values(customer) == body == values | expected


@pytest.mark.parametrize("kind", ["", "charity", None])
def test_kind_of_customer_must_be_said(kind: str | None, customer: Any, customer_client: Client, api: Any):
    values = {name: value for name, value in (PERSON | {"kind": kind}).items() if value is not None}

    page = customer_client.post(PAGE, values)
    status, body = api("put", "me/profile", values, token=bearer(customer))

    assert list(page.context["form"].errors) == ["kind"]
    assert (status, [error["field"] for error in body["errors"]]) == (400, ["kind"])
    assert BillingProfile.objects.count() == 0


@pytest.mark.parametrize(
    ("field", "longest"),
    [("company_name", 80), ("street", 60), ("city", 60), ("vat_number", 20), ("recipient_code", 20)],
)
def test_what_is_too_long_for_the_invoice_is_refused(
    field: str, longest: int, customer: Any, customer_client: Client, api: Any
):
    values = COMPANY | {field: "1" * (longest + 1)}

    page = customer_client.post(PAGE, values)
    status, body = api("put", "me/profile", values, token=bearer(customer))

    assert list(page.context["form"].errors) == [field]
    assert (status, [(error["field"], error["code"]) for error in body["errors"]]) == (400, [(field, "max_length")])


@pytest.mark.parametrize("province", ["XX", "Reggio", "re ", "r"])
def test_province_is_one_of_the_list(province: str, customer: Any, customer_client: Client, api: Any):
    page = customer_client.post(PAGE, COMPANY | {"province": province})

    status, body = api("put", "me/profile", COMPANY | {"province": province}, token=bearer(customer))

    assert list(page.context["form"].errors) == ["province"]
    if province == "re ":
        assert (status, body["province"]) == (200, "RE")
    else:
        assert (status, [error["field"] for error in body["errors"]]) == (400, ["province"])


def test_provinces_have_two_letters_and_stand_once():
    assert {"AO", "BT", "FC", "MB", "PU", "SU", "VB"} < set(PROVINCES)
    assert [code for code in PROVINCES if not (len(code) == 2 and code.isupper())] == []
    assert list(PROVINCES) == sorted(set(PROVINCES))


def test_customer_is_in_italy_unless_said_otherwise(customer: Any, customer_client: Client, api: Any):
    values = {name: value for name, value in COMPANY.items() if name != "country"}

    customer_client.post(PAGE, values)
    status, body = api("put", "me/profile", values, token=bearer(customer))

    assert (fiscal_values(customer)["country"], status, body["country"]) == ("IT", 200, "IT")


def test_everything_wrong_is_told_at_once(customer: Any, customer_client: Client, api: Any):
    values = EMPTY | {"kind": "company", "country": "FR", "pec": "sdi01@pec.fatturapa.it"}

    page = customer_client.post(PAGE, values)
    _status, body = api("put", "me/profile", values, token=bearer(customer))

    wrong = {"company_name", "vat_number", "street", "postcode", "city", "province", "country", "pec"}
    assert set(page.context["form"].errors) == {error["field"] for error in body["errors"]} == wrong


def test_page_shows_each_message_beside_its_field(customer_client: Client):
    page = customer_client.post(PAGE, COMPANY | {"vat_number": "1"})

    html = re.sub(r">\s+<", "><", page.content.decode())
    assert '<div id="id_vat_number_error"><p class="field__error">La partita IVA ha 11 cifre.</p></div>' in html
    assert 'aria-describedby="id_vat_number_error"' in html
    assert html.count("La partita IVA ha 11 cifre.") == 2


def test_profile_is_offered_again_and_replaced(customer: Any, customer_client: Client):
    customer_client.post(PAGE, COMPANY)
    page = customer_client.get(PAGE)

    customer_client.post(PAGE, EMPTY | PERSON)

    assert 'value="02764130353"' in page.content.decode()
    assert fiscal_values(customer) == EMPTY | PERSON
    assert BillingProfile.objects.count() == 1


def test_customer_without_a_profile_has_none(api: Any, customer: Any):
    status, body = api("get", "me/profile", token=bearer(customer))

    assert (status, body["code"]) == (404, "not_found")


def test_profile_is_shown_to_its_owner_only(customer: Any, stranger: Any, customer_client: Client, api: Any):
    make_profile(stranger)

    page = customer_client.get(f"{PAGE}?user={stranger.pk}")
    status, body = api("get", f"me/profile?user={stranger.pk}", token=bearer(customer))

    assert "Officine Brandolini" not in page.content.decode()
    assert (status, body["code"]) == (404, "not_found")


@pytest.mark.parametrize("door", ["page", "api"])
def test_nobody_writes_into_anothers_profile(
    door: str, customer: Any, stranger: Any, customer_client: Client, api: Any
):
    theirs = make_profile(stranger)
    wish = EMPTY | PERSON | {"user": stranger.pk, "user_id": stranger.pk, "id": theirs.pk, "pk": theirs.pk}

    if door == "page":
        customer_client.post(f"{PAGE}?user={stranger.pk}", wish)
    else:
        api("put", f"me/profile?user={stranger.pk}", wish, token=bearer(customer))

    assert fiscal_values(stranger)["company_name"] == "Officine Brandolini S.r.l."
    assert fiscal_values(customer) == EMPTY | PERSON


@pytest.mark.parametrize("method", ["get", "put"])
def test_profile_needs_a_login(method: str, client: Client, api: Any):
    status, body = api(method, "me/profile", COMPANY if method == "put" else None)

    page = client.get(PAGE) if method == "get" else client.post(PAGE, COMPANY)
    assert (status, body["code"]) == (401, "not_authenticated")
    after = PAGE if method == "get" else "/area/"  # the form came without saying from which page
    assert (page.status_code, page["Location"]) == (302, f"/account/accedi/?next={after}")
    assert BillingProfile.objects.count() == 0


def test_service_refuses_what_the_doors_would(customer: Any):
    with pytest.raises(InvalidInputError) as refusal:
        services.save_billing_profile(user=customer, values=COMPANY | {"vat_number": "02764130354"})

    assert (refusal.value.field, refusal.value.code) == ("vat_number", "vat_number")
    assert BillingProfile.objects.count() == 0


def test_company_is_chosen_until_somebody_says_otherwise(customer: Any, customer_client: Client):
    page = customer_client.get(PAGE)

    radios = re.findall(r'<input type="radio" name="kind" value="(\w+)"([^>]*)>', page.content.decode())
    assert [(value, "checked" in rest) for value, rest in radios] == [("company", True), ("person", False)]
