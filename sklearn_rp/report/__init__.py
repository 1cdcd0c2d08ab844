"""A report on one release, for whoever has to answer for it."""

from sklearn_rp.report.comparison import PrivacyComparison
from sklearn_rp.report.measure import privacy_report
from sklearn_rp.report.page import PrivacyReport

__all__ = ["PrivacyComparison", "PrivacyReport", "privacy_report"]


def __dir__() -> list[str]:
    return __all__
