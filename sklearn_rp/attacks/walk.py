"""The walk of a label-only inversion: away from the borders of a class (Kahla et al. 2022)."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from sklearn_rp.models.labels import labels_of

_BATCH = 200  # random inputs asked about at once, in search of a start


class Walk:
    """The walk of all targets, side by side: one call of the model for each step of all."""

    def __init__(
        self, attack: Any, model: Any, decode: Any, n_latent: int, targets: np.ndarray, none: Any
    ):
        self.attack, self.model, self.decode = attack, model, decode
        self.targets, self.none = targets, none
        self.rng = check_random_state(attack.random_state)
        n = len(targets)
        self.z = np.zeros((n, n_latent))
        self.found = np.zeros(n, dtype=bool)
        self.spent = np.zeros(n, dtype=int)
        self.reached = np.zeros(n)

    def start(self) -> None:
        """A random input that gets the class, for each target; each pays for those before it."""
        attack, each = self.attack, self.attack.queries_per_point
        most = min(attack.max_initial, attack.max_queries // each)
        for first in range(0, most, _BATCH):
            waiting = np.flatnonzero(~self.found)
            if not len(waiting):
                return
            z = self._clamp(self.rng.normal(size=(min(_BATCH, most - first), self.z.shape[1])))
            label = self._ask(z)
            for i in waiting:
                hits = np.flatnonzero(label == self.targets[i])
                self.found[i] = len(hits) > 0
                if len(hits):
                    self.z[i] = z[hits[0]]
                self.spent[i] += each * (hits[0] + 1 if len(hits) else len(z))

    def walk(self) -> None:
        """Away from the borders of the classes."""
        attack = self.attack
        radius = np.full(len(self.targets), float(attack.radius))
        cost = attack.queries_per_point * attack.n_points
        for _ in range(attack.n_iterations):
            # One more query may be needed to look at the step.
            can = self.spent + cost + attack.queries_per_point <= attack.max_queries
            active = np.flatnonzero(self.found & can)
            if not len(active):
                return
            u = self.rng.normal(size=(len(active), attack.n_points, self.z.shape[1]))
            u /= np.linalg.norm(u, axis=2, keepdims=True)
            points = self._clamp(self.z[active, None] + radius[active, None, None] * u)
            label = self._ask(points.reshape(-1, self.z.shape[1])).reshape(len(active), -1)
            self.spent[active] += cost
            inside = label == self.targets[active, None]
            sign = np.where(inside, 1.0, -1.0)
            if attack.on_abstention == "ignore" and self.none is not None:
                silent = label == self.none
                sign[silent], inside[silent] = 0.0, True
            all_in = inside.all(axis=1)
            grown = active[all_in]
            self.reached[grown] = radius[grown]
            radius[grown] *= attack.growth
            moving = active[~all_in]
            if not len(moving):
                continue
            direction = (sign[~all_in, :, None] * u[~all_in]).mean(axis=1)
            length = np.linalg.norm(direction, axis=1, keepdims=True)
            direction /= np.where(length > 0, length, 1.0)
            step = np.minimum(radius[moving] / 3, 3.0)[:, None]
            z = self._clamp(self.z[moving] + step * direction)
            stays = self._ask(z) == self.targets[moving]
            self.spent[moving] += attack.queries_per_point
            self.z[moving[stays]] = z[stays]

    def _clamp(self, z: np.ndarray) -> np.ndarray:
        most = self.attack.clamp
        return z if most is None else np.clip(z, -most, most)

    def _ask(self, z: np.ndarray) -> np.ndarray:
        """Labels of latent points; the majority where each is asked several times."""
        inputs = self.decode(z)
        if self.attack.queries_per_point == 1:
            return labels_of(self.model, inputs)
        answers = np.stack(
            [labels_of(self.model, inputs) for _ in range(self.attack.queries_per_point)]
        )
        symbols, number = np.unique(answers, return_inverse=True)
        number = number.reshape(answers.shape)
        counts = np.stack([(number == c).sum(axis=0) for c in range(len(symbols))])
        return symbols[counts.argmax(axis=0)]
