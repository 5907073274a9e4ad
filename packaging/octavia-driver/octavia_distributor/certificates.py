"""What is asked of a certificate here."""

import datetime

from cryptography import x509


def expiration(pem: bytes) -> datetime.datetime:
    """The end of the first certificate, UTC, as the tables have it. The private key in the same text is passed over."""
    return x509.load_pem_x509_certificate(pem).not_valid_after
