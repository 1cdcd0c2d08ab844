"""A memory of what was released about whom: :class:`ReleaseLedger` (needs SQLAlchemy)."""

try:
    import sqlalchemy  # noqa: F401
except ImportError as error:
    raise ImportError(
        'sklearn_rp.ledger needs SQLAlchemy: pip install "sklearn-rp[ledger]".'
    ) from error

from sklearn_rp.ledger.book import ReleaseLedger
from sklearn_rp.ledger.database import LedgerError

__all__ = ["LedgerError", "ReleaseLedger"]


def __dir__() -> list[str]:
    return __all__
