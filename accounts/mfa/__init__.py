"""Second factors: authenticator apps (TOTP, RFC 6238), backup codes, passkeys."""
