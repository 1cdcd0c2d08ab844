"""Pictures of certificates, of the price of privacy, and of what a release leaves open."""

from sklearn_rp.inspection.certified_accuracy import CertifiedAccuracyDisplay
from sklearn_rp.inspection.compatible_set import CompatibleSetDisplay
from sklearn_rp.inspection.items import ReleasedItemsDisplay
from sklearn_rp.inspection.plane import ReleasePlaneDisplay
from sklearn_rp.inspection.privacy_utility import PrivacyUtilityDisplay
from sklearn_rp.inspection.release import ReleaseDisplay

__all__ = [
    "CertifiedAccuracyDisplay",
    "CompatibleSetDisplay",
    "PrivacyUtilityDisplay",
    "ReleaseDisplay",
    "ReleasePlaneDisplay",
    "ReleasedItemsDisplay",
]


def __dir__() -> list[str]:
    return __all__
