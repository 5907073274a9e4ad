"""Transactions in Octavia's database."""

import contextlib
import datetime
from typing import Any, Iterator

from octavia.db import api as db_apis


@contextlib.contextmanager
def transaction() -> Iterator[Any]:
    """A session that is committed at the end of the block, or rolled back by an exception."""
    session = db_apis.get_session(autocommit=False, expire_on_commit=False)
    try:
        yield session
        session.commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        session.close()


def now() -> datetime.datetime:
    """As Octavia's tables have it: UTC, without a time zone."""
    return datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
