"""Neural networks: votes on the device are the votes of the net itself."""

import pickle

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import make_classification
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

torch = pytest.importorskip("torch", reason="neural networks need the extra sklearn-rp[torch]")
skorch = pytest.importorskip("skorch", reason="neural networks need the extra sklearn-rp[torch]")

from skorch import NeuralNetBinaryClassifier, NeuralNetClassifier  # noqa: E402
from skorch.callbacks import EarlyStopping  # noqa: E402
from torch import nn  # noqa: E402

from sklearn_rp import (  # noqa: E402
    AttributePrivacyClassifier,
    AttributePrivacyTransformer,
    RobustPrivacyClassifier,
    certify,
)
from sklearn_rp.attacks import (  # noqa: E402
    AttributeInferenceAttack,
    LabelOnlyInversionAttack,
    ModelExtractionAttack,
)
from sklearn_rp.attribute import compatible_sets  # noqa: E402
from sklearn_rp.baselines import (  # noqa: E402
    NoisyInputClassifier,
    RandomAbstentionClassifier,
    RandomizedResponseClassifier,
)
from sklearn_rp.engines.monte_carlo import MonteCarlo  # noqa: E402
from sklearn_rp.exceptions import PrivacyWarning  # noqa: E402
from sklearn_rp.inspection import CompatibleSetDisplay  # noqa: E402
from sklearn_rp.metrics import (  # noqa: E402
    average_certified_radius,
    make_certificate_scorer,
)
from sklearn_rp.model_selection import NoiseSearchCV  # noqa: E402
from sklearn_rp.neural import Autocast, GaussianNoise  # noqa: E402
from sklearn_rp.report import privacy_report  # noqa: E402

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
X, CODES = make_classification(300, 12, n_informative=6, n_classes=3, random_state=0)
X = X.astype(np.float32)
NAMES = np.array(["left", "middle", "right"])[CODES]
RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(80, 2, 8, 8)).astype(np.float32)
BRIGHT = np.where(IMAGES[:, 0].mean(axis=(1, 2)) > 0, "bright", "dark")


class MLP(nn.Module):
    def __init__(self, inputs=12, outputs=3, softmax=False):
        super().__init__()
        last = [nn.Softmax(dim=-1)] if softmax else []
        self.layers = nn.Sequential(
            nn.Linear(inputs, 32),
            nn.BatchNorm1d(32),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(32, outputs),
            *last,
        )

    def forward(self, x):
        return self.layers(x)


class Convolution(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 2)
        )

    def forward(self, x):
        return self.layers(x)


class OneScore(MLP):
    def __init__(self):
        super().__init__(outputs=1)


class Sequence(nn.Module):
    """Reads sequences of floats, shape (n, steps, channels)."""

    def __init__(self):
        super().__init__()
        self.memory = nn.GRU(2, 8, batch_first=True)
        self.last = nn.Linear(8, 2)

    def forward(self, x):
        return self.last(self.memory(x)[0][:, -1])


def net(module=MLP, kind=NeuralNetClassifier, **arguments):
    torch.manual_seed(0)
    if kind is NeuralNetClassifier:
        arguments = {"criterion": nn.CrossEntropyLoss} | arguments
    return kind(
        module, **({"max_epochs": 3, "lr": 0.1, "verbose": 0, "device": DEVICE} | arguments)
    )


def smooth(model, **arguments):
    arguments = {"sigma": 0.5, "n_samples": 300, "random_state": 0} | arguments
    return RobustPrivacyClassifier(model, **arguments)


def asked_as_it_is(clf, X, sigmas):
    """Votes of the generic engine, on the draws of the engine."""
    engine = clf.release_.engine
    generic = MonteCarlo(engine.estimator, engine.classes, engine.noise, engine.voting)
    if DEVICE != "cpu":
        pytest.skip("a device draws noise of its own")
    return generic.votes(X, sigmas, clf.release_.draws())


CASES = {
    "logits": (lambda: net(), X, NAMES),
    "probabilities": (lambda: net(module__softmax=True, criterion=nn.NLLLoss), X, NAMES),
    "binary": (lambda: net(OneScore, NeuralNetBinaryClassifier), X, NAMES == "left"),
    "threshold": (
        lambda: net(OneScore, NeuralNetBinaryClassifier, threshold=0.3),
        X,
        np.where(NAMES == "left", 7, 3),
    ),
    "float64": (lambda: net(MLP().double()), X.astype(np.float64), CODES),
    "images": (lambda: net(Convolution), IMAGES, BRIGHT),
    "sequences": (lambda: net(Sequence), IMAGES.reshape(80, 64, 2), BRIGHT),
    "low precision": (lambda: net(Autocast, module__module=MLP()), X, NAMES),
    "scaled": (lambda: make_pipeline(StandardScaler(), net()), X, NAMES),
    "tuned": (lambda: GridSearchCV(net(), {"lr": [0.1]}, cv=2), X, NAMES),
    "tuned and scaled": (
        lambda: GridSearchCV(make_pipeline(StandardScaler(), net()), {}, cv=2),
        X,
        NAMES,
    ),
    "tuned on images": (lambda: GridSearchCV(net(Convolution), {}, cv=2), IMAGES, BRIGHT),
}


@pytest.mark.filterwarnings("ignore:.*has a threshold of its own")
@pytest.mark.parametrize("voting", ["hard", "soft"])
@pytest.mark.parametrize("case", CASES)
def test_votes_are_those_of_the_net(case, voting):
    make, rows, labels = CASES[case]
    clf = smooth(make(), voting=voting, n_samples=100).fit(rows, labels)
    assert clf.engine_ == "torch"
    assert clf.method_ == "monte_carlo"
    assert set(clf.classes_.tolist()) == set(np.unique(labels).tolist())
    flat = rows[:20].reshape(20, -1)
    found = clf.release_.engine.votes(flat, [0.2, 1.0], clf.release_.draws())
    expected = asked_as_it_is(clf, flat, [0.2, 1.0])
    for a, b in zip(found, expected, strict=True):
        if voting == "hard" and case != "scaled":
            np.testing.assert_array_equal(a.total, b.total)
        else:  # sums of float32 probabilities; or noise added behind the scaler, in float32
            np.testing.assert_allclose(a.total, b.total, atol=2e-3 if case != "scaled" else 1)
    cert = clf.certify(rows[:20])
    np.testing.assert_array_equal(cert.label, clf.predict(rows[:20]))
    assert clf.score(rows, labels) > 1 / 3


@pytest.mark.parametrize("case", ["logits", "images", "sequences"])
@pytest.mark.parametrize("voting", ["hard", "soft"])
def test_same_bits_in_any_batch_and_after_pickling(case, voting):
    make, rows, labels = CASES[case]
    clf = smooth(make(), voting=voting).fit(rows, labels)
    whole = clf.certify(rows[:30])
    alone = [clf.certify(rows[i : i + 1]) for i in range(30)]
    np.testing.assert_array_equal(whole.radius, np.concatenate([c.radius for c in alone]))
    np.testing.assert_array_equal(whole.p_lower, np.concatenate([c.p_lower for c in alone]))
    back = pickle.loads(pickle.dumps(clf)).certify(rows[29::-1])
    np.testing.assert_array_equal(whole.p_lower, back.p_lower[::-1])
    again = smooth(FrozenEstimator(clf.estimator_), voting=voting).fit(rows, CODES[: len(rows)])
    assert again.engine_ == "torch"


def test_small_batches_give_the_same(monkeypatch):
    clf = smooth(net(), n_samples=3000).fit(X, NAMES)
    monkeypatch.setattr("sklearn_rp.law._BLOCK_ELEMENTS", 12 * 64)  # blocks of 64 draws
    whole = clf.certify(X[:10])
    for budget in (3000, 500, 100, 7):
        monkeypatch.setattr("sklearn_rp.engines.torch._CPU_NUMBERS", 12 * budget)
        np.testing.assert_array_equal(whole.radius, clf.certify(X[:10]).radius)


def test_the_net_is_left_as_it_was_found():
    clf = smooth(net()).fit(X, NAMES)
    module = clf.estimator_.module_
    module.train()
    module.layers[1].eval()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    modes = [part.training for part in module.modules()]
    first = clf.certify(X[:10]).p_lower
    assert [part.training for part in module.modules()] == modes
    for name, value in module.state_dict().items():
        assert torch.equal(value, before[name])
    module.eval()
    np.testing.assert_array_equal(first, clf.certify(X[:10]).p_lower)  # dropout was off


def test_out_of_memory_halves_and_ends_in_a_clear_error(monkeypatch):
    clf = smooth(net()).fit(X, NAMES)
    whole = clf.certify(X[:10])
    infer, sizes = NeuralNetClassifier.infer, []

    def little_memory(self, x, **params):
        sizes.append(len(x))
        if len(x) > limit:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return infer(self, x, **params)

    monkeypatch.setattr(NeuralNetClassifier, "infer", little_memory)
    limit = 100
    halved = clf.certify(X[:10])
    assert max(sizes) > 100
    np.testing.assert_array_equal(whole.label, halved.label)
    np.testing.assert_allclose(whole.p_lower, halved.p_lower, atol=1e-2)
    limit = 0
    with pytest.raises(MemoryError, match="does not fit into the memory of"):
        clf.certify(X[:10])
    limit = 10**9
    np.testing.assert_array_equal(whole.radius, clf.certify(X[:10]).radius)

    def broken(self, x, **params):
        raise RuntimeError("shapes do not fit")

    monkeypatch.setattr(NeuralNetClassifier, "infer", broken)
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        clf.certify(X[:10])


class Loud(NeuralNetClassifier):
    def predict(self, X):
        return super().predict(X)


def test_a_net_of_its_own_kind_is_asked_as_it_is():
    assert smooth(net(kind=Loud, criterion=nn.CrossEntropyLoss)).fit(X, NAMES).engine_ == (
        "monte_carlo"
    )
    cast = make_pipeline(FunctionTransformer(np.tanh), net())  # not affine
    clf = smooth(cast, n_samples=20).fit(X, NAMES)
    assert clf.engine_ == "monte_carlo"
    assert set(clf.predict(X[:5])) <= {"left", "middle", "right"}
    assert smooth(net(), noise_features=[0]).fit(X, NAMES).engine_ == "sweep"


def test_plain_module():
    module = nn.Sequential(nn.Linear(12, 3))
    frozen = FrozenEstimator(
        NeuralNetClassifier(module, classes=["left", "middle", "right"]).initialize()
    )
    clf = smooth(frozen).fit(X, NAMES)
    assert clf.engine_ == "torch"
    with torch.no_grad():
        score = module(torch.from_numpy(X)).numpy()
    tiny = smooth(frozen, sigma=1e-3).fit(X, NAMES)
    expected = np.array(["left", "middle", "right"])[score.argmax(axis=1)]
    clear = np.diff(np.sort(score, axis=1)[:, 1:]).ravel() > 0.02  # beyond a noise of 0.001
    assert clear.any()
    assert (tiny.predict(X) == expected)[clear].all()
    assert tiny.estimator_.estimator.module_ is module


def test_too_many_outputs():
    module = MLP()
    module.layers[4].bias.data[2] = 100.0
    frozen = FrozenEstimator(net(module, classes=[0, 1]).initialize())
    with pytest.raises(ValueError, match="as many outputs as y has classes"):
        smooth(frozen).fit(X, CODES % 2)
    module.layers[4].bias.data[2] = -100.0  # an output that never wins does no harm
    assert smooth(frozen).fit(X, CODES % 2).engine_ == "torch"


def test_shapes_are_checked():
    clf = smooth(net(Convolution)).fit(IMAGES, BRIGHT)
    assert clf.certify(IMAGES[:3]).values.shape == (3, 128)
    with pytest.raises(ValueError, match=r"rows of shape \(2, 4, 16\), but .* \(2, 8, 8\)"):
        clf.predict(IMAGES.reshape(80, 2, 4, 16))
    with pytest.raises(ValueError, match="noise_features=.* is not allowed for X of shape"):
        smooth(net(Convolution), noise_features=[0]).fit(IMAGES, BRIGHT)
    wrong = IMAGES.copy()
    wrong[0, 0, 0, 0] = np.nan
    with pytest.raises(ValueError, match="NaN in the noised feature"):
        clf.predict(wrong)


def test_other_estimators_read_images_too():
    from sklearn.linear_model import LogisticRegression

    flatten = FunctionTransformer(lambda x: x.reshape(len(x), -1))
    clf = smooth(make_pipeline(flatten, LogisticRegression()), noise_scale=None)
    clf.fit(IMAGES, BRIGHT)
    assert clf.engine_ == "monte_carlo"
    assert clf.score(IMAGES, BRIGHT) > 0.8


def test_constant_pixels_get_no_noise_and_one_warning():
    images = IMAGES.copy()
    images[:, :, 0] = 0.0
    with pytest.warns(PrivacyWarning, match="and 11 more are constant"):
        clf = smooth(net(Convolution)).fit(images, BRIGHT)
    assert len(clf.noise_features_) == 112
    assert clf.engine_ == "torch"
    clf = smooth(net(Convolution), noise_scale=None).fit(images, BRIGHT)
    assert len(clf.noise_features_) == 128


# Training with noise


class Recording(skorch.callbacks.Callback):
    def __init__(self):
        self.seen_ = []

    def on_batch_begin(self, net, batch=None, training=None, **kwargs):
        self.seen_.append((training, batch[0].clone()))


def test_noise_is_fresh_and_only_in_training():
    rows = RNG.normal(size=(5000, 2)).astype(np.float32) * np.float32([1, 3])
    labels = np.arange(5000) % 2
    recording = Recording()
    model = net(
        nn.Linear(2, 2),
        callbacks=[GaussianNoise(random_state=0), recording],
        max_epochs=2,
        batch_size=5000,
    )
    clf = smooth(model, sigma=0.5).fit(rows, labels)
    seen = dict(clf.estimator_.callbacks_)["Recording"].seen_
    train = [batch for training, batch in seen if training]
    valid = [batch for training, batch in seen if not training]
    assert {tuple(row) for row in valid[0].tolist()} <= {tuple(row) for row in rows.tolist()}
    centre = train[0].cpu().numpy()
    assert not torch.equal(train[0], train[1])
    clf.set_params(sigma=2.0).fit(rows, labels)
    noisier = dict(clf.estimator_.callbacks_)["Recording"].seen_[0][1].cpu().numpy()
    variance = rows.std(axis=0) ** 2
    np.testing.assert_allclose(noisier.var(axis=0), variance * (1 + 2.0**2), rtol=0.1)
    np.testing.assert_allclose(centre.var(axis=0), variance * (1 + 0.5**2), rtol=0.1)


def test_noise_of_a_fixed_level_and_reproducible():
    def weights(**arguments):
        model = net(callbacks=[GaussianNoise(**arguments)], max_epochs=2)
        torch.manual_seed(3)
        fitted = smooth(model).fit(X, NAMES).estimator_
        return next(fitted.module_.parameters()).detach().cpu().numpy()

    one = weights(sigma=0.3, random_state=0)
    np.testing.assert_array_equal(one, weights(sigma=0.3, random_state=0))
    assert not np.array_equal(one, weights(sigma=0.3, random_state=1))
    assert not np.array_equal(one, weights(sigma=np.linspace(0, 1, 12), random_state=0))


def test_training_noise_helps():
    rng = np.random.default_rng(0)
    rows = rng.uniform(-1, 1, size=(600, 2)).astype(np.float32)
    labels = (rows[:, 0] + 0.02 * rng.normal(size=600) > 0).astype(int)
    rows[:, 1] = 0.02 * (2 * labels - 1) + 0.005 * rng.normal(size=600)  # a brittle shortcut
    scores = []
    for callbacks in ([], [GaussianNoise(random_state=0)]):
        model = net(nn.Linear(2, 2), callbacks=callbacks, max_epochs=40, lr=1.0, train_split=None)
        clf = smooth(model, sigma=0.5, noise_scale=None, n_samples=500)
        clf.fit(rows[:300], labels[:300])
        cert = clf.certify(rows[300:])
        scores.append(average_certified_radius(labels[300:], cert))
    assert scores[1] >= scores[0] * 0.95


def test_errors_of_the_callback():
    with pytest.raises(ValueError, match="and there is none: give sigma"):
        net(callbacks=[GaussianNoise()]).fit(X, CODES.astype(np.int64))
    with pytest.raises(ValueError, match="sigma=-1 is not allowed"):
        net(callbacks=[GaussianNoise(sigma=-1)]).fit(X, CODES.astype(np.int64))
    inside = make_pipeline(StandardScaler(), net(callbacks=[GaussianNoise()]))
    with pytest.raises(ValueError, match="inside a Pipeline, give it a sigma of its own"):
        smooth(inside).fit(X, NAMES)


def test_early_stopping_warm_start_and_augmentation():
    model = net(
        callbacks=[("noise", GaussianNoise()), EarlyStopping(patience=2)],
        max_epochs=30,
        warm_start=True,
    )
    clf = smooth(model, n_augment=2).fit(X, NAMES)
    assert clf.engine_ == "torch"
    assert len(clf.estimator_.history) <= 30
    bare = smooth(net(train_split=None), n_augment=1).fit(IMAGES.reshape(80, -1)[:, :12], BRIGHT)
    assert bare.predict(IMAGES.reshape(80, -1)[:, :12]).shape == (80,)
    images = smooth(net(Convolution), n_augment=2).fit(IMAGES, BRIGHT)
    assert images.engine_ == "torch"


def test_grid_over_sigma_and_the_nets_own_parameters():
    model = net(callbacks=[GaussianNoise(random_state=0)], max_epochs=2)
    search = GridSearchCV(
        smooth(model, n_samples=50),
        {"sigma": [0.1, 1.0], "estimator__lr": [0.01, 0.1]},
        scoring=make_certificate_scorer(average_certified_radius),
        cv=2,
    ).fit(X, NAMES)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert len(certify(search, X[:4])) == 4
    assert cross_val_score(clone(search.best_estimator_), X, NAMES, cv=2).shape == (2,)


def test_fresh_noise_and_threads_of_calls():
    clf = smooth(net(), resample=True).fit(X, NAMES)
    assert not np.array_equal(clf.certify(X[:50]).p_lower, clf.certify(X[:50]).p_lower)


@pytest.mark.skipif(DEVICE == "cpu", reason="no CUDA device here")
def test_trained_on_cuda_certified_on_cpu():
    clf = smooth(net(), n_samples=2000).fit(X, NAMES)
    there = clf.certify(X)
    clf.estimator_.set_params(device="cpu")
    here = clf.certify(X)
    clear = there.p_lower > 0.6
    assert (there.label == here.label)[clear].all()
    np.testing.assert_allclose(there.p_lower, here.p_lower, atol=0.1)


@pytest.mark.parametrize("n_samples", [12, 40_000])
def test_fresh_noise_is_each_rows_own(n_samples):
    module = nn.Linear(1, 2)
    with torch.no_grad():
        module.weight.copy_(torch.tensor([[-1.0], [1.0]]))
        module.bias.zero_()
    frozen = FrozenEstimator(net(module, classes=[0, 1]).initialize())
    rows = RNG.normal(size=(20, 1)).astype(np.float32)
    clf = smooth(
        frozen, noise_scale=None, sigma=1.0, n_samples=n_samples, method="monte_carlo",
        alpha=0.01, resample=True,
    ).fit(rows, np.arange(20) % 2)  # fmt: skip
    assert clf.engine_ == "torch"
    n_rows = 2000 if n_samples < 100 else 100
    share = clf.predict_proba(np.zeros((n_rows, 1), np.float32))[:, 1]
    assert share.mean() == pytest.approx(0.5, abs=0.02)
    assert share.std() == pytest.approx(0.5 / np.sqrt(n_samples), rel=0.25)


# Found by an adversarial reader


class Threshold(nn.Module):
    """Class 1 where the first entry is above -0.5, whatever the type of the numbers."""

    def __init__(self):
        super().__init__()
        self.idle = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        z = 20 * (x.reshape(len(x), -1)[:, 0].float() + 0.5)
        return torch.stack([-z, z], dim=1)


@pytest.mark.parametrize("kind", [np.int64, np.uint8, np.int8])
@pytest.mark.parametrize("shape", [(3,), (1, 2, 2)])
def test_whole_numbers_get_noise_that_is_none(kind, shape):
    low = 0 if kind == np.uint8 else -8
    rows = RNG.integers(low, 9, size=(100, *shape)).astype(kind)
    labels = np.arange(100) % 2
    frozen = FrozenEstimator(net(Threshold, classes=[0, 1]).initialize())
    clf = smooth(frozen, noise_scale=None, sigma=0.3, n_samples=2000).fit(rows, labels)
    flat = rows[:20].reshape(20, -1)
    generic = asked_as_it_is(clf, flat, [0.3])[0]
    np.testing.assert_array_equal(
        clf.release_.engine.votes(flat, [0.3], clf.release_.draws())[0].total, generic.total
    )
    zero = np.zeros((1, *shape), dtype=kind)
    assert clf.certify(zero).radius[0] <= 0.5
    between = np.zeros((1, *shape))
    between.reshape(1, -1)[0, 0] = -0.9  # a query between whole numbers is not rounded
    assert clf.predict(between)[0] == 0


def test_steps_before_a_net_that_reads_images_are_not_skipped():
    far = IMAGES[:, :1, :2, :2].copy()
    labels = np.where(far.sum(axis=(1, 2, 3)) > 0, 1, 0)
    guard = FunctionTransformer(clip_far)
    pipe = make_pipeline(guard, net(nn.Sequential(nn.Flatten(), nn.Linear(4, 2))))
    clf = smooth(pipe, sigma=3.0, noise_scale=None, n_samples=100).fit(far, labels)
    assert clf.engine_ == "monte_carlo"


def clip_far(X):
    return np.where(X > 4, -100, X).astype(np.float32)


@pytest.mark.parametrize(
    "wrap", [FrozenEstimator, lambda n: make_pipeline("passthrough", FrozenEstimator(n))]
)
def test_a_frozen_net_keeps_the_order_of_its_classes(wrap):
    names = np.array(["q", "a", "m"])
    trained = net(classes=list(names), max_epochs=20).fit(X, CODES.astype(np.int64))
    clf = smooth(wrap(trained), sigma=0.05, n_samples=100).fit(X, names[CODES])
    assert clf.classes_.tolist() == ["q", "a", "m"]
    assert clf.score(X, names[CODES]) > 0.6
    np.testing.assert_array_equal(
        clf.predict(X[:50]),
        smooth(FrozenEstimator(trained), sigma=0.05, n_samples=100)
        .fit(X, names[CODES])
        .predict(X[:50]),
    )


def test_a_frozen_net_with_a_gap_in_its_labels_is_refused():
    gap = np.array([0, 2, 3])[CODES].astype(np.int64)
    trained = net(module__outputs=4).fit(X, gap)
    with pytest.raises(ValueError, match="answers with the number of an output.*classes="):
        smooth(FrozenEstimator(trained)).fit(X, gap)


def test_noise_level_of_the_callback_and_searches():
    waiting = net(callbacks=[GaussianNoise()])
    with pytest.raises(ValueError, match="trains the net anew for each noise level"):
        NoiseSearchCV(smooth(waiting), [0.1, 1.0], cv=2).fit(X, NAMES)
    fixed = net(callbacks=[GaussianNoise(sigma=0.1)], max_epochs=1)
    assert NoiseSearchCV(smooth(fixed), [0.1, 1.0], cv=2).fit(X, NAMES).best_score_ > 0.2
    inside = make_pipeline(StandardScaler(), fixed)
    assert smooth(inside).fit(X, NAMES).engine_ == "torch"
    with pytest.raises(TypeError, match=r"give an object, GaussianNoise\(\)"):
        smooth(net(callbacks=[GaussianNoise])).fit(X, NAMES)


class Caching(nn.Module):
    """Keeps a tensor of its first call."""

    def __init__(self):
        super().__init__()
        self.last = nn.Linear(12, 3)
        self.ones = None

    def forward(self, x):
        if self.ones is None:
            self.ones = torch.ones(3, device=x.device)
        return self.last(x) * self.ones


def test_a_net_can_be_trained_after_it_was_read():
    fresh = net(Caching, classes=[0, 1, 2]).initialize()
    smooth(FrozenEstimator(fresh), n_samples=100).fit(X, CODES).predict(X[:3])
    fresh.partial_fit(X, CODES.astype(np.int64))


def test_a_binary_net_tells_two_classes():
    with pytest.raises(ValueError, match="y holds 3 classes, but NeuralNetBinaryClassifier"):
        smooth(net(OneScore, NeuralNetBinaryClassifier)).fit(X, NAMES)


def test_noise_below_the_nets_precision_is_refused():
    clf = smooth(net(), noise_scale=None, sigma=1e-3, n_samples=100).fit(X, NAMES)
    with pytest.raises(ValueError, match="too small beside the values of X in the net's precision"):
        clf.certify(X[:3].astype(np.float64) + 1000)


def test_one_constant_pixel_costs_no_matrix():
    images = RNG.normal(size=(12, 3, 32, 32)).astype(np.float32)
    images[:, 0, 0, 0] = 0
    model = net(nn.Sequential(nn.Flatten(), nn.Linear(3072, 2)), max_epochs=1, train_split=None)
    with pytest.warns(PrivacyWarning, match="constant"):
        clf = smooth(model, n_samples=50).fit(images, np.arange(12) % 2)
    assert clf.release_.engine.effect is None
    assert len(pickle.dumps(clf)) < 2e6


def test_soft_votes_warn_of_a_threshold_and_of_nothing_else():
    binary = net(OneScore, NeuralNetBinaryClassifier, threshold=0.1)
    with pytest.warns(PrivacyWarning, match="has a threshold of its own"):
        smooth(binary, voting="soft").fit(X, NAMES == "left")
    named = net(classes=["left", "middle", "right"]).fit(X, CODES)  # answers by position
    clf = smooth(FrozenEstimator(named), voting="soft").fit(X, NAMES)  # warnings are errors here
    assert clf.engine_ == "torch"


# Labels in every function that reads a model


class Named(ClassifierMixin, BaseEstimator):
    """A net's answers with the labels put to them by hand."""

    def __init__(self, inner, names):
        self.inner = inner
        self.names = names

    def fit(self, X, y=None):
        self.classes_ = np.asarray(self.names)
        return self

    def predict(self, X):
        return self.classes_[self.inner.predict(X)]

    def predict_proba(self, X):
        return self.inner.predict_proba(X)


ORDERED = ["right", "left", "middle"]  # outputs 0, 1, 2: not in alphabetical order
TRAINED = net(classes=ORDERED, max_epochs=10, module__inputs=12).fit(X, CODES.astype(np.int64))
BY_HAND = Named(TRAINED, ORDERED).fit(X)


def sets_of_net(model):
    return compatible_sets(model, X[:20], sensitive_feature=0, resolution=16).to_frame()


def published(model):
    transformer = AttributePrivacyTransformer(
        FrozenEstimator(model), sensitive_feature=0, resolution=16, include_prediction=True
    )
    return transformer.fit(X, np.array(ORDERED)[CODES]).transform(X[:20])


def guaranteed(model):
    clf = AttributePrivacyClassifier(FrozenEstimator(model), sensitive_feature=0, resolution=16)
    clf.fit(X, np.array(ORDERED)[CODES])
    assert clf.classes_.tolist() == ORDERED
    return np.c_[clf.predict(X[:50]), clf.predict_proba(X[:50]).round(6)]


def inferred(model):
    attack = AttributeInferenceAttack(model, sensitive_feature=0, resolution=16, n_resamples=10)
    return attack.fit(X[:60]).evaluate(X[60:80]).to_frame()


def extracted(model):
    truth = np.array(ORDERED)[CODES][200:]
    return ModelExtractionAttack(n_queries=[100]).run(model, X[:200], X[200:], truth)


def inverted(model):
    attack = LabelOnlyInversionAttack(max_queries=400, random_state=0).fit(X)
    result = attack.run(model, evaluators=[model])
    assert result.targets.tolist() == ORDERED
    assert result.found.all()
    return result.to_frame()


def reported(model):
    truth = np.array(ORDERED)[CODES][:40]
    found = privacy_report(model, X[:40], truth, sensitive_features=[0], resolution=16)
    assert found.operating_point["accuracy"] == np.mean(model_labels(TRAINED)[:40] == truth)
    return found.sets["x0"]


def pictured(model):
    pytest.importorskip("matplotlib").use("Agg")
    return CompatibleSetDisplay.from_estimator(model, X[:10], sensitive_feature=0).frame()


def abstained(model):
    clf = RandomAbstentionClassifier(FrozenEstimator(model), fallback="none", random_state=0)
    clf.fit(X, np.array(ORDERED)[CODES])
    assert clf.classes_.tolist() == ORDERED
    return clf.predict(X)


def model_labels(model):
    return np.array(ORDERED)[model.predict(X)]


@pytest.mark.parametrize("wrap", [lambda n: n, lambda n: make_pipeline("passthrough", n)])
@pytest.mark.parametrize(
    "function",
    [
        sets_of_net, published, guaranteed, inferred, extracted, inverted, reported, pictured,
        abstained,
    ],
)  # fmt: skip
def test_a_net_with_names_is_read_by_its_names(function, wrap):
    found, expected = (np.asarray(function(model)) for model in (wrap(TRAINED), BY_HAND))
    assert found.shape == expected.shape
    assert (found == expected).all() or np.allclose(found, expected)


@pytest.mark.parametrize(
    "make",
    [
        lambda model: RobustPrivacyClassifier(model, n_samples=100, sigma=0.01, random_state=0),
        lambda model: AttributePrivacyClassifier(
            model, sensitive_feature=0, minimum=0.01, resolution=64
        ),
        lambda model: RandomizedResponseClassifier(model, p=1.0),
        lambda model: NoisyInputClassifier(model, sigma=0.01, random_state=0),
        lambda model: RandomAbstentionClassifier(model, rate=0.0, fallback="none"),
        lambda model: AttributePrivacyTransformer(model, sensitive_feature=0),
    ],
)
@pytest.mark.parametrize("kind", ["three", "two", "tuned"])
def test_every_wrapper_trains_a_net_on_names(make, kind):
    labels = NAMES if kind != "two" else np.where(NAMES == "left", "yes", "no")
    model = net(OneScore, NeuralNetBinaryClassifier) if kind == "two" else net(max_epochs=8)
    model = GridSearchCV(model, {"lr": [0.1]}, cv=2) if kind == "tuned" else model
    clf = make(model).fit(X, labels)
    assert clf.classes_.tolist() == sorted(set(labels))
    sets = compatible_sets(clf.estimator_, X[:10], sensitive_feature=0, resolution=8)
    proba = clf.estimator_.predict_proba(X[:10])  # in the order of the sorted labels
    np.testing.assert_array_equal(sets.label, clf.classes_[proba.argmax(axis=1)])
    if hasattr(clf, "predict"):
        assert clf.score(X, labels) > np.unique(labels, return_counts=True)[1].max() / len(X)
        again = pickle.loads(pickle.dumps(clf))
        assert set(again.predict(X[:50])) <= set(labels)
    else:
        np.testing.assert_array_equal(clf.compatible_sets(X[:10]).label, sets.label)


def test_a_net_with_a_gap_in_its_labels_is_refused_everywhere():
    gap = np.array([0, 2, 3])[CODES].astype(np.int64)
    trained = net(module__outputs=4, max_epochs=1).fit(X, gap)
    for function in (sets_of_net, extracted, inferred, reported):
        with pytest.raises(ValueError, match="answers with the number of an output.*classes="):
            function(trained)


def test_a_net_of_which_no_labels_are_known_answers_by_position():
    fresh = net().initialize()
    labels = compatible_sets(fresh, X[:20], sensitive_feature=0, resolution=8).label
    np.testing.assert_array_equal(labels, fresh.predict(X[:20]))
