"""Attacks on released labels, each beside the baseline that needs no release."""

from sklearn_rp.attacks.attribute_inference import AttributeInferenceAttack, JointAttackResult
from sklearn_rp.attacks.extraction import ModelExtractionAttack
from sklearn_rp.attacks.guesses import AttackResult
from sklearn_rp.attacks.inversion import InversionResult, LabelOnlyInversionAttack

__all__ = [
    "AttackResult",
    "AttributeInferenceAttack",
    "InversionResult",
    "JointAttackResult",
    "LabelOnlyInversionAttack",
    "ModelExtractionAttack",
]


def __dir__() -> list[str]:
    return __all__
