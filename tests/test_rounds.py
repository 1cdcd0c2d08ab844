"""Early stopping: the answer may come early, its error rate may not grow."""

import numpy as np
import pytest
from scipy import special, stats
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from sklearn_rp import RobustPrivacyClassifier, certify, rounds
from sklearn_rp.metrics import certified_accuracy_score, make_certificate_scorer
from sklearn_rp.model_selection import NoiseSearchCV
from sklearn_rp.rounds import Question, round_ends, spend, vote_in_rounds
from sklearn_rp.votes import Counts, Sums, counted

X, Y = load_breast_cancer(return_X_y=True)
DIGITS = load_digits(return_X_y=True)
SIGMA = 0.5


def true_radius(h):
    """The formula of the certificate, from the probabilities themselves."""
    first, second = np.sort(h)[-1], np.sort(h)[-2]
    return SIGMA * (special.ndtri(first) - special.ndtri(second)) / 2


def casting(h, rng, kind="hard"):
    def cast(rows, start, stop, number):
        counts = rng.multinomial(stop - start, h, size=len(rows))
        if kind == "soft":  # sums of numbers between 0 and 1 that are no counts
            noise = rng.uniform(0.2, 1.0, size=(len(rows), 1))
            even = (stop - start) / len(h)
            counts = noise * counts + (1 - noise) * even
        return counted(kind)(counts, stop - start)

    return cast


@pytest.mark.parametrize("n", [1, 1000, 1001, 10_000, 100_000, 123_457])
def test_rounds_end_with_all_votes(n):
    ends = round_ends(n)
    assert ends[-1] == n
    assert (np.diff([0, *ends]) > 0).all()
    assert ends[0] == n or 200 <= ends[0] < 301
    certify_levels, refute_levels = spend(0.01, len(ends))
    assert certify_levels.sum() + refute_levels.sum() == pytest.approx(0.01)


CASES = {
    "two classes": [0.7, 0.3],
    "clear": [0.97, 0.03],
    "tie": [0.5, 0.5],
    "three": [0.5, 0.3, 0.2],
    "ten": [0.4, 0.2, *[0.05] * 8],
    "even": [0.1] * 10,
}


@pytest.mark.parametrize("kind", ["hard", "soft"])
@pytest.mark.parametrize("case", CASES)
def test_upper_bound_of_the_radius_fails_with_probability_at_most_alpha(case, kind):
    h, alpha, trials = np.array(CASES[case]), 0.05, 20_000
    rng = np.random.default_rng(0)
    if kind == "soft":  # each vote is a mixture: its expectation is known
        mixture = 0.6 * h + 0.4 / len(h)
        total = 0.6 * rng.multinomial(200, h, size=trials) + 0.4 * 200 / len(h)
        votes, truth = Sums(total, 200), true_radius(mixture) / SIGMA
    else:
        votes = Counts(rng.multinomial(200, h, size=trials), 200)
        truth = true_radius(h) / SIGMA
    bound = votes.radius_upper(alpha)
    assert (bound < truth).mean() <= alpha + 3 * np.sqrt(alpha / trials)
    assert (bound >= votes.bounds(alpha).radius).all()


def wrong_answers(h, question, *, alpha=0.05, trials=10_000, n_votes=20_000, seed=0):
    """How many of many certifications say something that is not so; and the votes they took."""
    h = np.asarray(h)
    truth, best = true_radius(h), h.argmax()
    top, bounds, n = vote_in_rounds(
        casting(h, np.random.default_rng(seed)), trials, n_votes, alpha, SIGMA, question
    )
    lower = SIGMA * bounds.radius
    # The certificate itself.
    wrong = ~bounds.abstained & ((top != best) | (lower > truth * (1 + 1e-9)))
    if question.radius is not None and truth >= question.radius:  # left early with "no"
        said_no = bounds.abstained | (lower < question.radius)
        wrong |= (n < n_votes) & said_no
    if question.tolerance is not None:
        wrong |= (n < n_votes) & (lower < truth - question.tolerance)
    return int(wrong.sum()), n


def nobody_is_told_what_is_not_so(case, where, trials=10_000):
    h, alpha = CASES[case], 0.05
    truth = true_radius(np.array(h))
    questions = {
        "at": Question(truth, None),
        "just above": Question(truth * 1.0001 + 1e-6, None),
        "near": Question(truth + 0.01, None),
        "within": Question(None, 0.02),
    }
    count, _ = wrong_answers(h, questions[where], alpha=alpha, trials=trials)
    # The binomial interval of the rate, at three standard errors.
    assert stats.binomtest(count, trials).proportion_ci(0.9973).low <= alpha
    assert count / trials <= alpha + 3 * np.sqrt(alpha * (1 - alpha) / trials)
    return count / trials


@pytest.mark.parametrize("where", ["at", "just above", "near", "within"])
@pytest.mark.parametrize("case", CASES)
def test_wrong_answers_in_ten_thousand_certifications(case, where):
    nobody_is_told_what_is_not_so(case, where)


def test_looking_many_times_at_the_whole_alpha_is_caught(monkeypatch):
    """The test above can fail: as it does for somebody who forgets to share alpha."""
    monkeypatch.setattr(
        rounds, "spend", lambda alpha, n: (np.full(n, alpha), np.r_[np.full(n - 1, alpha), 0.0])
    )
    with pytest.raises(AssertionError):
        nobody_is_told_what_is_not_so("two classes", "just above")


def test_an_upper_bound_that_is_too_low_is_caught(monkeypatch):
    own = Counts.radius_upper
    monkeypatch.setattr(Counts, "radius_upper", lambda votes, level: 0.9 * own(votes, level))
    with pytest.raises(AssertionError):
        nobody_is_told_what_is_not_so("two classes", "at")


MODELS = {
    "breast cancer": (
        FrozenEstimator(make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y)),
        (X, Y),
        {},
    ),
    "digits": (
        LogisticRegression(max_iter=2000),
        DIGITS,
        {"sigma": 2.0, "noise_scale": None, "noise_features": np.ptp(DIGITS[0], axis=0) > 1},
    ),
}


def voter(model, *, n_samples=100_000, **arguments):
    arguments = {"sigma": 0.5, "method": "monte_carlo", "random_state": 0} | arguments
    return RobustPrivacyClassifier(model, n_samples=n_samples, **arguments)


@pytest.mark.parametrize("radius", [0.1, 0.5])
@pytest.mark.parametrize("name", MODELS)
def test_median_votes_are_a_tenth_at_most(name, radius):
    model, (rows, labels), more = MODELS[name]
    clf = voter(model, **more).fit(rows, labels)
    cert = clf.certify(rows[::7], radius=radius)
    assert np.median(cert.n_samples) <= 10_000
    whole = clf.certify(rows[::7])
    # Where the two differ, the radius is at the threshold, up to what the votes can tell.
    differ = cert.at(radius) != whole.at(radius)
    assert np.abs(whole.radius[differ] - radius).max(initial=0.0) < 0.02
    assert (cert.label == whole.label)[~cert.abstained & ~whole.abstained].all()
    assert (cert.radius <= whole.radius + 0.02).all()


def test_within_a_tolerance():
    clf = voter(MODELS["breast cancer"][0]).fit(X, Y)
    rows = X[::5]
    cert, whole = clf.certify(rows, tolerance=0.1), clf.certify(rows)
    early = cert.n_samples < 100_000
    # Where next to all votes agree, nothing bounds the radius from above.
    assert early[whole.radius < 1].all()
    assert (np.abs(cert.radius - whole.radius)[early] <= 0.1).all()


def test_in_the_unit_of_a_feature():
    clf = voter(MODELS["breast cancer"][0], n_samples=20_000).fit(X, Y)
    scale = clf.noise_scale_[0]
    plain, own = clf.certify(X[:50], radius=0.3), clf.certify(X[:50], radius=0.3 * scale, feature=0)
    np.testing.assert_array_equal(plain.at(0.3), own.at(0.3 * scale, feature=0))
    np.testing.assert_array_equal(plain.n_samples, own.n_samples)


@pytest.mark.parametrize("resample", [False, True])
@pytest.mark.parametrize("voting", ["hard", "soft"])
def test_the_same_for_any_number_of_processes(voting, resample):
    certs = [
        voter(GaussianNB(), n_samples=5000, voting=voting, resample=resample, n_jobs=n_jobs)
        .fit(X, Y)
        .certify(X[:31], radius=0.4)
        for n_jobs in (1, 2)
    ]
    assert len(np.unique(certs[0].n_samples)) > 1
    np.testing.assert_array_equal(certs[0].n_samples, certs[1].n_samples)
    np.testing.assert_array_equal(certs[0].p_lower, certs[1].p_lower)


def test_up_to_a_thousand_votes_nothing_changes():
    clf = voter(GaussianNB(), n_samples=1000).fit(X, Y)
    assert clf.certify(X, radius=0.5).to_json() == clf.certify(X).to_json()


def test_exact_methods_have_nothing_to_save():
    clf = RobustPrivacyClassifier(LogisticRegression(max_iter=5000)).fit(X, Y)
    assert clf.certify(X, radius=0.5).to_json() == clf.certify(X).to_json()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"radius": -1}, "radius=-1 is not allowed"),
        ({"radius": np.nan}, "radius=nan is not allowed"),
        ({"tolerance": "0.1"}, "tolerance='0.1' is not allowed"),
        ({"radius": 1, "tolerance": 1}, "are two questions: give one"),
        ({"feature": 0}, "without a question in its unit"),
        ({"radius": 1, "feature": "bmi"}, "feature='bmi' is not a noised feature"),
        ({"radius": 1, "feature": 77}, "feature=77 is not the position of a noised feature"),
    ],
)
def test_questions_that_are_none(arguments, message):
    clf = voter(GaussianNB(), n_samples=50).fit(X, Y)
    with pytest.raises(ValueError, match=message):
        clf.certify(X, **arguments)


class Counting(ClassifierMixin, BaseEstimator):
    """Counts the rows that it is asked about."""

    asked = 0

    def fit(self, X, y):
        self.tree_ = DecisionTreeClassifier(max_depth=3, random_state=0).fit(X, y)
        self.classes_ = self.tree_.classes_
        return self

    def predict(self, X):
        Counting.asked += len(X)
        return self.tree_.predict(X)


def asked(call):
    Counting.asked = 0
    call()
    return Counting.asked


def test_scorers_that_need_a_threshold_stop_early():
    clf = voter(Counting(), n_samples=20_000).fit(X[:400], Y[:400])
    rows, labels = X[400:430], Y[400:430]
    scorer = make_certificate_scorer(certified_accuracy_score, radius=0.2)
    early = asked(lambda: scorer(clf, rows, labels))
    assert early < asked(lambda: clf.certify(rows)) / 4
    pipe = make_pipeline(FrozenEstimator(clf))
    assert asked(lambda: scorer(pipe, rows, labels)) == early
    assert asked(lambda: certify(pipe, rows, radius=0.2)) == early
    # A scorer of whole radii needs them all; a search that has the votes asks no more.
    every = make_certificate_scorer(lambda cert: float(cert.radius.mean()))
    assert asked(lambda: every(clf, rows, labels)) == 20_000 * len(rows)
    search = NoiseSearchCV(clf, [0.5], scoring={"a": scorer, "b": every}, refit=False, cv=2)
    assert asked(lambda: search.fit(rows, labels)) < 1.1 * 20_000 * len(rows)


@pytest.mark.slow
@pytest.mark.parametrize("radius", [0.1, 0.4, 0.6])
def test_a_certificate_that_stopped_early_says_what_is_released(radius):
    clf = voter(GaussianNB(), n_samples=20_000, fallback=-1, min_radius=0.4).fit(X, Y)
    cert = clf.certify(X, radius=radius)
    assert (cert.n_samples < 20_000).any()
    np.testing.assert_array_equal(cert.radius > cert.min_radius, clf.predict(X) != -1)


@pytest.mark.slow
def test_the_scorer_asks_what_it_is_told():
    clf = voter(GaussianNB(), n_samples=20_000).fit(X, Y)
    score = make_certificate_scorer(certified_accuracy_score)(clf, X, Y, radius=0.4)
    assert score == certified_accuracy_score(Y, clf.certify(X), radius=0.4)


class Plain:
    """Something that certifies and knows no questions."""

    def certify(self, X):
        return "certificates"


def test_questions_are_only_put_where_there_are_any():
    assert certify(Plain(), X) == "certificates"
