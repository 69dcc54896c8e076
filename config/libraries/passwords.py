"""What a password must be (ASVS 5.0, 6.2): long, not common, nothing of one's own data; no rules on its signs."""

VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
     "OPTIONS": {"user_attributes": ("email", "first_name", "last_name")}},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "accounts.login.passwords.MaximumLengthValidator", "OPTIONS": {"max_length": 128}},
]  # fmt: skip
