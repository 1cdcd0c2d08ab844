"""Warnings, and what parts of the package say to each other; errors are scikit-learn's own."""

import sys
import warnings

__all__ = ["PrivacyWarning"]

# Between the user's line and ours: who calls our methods for the user, or restores our objects.
_BETWEEN = {"sklearn_rp", "sklearn", "imblearn", "joblib", "skops", "pickle", "copy", "contextlib"}


def __dir__() -> list[str]:
    return __all__


class PrivacyWarning(UserWarning):
    """What was asked for is allowed but surely not meant, or promises less than it seems to."""


class NotForMe(Exception):  # noqa: N818
    """Something is not understood well enough to be read or computed so; the message says why."""


def warn_user(message: str) -> None:
    """Warn of the line that the user wrote, however many calls of scikit-learn are in between."""
    frame, level = sys._getframe(1), 2
    while frame.f_back and frame.f_globals.get("__name__", "").split(".")[0] in _BETWEEN:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, PrivacyWarning, stacklevel=level)
