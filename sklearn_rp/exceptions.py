"""Warnings of the package; errors are scikit-learn's and Python's own."""

__all__ = ["PrivacyWarning"]


def __dir__() -> list[str]:
    return __all__


class PrivacyWarning(UserWarning):
    """What was asked for is allowed but surely not meant, or promises less than it seems to."""
