"""Attacks on released labels, each beside the baseline that needs no release."""

from sklearn_rp.attacks.attribute_inference import AttackResult, AttributeInferenceAttack

__all__ = ["AttackResult", "AttributeInferenceAttack"]
