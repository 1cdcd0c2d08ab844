"""Checks that a certificate says no more than is true; the mutants must fail them."""

import numpy as np
from conftest import LinearRule
from scipy import special, stats
from sklearn.datasets import make_classification, make_moons
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.ensemble import (
    AdaBoostClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.multioutput import MultiOutputClassifier
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from sklearn_rp import (
    RobustPrivacyClassifier,
    RobustPrivacyRecommender,
    RobustPrivacyRegressor,
)
from sklearn_rp.votes import counted


def rate_is_at_most(failures, trials, alpha):
    assert stats.binomtest(int(failures), int(trials), alpha, alternative="greater").pvalue > 1e-4


def bounds_fail_with_probability_at_most_alpha(alpha, kind, n_classes, n_votes, trials=20_000):
    """Votes drawn from known probabilities: how often is a wrong label or radius certified?"""
    rng = np.random.default_rng(n_votes + 7 * n_classes)
    for top in (0.5, 0.52, 0.6, 0.75, 0.95):
        h = np.full(n_classes, (1 - top) / (n_classes - 1))
        h[0] = top
        if n_classes > 2:  # the hardest: a runner-up that holds all the rest
            h[1:] = (1 - top) * np.array([0.8] + [0.2 / (n_classes - 2)] * (n_classes - 2))
        if kind == "hard":
            total = rng.multinomial(n_votes, h, size=trials)
        else:  # probabilities that differ from vote to vote, with these means
            total = rng.dirichlet(4 * h, size=(trials, n_votes)).sum(axis=1)
        found = counted(kind)(total, n_votes).bounds(alpha)
        ordered = np.sort(h)[::-1]
        true_radius = (special.ndtri(ordered[0]) - special.ndtri(ordered[1])) / 2
        label_wrong = (total.argmax(axis=1) != h.argmax()) | (true_radius <= 1e-12)
        wrong = ~found.abstained & (label_wrong | (found.radius > true_radius))
        rate_is_at_most(wrong.sum(), trials, alpha)


def sampled_certificates_fail_with_probability_at_most_alpha(alpha, voting="hard", trials=20_000):
    """The whole estimator on rows of one call, each with noise of its own."""
    coef, sigma = np.array([3.0, -4.0]), 0.5
    rule = LinearRule(coef).fit(np.zeros((2, 2)), [0, 1])
    n_votes = 40
    for distance in (0.0, 0.05, 0.5):
        x = sigma * distance * coef / np.linalg.norm(coef)
        clf = RobustPrivacyClassifier(
            rule, sigma=sigma, noise_scale=None, n_samples=n_votes, alpha=alpha, voting=voting,
            method="monte_carlo", resample=True, random_state=0,
        ).fit(np.array([[0.0, 0.0], [1.0, 1.0]]), [0, 1])  # fmt: skip
        cert = clf.certify(np.repeat(x[None], trials, axis=0))
        wrong = ~cert.abstained & ((cert.label == 0) | (cert.radius > sigma * distance))
        rate_is_at_most(wrong.sum(), trials, alpha)


MOONS = make_moons(400, noise=0.3, random_state=0)
WIDE = make_classification(400, 4, n_informative=3, n_redundant=0, n_classes=3,
                           n_clusters_per_class=1, random_state=0)  # fmt: skip
TWO = WIDE[0], (WIDE[1] > 0).astype(int)
AMOUNT = WIDE[0] @ [3.0, -2.0, 1.0, 0.5] + 4 * np.sin(2 * WIDE[0][:, 0])
EXACT = {
    "linear": lambda: RobustPrivacyClassifier(LogisticRegression(), sigma=0.7).fit(*MOONS),
    "linear, several classes": lambda: RobustPrivacyClassifier(
        LogisticRegression(), sigma=0.4
    ).fit(*WIDE),
    "linear, pairs of classes": lambda: RobustPrivacyClassifier(
        SVC(kernel="linear"), sigma=0.4
    ).fit(*WIDE),
    "sum of steps": lambda: RobustPrivacyClassifier(
        AdaBoostClassifier(n_estimators=12, random_state=0), sigma=0.3
    ).fit(*TWO),
    "quadratic": lambda: RobustPrivacyClassifier(
        QuadraticDiscriminantAnalysis(), sigma=0.4
    ).fit(*TWO),
    "trees": lambda: RobustPrivacyClassifier(
        DecisionTreeClassifier(max_depth=6, random_state=0), sigma=0.4
    ).fit(*WIDE),
    "forest": lambda: RobustPrivacyClassifier(
        RandomForestClassifier(5, max_depth=4, random_state=0), sigma=0.4, voting="soft"
    ).fit(*WIDE),
    "sweep": lambda: RobustPrivacyClassifier(
        GradientBoostingClassifier(n_estimators=8, random_state=0), sigma=0.3, noise_features=[0]
    ).fit(*WIDE),
    "two": lambda: RobustPrivacyClassifier(
        DecisionTreeClassifier(max_depth=6, random_state=0), sigma=0.3, noise_features=[0, 1],
        method="exact",
    ).fit(*WIDE),
    "linear numbers": lambda: RobustPrivacyRegressor(
        LinearRegression(), step=2.0, sigma=0.5
    ).fit(WIDE[0], AMOUNT),
    "tree of numbers": lambda: RobustPrivacyRegressor(
        DecisionTreeRegressor(max_depth=6, random_state=0), step=2.0, sigma=0.3
    ).fit(WIDE[0], AMOUNT),
    "sweep of numbers": lambda: RobustPrivacyRegressor(
        GradientBoostingRegressor(n_estimators=20, random_state=0), step=1.0, sigma=0.2,
        noise_features=[0],
    ).fit(WIDE[0], AMOUNT),
    "plane of numbers": lambda: RobustPrivacyRegressor(
        GradientBoostingRegressor(n_estimators=5, random_state=0), step=1.0, sigma=0.2,
        noise_features=[0, 1],
    ).fit(WIDE[0], AMOUNT),
}  # fmt: skip
LIKED = np.stack(
    [WIDE[1] == c for c in range(3)] + [WIDE[0][:, j] > 0.3 * j for j in range(4)], axis=1
).astype(int)


def lists(model, **arguments):
    given = {"n_recommended": 3, "noise_features": None} | arguments
    return lambda: RobustPrivacyRecommender(model, **given).fit(WIDE[0], LIKED)


EXACT |= {
    "lists by a sweep": lists(
        DecisionTreeClassifier(max_depth=5, random_state=0), sigma=0.3, noise_features=[0]
    ),
    "lists in order by a sweep": lists(
        DecisionTreeRegressor(max_depth=5, random_state=0), sigma=0.3, noise_features=[0],
        ordered=True,
    ),
    "lists by a plane": lists(
        DecisionTreeClassifier(max_depth=5, random_state=0), sigma=0.3, noise_features=[0, 1],
        method="exact", ordered=True,
    ),
    "lists of a linear model": lists(Ridge(), sigma=0.4),
    "lists in order of a linear model": lists(
        MultiOutputClassifier(LogisticRegression()), sigma=0.4, ordered=True
    ),
    "lists by trees": lists(
        RandomForestClassifier(5, max_depth=4, random_state=0), sigma=0.4, voting="soft"
    ),
    "lists by a tree": lists(DecisionTreeClassifier(max_depth=6, random_state=0), sigma=0.4),
    "lists in order by trees": lists(
        RandomForestClassifier(5, max_depth=4, random_state=0), sigma=0.4, voting="soft",
        ordered=True, n_recommended=2,
    ),
}  # fmt: skip


def one_number(answer):
    """Lists of a few items as one number each; other answers as they are."""
    if answer.ndim == 1:
        return answer
    return answer @ 10 ** np.arange(answer.shape[1])


def list_bounds_fail_with_probability_at_most_alpha(rule, voting, alpha, n_votes, trials=4000):
    """Lists drawn from known laws: how often is a wrong list or radius certified?"""
    rng = np.random.default_rng(n_votes)
    n_items, k = 8, rule.n_best
    for spread, tie in ((0.3, 0), (0.3, 2), (1.0, 0), (1.0, 1), (2.5, 4), (0.0, 0)):
        # Each copy names the best by a score with noise: items k and k + 1 are near, or equal.
        score = -spread * np.arange(n_items)
        score[k : k + tie] = score[k - 1]
        truth = np.zeros(n_items)
        total = np.zeros((trials, n_items))
        for part in range(0, 400_000 + trials * n_votes, 100_000):
            noisy = score + rng.gumbel(size=(100_000, n_items))
            if voting == "soft":
                given = special.expit(noisy)
            else:
                given = np.zeros((100_000, n_items))
                best = np.argsort(-noisy, axis=1)[:, :k]
                np.put_along_axis(given, best, rule.worth[None], axis=1)
            if part < 400_000:
                truth += given.sum(axis=0) / 400_000
                continue
            first = (part - 400_000) // n_votes
            there = given[: 100_000 // n_votes * n_votes].reshape(-1, n_votes, n_items).sum(axis=1)
            there = there[: max(trials - first, 0)]
            total[first : first + len(there)] = there
        # By symmetry equal items have one mean; the others are known to a few thousandths.
        for same in np.unique(score):
            truth[score == same] = truth[score == same].mean()
        found = counted(voting, rule)(total, n_votes).bounds(alpha)
        top = rule.top(total, 0.0)
        right = np.argsort(-truth, kind="stable")[: k + 1]
        gaps = special.ndtri(truth[right[:k]]) - special.ndtri(truth[right[1:]])
        true_radius = (gaps if rule.ordered else gaps[-1:]).min() / 2
        wanted = right[:k] if rule.ordered else np.sort(right[:k])
        wrong = (top != wanted).any(axis=1) | (true_radius <= 1e-12)
        # What is not known of the truth is granted.
        wrong = ~found.abstained & (wrong | (found.radius > true_radius + 0.01))
        rate_is_at_most(wrong.sum(), trials, alpha)


def nothing_changes_inside_the_ball(name, n_points, seed=0):
    """Random points of certified balls, most of them close to the edge."""
    clf = EXACT[name]()
    rng = np.random.default_rng(seed)
    data = MOONS[0] if name == "linear" else WIDE[0]
    X = data[rng.integers(len(data), size=n_points)] + rng.normal(size=(n_points, data.shape[1]))
    cert = clf.certify(X)
    u = rng.standard_normal((n_points, len(cert.feature_indices)))
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    reach = np.where(rng.random(n_points) < 0.7, 1 - 1e-9, rng.random(n_points))
    other = X.copy()
    other[:, cert.feature_indices] += u * (reach * cert.radius)[:, None] * cert.scale
    inside = cert.radius > 0
    assert inside.mean() > 0.5
    assert (one_number(clf.predict(other)) == one_number(cert.label))[inside].all()


def walks_end_outside_the_ball(name, n_rows=60, seed=0):
    """A boundary walk on the smoothed label: the nearest change it finds is no nearer than that."""
    clf = EXACT[name]()
    rng = np.random.default_rng(seed)
    data = MOONS[0] if name == "linear" else WIDE[0]
    X = data[rng.integers(len(data), size=n_rows)]
    cert = clf.certify(X)
    columns, own = cert.feature_indices, one_number(cert.label)

    def label(points):
        rows = np.repeat(X, points.shape[1], axis=0)
        rows[:, columns] += (points * cert.scale).reshape(-1, len(columns))
        return one_number(clf.predict(rows)).reshape(points.shape[:2])

    def nearest_on(directions):
        """Smallest step along each direction that changes the label, by bisection."""
        steps = np.linspace(0.02, 4, 60)
        found = label((directions[:, :, None] * steps[:, None]).reshape(n_rows, -1, len(columns)))
        found = found.reshape(n_rows, directions.shape[1], len(steps)) != own[:, None, None]
        first = np.where(found.any(axis=2), found.argmax(axis=2), -1)
        high = np.where(first >= 0, steps[first], np.inf)
        low = np.where(first > 0, steps[first - 1], 0.0)
        for _ in range(25):
            middle = np.where(np.isfinite(high), (low + high) / 2, 0.0)
            changed = label(directions * middle[:, :, None]) != own[:, None]
            changed &= np.isfinite(high)
            high, low = np.where(changed, middle, high), np.where(changed, low, middle)
        return high

    directions = rng.standard_normal((n_rows, 24, len(columns)))
    for step in (1.0, 0.5, 0.2, 0.05):
        directions /= np.linalg.norm(directions, axis=2, keepdims=True)
        distance = nearest_on(directions)
        best = directions[np.arange(n_rows), distance.argmin(axis=1)]
        directions = best[:, None] + step * rng.standard_normal(directions.shape)
        directions[:, 0] = best
    nearest = distance.min(axis=1)
    assert np.isfinite(nearest).mean() > 0.3  # the walk finds changes
    assert (nearest >= cert.radius).all()
    found = np.isfinite(nearest) & (cert.radius > 0)
    assert (nearest[found] / cert.radius[found]).min() < 8  # and near ones: it is no straw man
