"""The HTML door's forms of the accounts app: shapes and labels; the services check the rules."""

from typing import Any

from django import forms
from django.contrib.auth import password_validation
from django.utils.translation import gettext_lazy as _

from accounts.fiscal.checks import PROVINCES, TEXT_LIMITS, clean_identity
from accounts.fiscal.letters import changed_signs, latin
from accounts.models import BillingProfile, User
from core.web.fields import EmailField, NameField


class OwnEmailField(EmailField):
    def __init__(self, **kwargs: Any) -> None:
        widget = forms.EmailInput(attrs={"autocomplete": "email", "inputmode": "email", "spellcheck": "false"})
        super().__init__(label=_("E-mail address"), widget=widget, **kwargs)


class PasswordField(forms.CharField):
    def __init__(self, *, new: bool = False, **kwargs: Any) -> None:
        widget = forms.PasswordInput(attrs={"autocomplete": "new-password" if new else "current-password"})
        super().__init__(label=_("Password"), strip=False, max_length=200, widget=widget, **kwargs)


class LoginForm(forms.Form):
    email = OwnEmailField()
    password = PasswordField()


class RegistrationForm(forms.Form):
    first_name = NameField(
        label=_("First name"), max_length=60, widget=forms.TextInput(attrs={"autocomplete": "given-name"})
    )
    last_name = NameField(
        label=_("Last name"), max_length=60, widget=forms.TextInput(attrs={"autocomplete": "family-name"})
    )
    email = OwnEmailField()
    password = PasswordField(new=True, help_text=_("At least 10 characters; a short sentence is easy to remember."))
    terms = forms.BooleanField(
        label=_("I have read the terms of sale and the privacy notice."),
        error_messages={"required": _("Please confirm that you have read them.")},
    )

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if "password" in values:
            fields = {name: values.get(name, "") for name in ("email", "first_name", "last_name")}
            try:
                password_validation.validate_password(values["password"], User(**fields))
            except forms.ValidationError as error:
                self.add_error("password", error)
        return values


class CodeField(forms.CharField):
    """A code of six digits, or a backup code with its letters and dashes."""

    def __init__(self, *, is_backup: bool = False, **kwargs: Any) -> None:
        keyboard = {} if is_backup else {"inputmode": "numeric"}
        attrs = {"autocomplete": "one-time-code", "autocapitalize": "none", "spellcheck": "false", **keyboard}
        label = _("Backup code") if is_backup else _("Code of the app")
        super().__init__(label=label, max_length=30, widget=forms.TextInput(attrs=attrs), **kwargs)


class CodeForm(forms.Form):
    code = CodeField()
    trust_device = forms.BooleanField(label=_("Do not ask for a code on this device for 30 days."), required=False)

    def __init__(self, *args: Any, has_backup_codes: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if has_backup_codes:
            self.fields["code"] = CodeField(is_backup=True)


class SetupForm(forms.Form):
    code = CodeField()


class DisableForm(forms.Form):
    password = PasswordField()
    code = CodeField()


class ReauthenticationForm(forms.Form):
    """Password or code: one of them is enough."""

    password = PasswordField(required=False)
    code = CodeField(required=False)

    def __init__(self, *args: Any, has_second_factor: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not has_second_factor:
            del self.fields["code"]

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if not any(values.values()):
            self.add_error("password", forms.ValidationError(_("Please type your password."), code="required"))
        return values


class ChangePasswordForm(forms.Form):
    old_password = PasswordField()
    password = PasswordField(new=True, help_text=_("At least 10 characters; a short sentence is easy to remember."))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["old_password"].label = _("Current password")
        self.fields["password"].label = _("New password")


class EmailForm(forms.Form):
    email = OwnEmailField()


class PasswordForm(forms.Form):
    password = PasswordField()


class NewPasswordForm(forms.Form):
    password = PasswordField(new=True, help_text=_("At least 10 characters; a short sentence is easy to remember."))


class BillingProfileForm(forms.ModelForm):  # type: ignore[type-arg]
    """The fiscal identity, with every check of `accounts.fiscal.checks` put beside its field."""

    class Meta:
        model = BillingProfile
        fields = BillingProfile.FISCAL_FIELDS
        labels = {"vat_number": _("Partita IVA"), "tax_code": _("Codice fiscale"), "company_name": _("Company name")}
        help_texts = {
            "recipient_code": _("7 characters, from your accounting software"),
            "pec": _("Instead of the code"),
        }
        widgets = {
            "company_name": forms.TextInput(attrs={"autocomplete": "organization"}),
            "first_name": forms.TextInput(attrs={"autocomplete": "given-name"}),
            "last_name": forms.TextInput(attrs={"autocomplete": "family-name"}),
            # longer than the number itself: "IT" and spaces are welcome and taken away
            "vat_number": forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off", "maxlength": "20"}),
            "tax_code": forms.TextInput(attrs={"autocomplete": "off", "maxlength": "20"}),
            "recipient_code": forms.TextInput(attrs={"autocomplete": "off", "maxlength": "9"}),
            "street": forms.TextInput(attrs={"autocomplete": "street-address"}),
            "postcode": forms.TextInput(
                attrs={"inputmode": "numeric", "autocomplete": "postal-code", "maxlength": "5"}
            ),
            "city": forms.TextInput(attrs={"autocomplete": "address-level2"}),
            "country": forms.HiddenInput,
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [("", "–"), *((code, code) for code in PROVINCES)]
        self.fields["province"] = forms.ChoiceField(label=_("Province"), choices=choices, required=False)
        self.fields["kind"] = forms.ChoiceField(
            label=self.fields["kind"].label,
            choices=BillingProfile.SHOP_KINDS,
            initial=BillingProfile.Kind.COMPANY,
            widget=forms.RadioSelect,
        )
        self.fields["country"].required = False
        pec = self.fields["pec"]
        self.fields["pec"] = EmailField(label=pec.label, help_text=pec.help_text)
        for name in ("vat_number", "tax_code", "recipient_code"):
            self.fields[name] = forms.CharField(
                label=self.fields[name].label,
                required=False,
                max_length=20,
                help_text=self.fields[name].help_text,
                widget=self.fields[name].widget,
            )
        for name, limit in TEXT_LIMITS.items():
            if changed_signs(text := getattr(self.instance, name)):
                self.fields[name].help_text = _("On the invoice: %(text)s") % {"text": latin(text, limit)}
        for field in self.fields.values():
            field.required = False  # what is needed depends on the kind, see accounts.fiscal.checks

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        values["country"] = values.get("country") or "IT"
        identity, errors = clean_identity({name: values.get(name, "") for name in BillingProfile.FISCAL_FIELDS})
        for name, error in errors.items():
            if name not in self.errors:
                self.add_error(name, forms.ValidationError(str(error.message), code=error.code))
        return values | identity
