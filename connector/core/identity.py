"""E-mail as identity: one spelling of an address, wherever two are compared (of phones: `phones`)."""


def normalise_email(text: str) -> str | None:
    """Stripped, in lower case (Yespo compares e-mails without case); None if nothing is left."""
    return text.strip().lower() or None
