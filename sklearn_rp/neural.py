"""Neural networks (torch, through skorch): training with noise, and low precision on purpose."""

from __future__ import annotations

from typing import Any

import numpy as np

try:
    import torch
    from skorch.callbacks import Callback
except ImportError as error:
    raise ImportError(
        'sklearn_rp.neural needs torch and skorch: pip install "sklearn-rp[torch]".'
    ) from error

from sklearn_rp.engines.torch import evaluating
from sklearn_rp.law import seed_of

__all__ = ["Autocast", "Decoder", "GaussianNoise"]


def __dir__() -> list[str]:
    return __all__


class GaussianNoise(Callback):
    """Fresh Gaussian noise on every training batch: a callback for skorch's nets.

    A smoothed classifier is as good as its base classifier is on noisy inputs; the smoothing
    literature trains on them (Cohen et al. 2019, arXiv 1902.02918). Validation batches stay clean,
    so that early stopping and validation scores are not touched.

    Parameters
    ----------
    sigma : float or array-like, default=None
        Standard deviation of the noise, in the unit of the inputs; an array has the shape of one
        row, or broadcasts to it. None: that of the :class:`~sklearn_rp.RobustPrivacyClassifier`
        around the net, feature by feature, so that one ``sigma`` sets both.
    random_state : int, RandomState instance or None, default=None
        Seed of the noise.

    Notes
    -----
    Training with noise makes the smoothed label more accurate and the radii larger. It also takes
    away what little protection noise gives against model inversion: see the theory page.

    Examples
    --------
    >>> import numpy as np
    >>> from skorch import NeuralNetClassifier
    >>> from torch import nn
    >>> from sklearn_rp import RobustPrivacyClassifier
    >>> from sklearn_rp.neural import GaussianNoise
    >>> X = np.random.default_rng(0).normal(size=(100, 4)).astype("float32")
    >>> y = np.where(X[:, 0] > 0, "yes", "no")
    >>> net = NeuralNetClassifier(
    ...     nn.Linear(4, 2), criterion=nn.CrossEntropyLoss, callbacks=[GaussianNoise()], verbose=0
    ... )
    >>> clf = RobustPrivacyClassifier(net, sigma=0.5, random_state=0).fit(X, y)
    >>> clf.engine_
    'torch'
    """

    def __init__(self, sigma=None, random_state=None):
        self.sigma = sigma
        self.random_state = random_state

    def take_noise(self, level: np.ndarray) -> None:
        """Learn the noise of the classifier around the net, where no `sigma` was given.

        Parameters
        ----------
        level : ndarray of the shape of one row
            Standard deviations.
        """
        self.level_ = level

    def initialize(self):
        """Start the stream of noise.

        Returns
        -------
        self : GaussianNoise
        """
        self.stream_ = np.random.default_rng(seed_of(self.random_state))
        return self

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        """Refuse to train without a noise level."""
        if self.sigma is None and not hasattr(self, "level_"):
            raise ValueError(
                "GaussianNoise(sigma=None) takes its noise from a RobustPrivacyClassifier around "
                "the net, and there is none: give sigma."
            )
        if self.sigma is not None:
            level = np.asarray(self.sigma, dtype=np.float64)
            if not (np.isfinite(level).all() and (level >= 0).all()):
                raise ValueError(
                    f"sigma={self.sigma!r} is not allowed: give numbers from 0 up, or None."
                )

    def on_batch_begin(self, net, batch=None, training=None, **kwargs):
        """Add noise to a training batch."""
        if not training:
            return
        inputs = batch[0] if isinstance(batch, list) else None
        if not (isinstance(inputs, torch.Tensor) and inputs.is_floating_point()):
            raise TypeError(
                "GaussianNoise needs batches that are lists of a float tensor of inputs and a "
                f"target, as skorch's own loader gives them; here the batch is a "
                f"{type(batch).__name__}."
            )
        level = self.level_ if self.sigma is None else self.sigma
        generator = torch.Generator(inputs.device)
        generator.manual_seed(int(self.stream_.integers(2**63 - 1)))
        noise = torch.randn(
            inputs.shape, generator=generator, dtype=inputs.dtype, device=inputs.device
        )
        scale = torch.as_tensor(np.asarray(level), dtype=inputs.dtype, device=inputs.device)
        batch[0] = inputs + scale * noise  # not in place: a loader may hand out its own data


class Autocast(torch.nn.Module):
    """A module run in low precision: faster on accelerators that have it.

    The base classifier is then the low-precision one, in training, in `predict` and in every vote;
    certificates are about it and not about the module in full precision.

    Parameters
    ----------
    module : torch.nn.Module
        What runs.
    dtype : torch.dtype, default=torch.bfloat16
        The precision.

    Examples
    --------
    >>> import torch
    >>> from skorch import NeuralNetClassifier
    >>> from sklearn_rp.neural import Autocast
    >>> net = NeuralNetClassifier(
    ...     Autocast, module__module=torch.nn.Linear(4, 2), criterion=torch.nn.CrossEntropyLoss
    ... ).initialize()
    >>> net.infer(torch.zeros(3, 4)).dtype  # scores come back in full precision
    torch.float32
    """

    def __init__(self, module: Any, dtype: Any = torch.bfloat16):
        super().__init__()
        self.module = module
        self.dtype = dtype

    def forward(self, x: Any) -> Any:
        """Scores of the module."""
        with torch.autocast(x.device.type, dtype=self.dtype):
            return self.module(x).float()


class Decoder:
    """A torch generator as a prior for :class:`~sklearn_rp.attacks.LabelOnlyInversionAttack`.

    Parameters
    ----------
    module : torch.nn.Module
        Makes inputs from latent points, shape (n, n_components).
    n_components : int
        Number of latent coordinates, standard normal a priori.
    device : str or torch.device, default="cpu"
        Where it runs.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from sklearn_rp.neural import Decoder
    >>> Decoder(torch.nn.Linear(3, 8), 3).inverse_transform(np.zeros((5, 3))).shape
    (5, 8)
    """

    def __init__(self, module: Any, n_components: int, device: Any = "cpu"):
        self.module = module.to(device)
        self.n_components = n_components
        self.device = device

    def inverse_transform(self, Z: np.ndarray) -> np.ndarray:
        """Inputs from latent points.

        Parameters
        ----------
        Z : ndarray of shape (n, n_components)
            Latent points.

        Returns
        -------
        X : ndarray of shape (n, ...)
        """
        with evaluating(self.module):
            points = torch.as_tensor(Z, dtype=torch.get_default_dtype(), device=self.device)
            return self.module(points).cpu().numpy()
