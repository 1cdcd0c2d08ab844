"""Inversion and extraction: they find what is there to find, and always end."""

# ruff: noqa: E501

import numpy as np
import pytest
import small
from refused import refused
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline

from attacks.asked import Asked
from sklearn_rp import RobustPrivacyClassifier
from sklearn_rp.attacks import LabelOnlyInversionAttack
from sklearn_rp.attacks.inversion import votes_per_query
from sklearn_rp.baselines import (
    NoisyInputClassifier,
    RandomAbstentionClassifier,
    RandomizedResponseClassifier,
)

X, Y = load_digits(return_X_y=True)
X = X / 16
PRIVATE, PUBLIC = Y < 5, X[Y >= 5]
MINE, LABELS = X[PRIVATE], Y[PRIVATE]
MODEL = LogisticRegression(max_iter=500).fit(MINE[:450], LABELS[:450])
JUDGES = {
    "neighbours": KNeighborsClassifier(5).fit(MINE[450:], LABELS[450:]),
    "lda": LinearDiscriminantAnalysis().fit(MINE[450:], LABELS[450:]),
}


def attack(**arguments):
    return LabelOnlyInversionAttack(**({"random_state": 0} | arguments)).fit(PUBLIC)


def test_an_undefended_model_is_inverted():
    result = attack(clamp=3.0).run(MODEL, evaluators=JUDGES)
    assert result.targets.tolist() == [0, 1, 2, 3, 4]
    assert result.found.all()
    table = result.summary()
    assert table.loc["lda", "success"] >= 0.8
    assert table.loc["lda", "success"] >= table.loc["lda", "start"]
    assert (table["success_low"] <= table["success"]).all()
    assert (table["success"] <= table["success_high"]).all()
    frame = result.to_frame()
    assert frame.columns.tolist() == [
        "target", "found", "start_neighbours", "start_lda", "success_neighbours", "success_lda",
        "n_queries", "n_forward", "radius",
    ]  # fmt: skip
    np.testing.assert_array_equal(MODEL.predict(result.reconstructions), result.targets)
    np.testing.assert_array_equal(MODEL.predict(result.starts), result.targets)
    assert "InversionResult on 5 targets" in repr(result)


def test_the_walk_leaves_the_border():
    result = attack(clamp=None).run(MODEL, evaluators=JUDGES)

    def confidence(inputs):
        return MODEL.predict_proba(inputs)[np.arange(5), result.targets]

    assert confidence(result.reconstructions).mean() > confidence(result.starts).mean() + 0.1


def test_deterministic():
    one, two = attack().run(MODEL), attack().run(MODEL)
    np.testing.assert_array_equal(one.reconstructions, two.reconstructions)
    np.testing.assert_array_equal(one.n_queries, two.n_queries)
    other = attack(random_state=1).run(MODEL)
    assert not np.array_equal(one.reconstructions, other.reconstructions)


@pytest.mark.parametrize("queries_per_point", [1, 3])
@pytest.mark.parametrize("max_queries", [50, 700, 5000])
def test_ends_at_its_budget_where_the_class_is_never_answered(max_queries, queries_per_point):
    model = Asked(lambda X: np.zeros(len(X), dtype=int))
    finder = attack(max_queries=max_queries, queries_per_point=queries_per_point)
    result = finder.run(model, targets=[3], evaluators=JUDGES)
    assert not result.found.any()
    assert np.isnan(result.reconstructions).all()
    assert not result.success["lda"].any()
    expected = min(4000, max_queries // queries_per_point) * queries_per_point
    assert result.n_queries.tolist() == [expected]
    assert model.rows == expected


@pytest.mark.parametrize(
    "arguments",
    [pytest.param({}, marks=pytest.mark.slow), {"max_queries": 100}, {"n_iterations": 3}],
)
def test_a_constant_model_is_inverted_at_chance(arguments):
    hits = []
    for seed in range(40):
        model = Asked(lambda X, target=seed % 5: np.full(len(X), target))
        result = attack(random_state=seed, **arguments).run(
            model, targets=[seed % 5], evaluators=JUDGES
        )
        assert result.found.all()
        assert result.n_queries[0] <= arguments.get("max_queries", 5000)
        looked_at = min(200, arguments.get("max_queries", 200))  # one start of these was enough
        assert result.n_queries[0] == model.rows - looked_at + 1
        assert np.isfinite(result.reconstructions).all()
        hits.append(result.success["neighbours"][0])
    assert np.mean(hits) < 0.45  # chance is one in five


@pytest.mark.filterwarnings("ignore::sklearn_rp.exceptions.PrivacyWarning")
def test_repeated_queries_see_through_one_noisy_vote():
    noisy = NoisyInputClassifier(FrozenEstimator(MODEL), sigma=0.3, noise_scale=None)
    noisy.set_params(random_state=0).fit(MINE, LABELS)
    once = attack(clamp=3.0).run(noisy, evaluators=JUDGES)
    often = attack(clamp=3.0, queries_per_point=10, max_queries=50_000).run(
        noisy, evaluators=JUDGES
    )
    assert often.n_queries.mean() > 5 * once.n_queries.mean()
    assert (once.radius <= often.radius.max()).all()
    assert votes_per_query(noisy) == 1


@pytest.mark.filterwarnings("ignore::sklearn_rp.exceptions.PrivacyWarning")
def test_forward_passes_are_counted():
    clf = RobustPrivacyClassifier(
        FrozenEstimator(MODEL), method="monte_carlo", n_samples=25, random_state=0
    ).fit(MINE, LABELS)
    assert votes_per_query(make_pipeline(clf)) == 25
    answers = RandomizedResponseClassifier(FrozenEstimator(clf), p=0.9).fit(MINE, LABELS)
    assert votes_per_query(answers) == 25
    result = attack(n_iterations=2).run(clf, targets=[0], evaluators=JUDGES)
    np.testing.assert_array_equal(result.n_forward, 25 * result.n_queries)
    exact = RobustPrivacyClassifier(FrozenEstimator(MODEL), noise_features=[20]).fit(MINE, LABELS)
    assert votes_per_query(exact) == 1


def test_abstentions():
    silent = RandomAbstentionClassifier(FrozenEstimator(MODEL), rate=0.3, fallback=-1)
    silent.set_params(random_state=0).fit(MINE, LABELS)
    as_label = attack().run(silent, evaluators=JUDGES)
    assert as_label.targets.tolist() == [0, 1, 2, 3, 4]
    ignored = attack(on_abstention="ignore").run(silent, evaluators=JUDGES)
    assert ignored.radius.mean() > as_label.radius.mean()


def test_priors():
    white = PCA(10, whiten=True, random_state=0).fit(PUBLIC)
    by_hand = LabelOnlyInversionAttack(prior=white, random_state=0).run(MODEL)
    plain = PCA(10, random_state=0).fit(PUBLIC)
    same = LabelOnlyInversionAttack(prior=plain, random_state=0).run(MODEL)
    np.testing.assert_allclose(by_hand.reconstructions, same.reconstructions, atol=1e-8)


def test_a_torch_generator_and_image_shapes():
    torch = pytest.importorskip("torch", reason="a torch generator needs torch")
    pytest.importorskip("skorch", reason="sklearn_rp.neural needs skorch")
    from sklearn_rp.neural import Decoder

    prior = PCA(8, random_state=0).fit(PUBLIC)
    linear = torch.nn.Linear(8, 64)
    with torch.no_grad():
        scaled = prior.components_.T * np.sqrt(prior.explained_variance_)
        linear.weight.copy_(torch.as_tensor(scaled))
        linear.bias.copy_(torch.as_tensor(prior.mean_))
    module = torch.nn.Sequential(linear, torch.nn.Dropout(0.5)).train()
    found = LabelOnlyInversionAttack(Decoder(module, 8), random_state=0).run(MODEL)
    expected = LabelOnlyInversionAttack(prior, random_state=0).run(MODEL)
    assert module.training
    np.testing.assert_array_equal(found.found, expected.found)
    assert found.reconstructions.shape == (5, 64)


def test_picture():
    plt = pytest.importorskip("matplotlib.pyplot", reason="pictures need matplotlib")
    plt.switch_backend("agg")
    result = attack(n_iterations=5).run(MODEL, evaluators=JUDGES)
    ax = result.plot(MINE, LABELS, n_targets=3)
    image = ax.images[0].get_array()
    assert image.shape == (18, 30)
    np.testing.assert_array_equal(image[:8, :8], MINE[LABELS == 0][0].reshape(8, 8))
    np.testing.assert_array_equal(image[10:, 10:18], result.reconstructions[1].reshape(8, 8))
    plt.close("all")


REFUSED = [
    ("LabelOnlyInversionAttack: no prior", lambda: LabelOnlyInversionAttack().run(small.exact()), ValueError, "no decoder"),
    ("LabelOnlyInversionAttack: no budget", lambda: LabelOnlyInversionAttack(max_queries=0).fit(small.X).run(small.exact()), ValueError, "max_queries=0"),
    ("LabelOnlyInversionAttack: growth=1.0", lambda: attack(growth=1.0).run(MODEL), ValueError, "growth=1.0 is not allowed"),
    ("LabelOnlyInversionAttack: radius=-1", lambda: attack(radius=-1).run(MODEL), ValueError, "radius=-1 is not allowed"),
    ("LabelOnlyInversionAttack: clamp=0", lambda: attack(clamp=0).run(MODEL), ValueError, "clamp=0 is not allowed"),
    ("LabelOnlyInversionAttack: on_abstention='maybe'", lambda: attack(on_abstention="maybe").run(MODEL), ValueError, "on_abstention='maybe'"),
    ("LabelOnlyInversionAttack: no classes to invert", lambda: attack().run(MODEL, targets=[]), ValueError, "give one class at least"),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore::sklearn_rp.exceptions.PrivacyWarning")
@refused(REFUSED)
def test_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
