"""Votes of a neural network (skorch): noise, forward passes and counts stay on its device."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Self

import numpy as np
import skorch
import torch
from sklearn.utils import gen_batches
from skorch.dataset import Dataset
from torch.utils.data import DataLoader

from sklearn_rp._compat import nonlinearity_of
from sklearn_rp.engines.monte_carlo import MonteCarlo
from sklearn_rp.engines.problem import Problem
from sklearn_rp.exceptions import NotForMe
from sklearn_rp.law import Draws
from sklearn_rp.models.affine import dense_inputs, unfold
from sklearn_rp.models.inside import last_step, unwrapped
from sklearn_rp.models.labels import refuse_probabilities
from sklearn_rp.models.nets import check_outputs
from sklearn_rp.rows import Rows, rows_per_chunk, sample_rows
from sklearn_rp.votes import SOFT_UNIT, Votes

_KINDS = (skorch.NeuralNetClassifier, skorch.NeuralNetBinaryClassifier, skorch.NeuralNetRegressor)
_OWN = ("predict", "predict_proba", "forward_iter", "evaluation_step", "get_dataset")
_HARMLESS = {"batch_size", "num_workers", "pin_memory", "persistent_workers", "prefetch_factor"}
_MOST_COPIES = 2**18  # at once on an accelerator: more is not faster
_TRIAL = 64  # copies whose memory is measured
_MULTIPLE = 32  # batches are padded to whole multiples: kernels then have no odd ends
# Numbers of a batch on the CPU. What the net makes of a larger one no longer fits into the cache,
# and is given back to the system and zeroed anew at every layer.
_CPU_NUMBERS = 2**18


@dataclass(eq=False)
class TorchNet(MonteCarlo):
    """Engine that counts the votes of a skorch net on the net's own device.

    Batches have one size, whatever the number of rows: the same row gets the same votes in any
    company.

    Parameters
    ----------
    net : NeuralNetClassifier, NeuralNetBinaryClassifier or NeuralNetRegressor
        The fitted net.
    transform : callable
        What stands before the net, as one function of clean rows.
    effect : ndarray of shape (n_inputs, n_noised) or None
        What one unit of each noised feature adds to each input of the net; None: the noised
        features are inputs.
    columns : ndarray of shape (n_noised,) or None
        Which inputs they are; None: all.
    shape : tuple of int
        Shape of one row as the net reads it.
    dtype : numpy dtype
        Of the net's inputs.
    """

    net: Any = None
    transform: Callable[[Rows], Any] = field(default=np.asarray)
    effect: np.ndarray | None = None
    columns: np.ndarray | None = None
    shape: tuple[int, ...] = ()
    dtype: Any = np.float32

    name = "torch"
    title = "votes of a net on its device"
    divisible = False  # the device is one, and torch has threads of its own

    @classmethod
    def for_problem(cls, problem: Problem) -> Self:
        """Engine for a fitted net, possibly behind affine steps.

        A net with methods or loaders of its own is left to the engine that asks it as it is.
        """
        problem.labels_alone()
        estimator, noise, X, shape = problem.estimator, problem.noise, problem.X, problem.shape
        net = last_step(estimator)
        if not _is_plain(net):
            raise NotForMe("the net has methods or loaders of its own")
        transform: Callable[[Rows], Any] = np.asarray
        effect = columns = None
        if shape is not None:
            if unwrapped(estimator) is not net:
                raise NotForMe("what the steps do to noise on images is not known")
            kind = X.dtype
        else:
            model, step, effect = unfold(estimator, noise.columns, X)
            if model is not net:
                raise NotForMe("what stands around the net is not known")
            transform = partial(dense_inputs, step)
            trial = np.asarray(transform(sample_rows(X, 2)))
            shape = trial.shape[1:]
            # Steps are given doubles here; the net reads what they give on rows as they are.
            kind = trial.dtype if unwrapped(estimator) is net else noise.values(X).dtype
            if np.array_equal(effect, np.eye(X.shape[1])[:, noise.columns]):
                effect = None
        if effect is None and len(noise.columns) < int(np.prod(shape)):
            columns = noise.columns
        # Whole numbers plus noise are no whole numbers.
        kind = kind if kind.kind == "f" else np.dtype(np.float64)
        asked = cls._asked(problem)
        engine = cls(*asked, net, transform, effect, columns, tuple(shape), kind)
        if not engine._reads_the_model(X):
            raise NotForMe("its votes on some rows are not those of the net")
        return engine

    def _reads_the_model(self, X: Rows) -> bool:
        """Whether the engine's votes on some rows are those of the estimator itself."""
        rows = sample_rows(X, 8)
        bank = self.noise.probes()
        with evaluating(self.net.module_):
            x = torch.as_tensor(self._inputs(rows), device=self._device)
            offsets = self._full(torch.as_tensor(bank, device=self._device))
            counts = self._count_on_device(x, offsets)
        difference = np.abs(self._count(rows, bank) - counts.cpu().numpy())
        # Probabilities of low precision may differ a little with the batch; labels must not.
        return bool(difference.max() <= (1e-3 * SOFT_UNIT if self.voting == "soft" else 0))

    @property
    def _device(self) -> Any:
        return torch.device(self.net.device if self.net.device is not None else "cpu")

    def votes(self, X: Rows, sigmas: Sequence[float], draws: Draws) -> list[Votes]:
        """Votes of each row at each noise level, all with the same draws."""
        with evaluating(self.net.module_):
            return super().votes(X, sigmas, draws)

    def _add_shared(
        self, totals: np.ndarray, X: Rows, sigmas: Sequence[float], draws: Draws
    ) -> None:
        inputs, batch, rows_at_once, votes_at_once = self._plan(X, min(sigmas), len(draws))
        counts = torch.as_tensor(totals, device=self._device)
        # Votes outside, rows inside: each draw is made once.
        for bank in self._bank(draws, votes_at_once):
            for level, sigma in enumerate(sigmas):
                offsets = self._full(sigma * bank)
                for rows in gen_batches(len(inputs), rows_at_once):
                    x = torch.as_tensor(inputs[rows], device=self._device)
                    counts[level, rows] += self._count_on_device(x, offsets, batch)
        totals[:] = counts.cpu().numpy()

    def _add_own(self, totals: np.ndarray, X: Rows, sigmas: Sequence[float], draws: Draws) -> None:
        inputs, batch, rows_at_once, votes_at_once = self._plan(X, min(sigmas), len(draws))
        counts = torch.as_tensor(totals, device=self._device)
        for rows, own in self._own(draws, len(inputs), rows_at_once, votes_at_once):
            x = torch.as_tensor(inputs[rows], device=self._device)
            for level, sigma in enumerate(sigmas):
                counts[level, rows] += self._count_on_device(x, self._full(sigma * own), batch)
        totals[:] = counts.cpu().numpy()

    def _plan(self, X: Rows, sigma: float, n_votes: int) -> tuple[np.ndarray, Any, int, int]:
        """Inputs, room for a batch of copies, and rows and votes of one batch."""
        inputs = self._inputs(X)
        self._check_precision(inputs, sigma)
        budget = self._copies_at_once(torch.as_tensor(inputs[:1], device=self._device))
        rows, votes = batch_shape(budget, n_votes)
        size = -(-rows * votes // _MULTIPLE) * _MULTIPLE
        batch = torch.zeros((size, inputs.shape[1]), dtype=self._kind, device=self._device)
        return inputs, batch, rows, votes

    def _inputs(self, X: Rows) -> np.ndarray:
        """Clean inputs of the net, flat: shape (n_rows, n_inputs)."""
        inputs = np.ascontiguousarray(self.transform(X), dtype=self.dtype)
        inputs = inputs.reshape(len(inputs), -1)
        return inputs if inputs.flags.writeable else inputs.copy()

    def _check_precision(self, inputs: np.ndarray, sigma: float) -> None:
        """As `Noise.check_rows`, in the precision in which inputs and noise are added."""
        scale = self.noise.scale
        if self.effect is not None:
            level = np.sqrt((self.effect * scale) ** 2 @ np.ones(len(scale)))
        elif self.columns is not None:
            level = np.zeros(inputs.shape[1])
            level[self.columns] = scale
        else:
            level = scale
        coarse = np.spacing(np.abs(inputs).max(axis=0)).astype(float) * 2.0**8 > sigma * level
        if (coarse & (level > 0)).any():
            raise ValueError(
                f"The noise (sigma={sigma:g}) is too small beside the values of X in the net's "
                f"precision, {np.dtype(self.dtype)}: their sum is rounded so coarsely that no "
                "certificate would be sound. Subtract offsets first, use float64, or raise sigma."
            )

    def _bank(self, draws: Draws, at_once: int) -> Iterator[Any]:
        """All draws of a bank, so many at a time; drawn in whole blocks."""
        piece = -(-at_once // self.noise.law.block) * self.noise.law.block
        rest, drawn = self._draws(draws.entropy, draws.start, draws.start), draws.start
        for start in range(draws.start, draws.stop, at_once):
            now = min(at_once, draws.stop - start)
            while len(rest) < now:
                upto = min(drawn - drawn % self.noise.law.block + piece, draws.stop)
                rest = torch.cat([rest, self._draws(draws.entropy, drawn, upto)])
                drawn = upto
            yield rest[:now]
            rest = rest[now:]

    def _draws(self, entropy: Any, start: int, stop: int) -> Any:
        """Draws number `start` to `stop`, each times its scale; a function of seed and number."""
        if self._device.type == "cpu":
            return torch.from_numpy(self.noise.law.draw(entropy, start, stop) * self.noise.scale)
        size, width = self.noise.law.block, len(self.noise.columns)
        out = torch.empty((stop - start, width), dtype=self._kind, device=self._device)
        for number in range(start // size, -(-stop // size)):
            generator = _generator(entropy, number, self._device)
            # Always the whole block: a shorter one need not begin as a longer one does.
            block = torch.randn((size, width), generator=generator, **self._where)
            first = number * size
            low, high = max(start, first), min(stop, first + size)
            out[low - start : high - start] = block[low - first : high - first]
        return self._scaled(out)

    def _own(
        self, draws: Draws, n_rows: int, rows_at_once: int, votes_at_once: int
    ) -> Iterator[tuple[slice, Any]]:
        """Draws of each row's own, each times its scale."""
        if self._device.type == "cpu":
            # torch's generator on the CPU keeps 32 bits of a seed: too few for a secret.
            for rows, own in self.noise.law.draw_own(draws, n_rows, rows_at_once * votes_at_once):
                yield rows, torch.from_numpy(own * self.noise.scale)
            return
        generator = _generator(draws.entropy, draws.row or 0, self._device)
        for rows in gen_batches(n_rows, rows_at_once):
            for some in gen_batches(len(draws), votes_at_once):
                shape = (rows.stop - rows.start, some.stop - some.start, len(self.noise.columns))
                yield rows, self._scaled(torch.randn(shape, generator=generator, **self._where))

    @property
    def _where(self) -> dict[str, Any]:
        return {"dtype": self._kind, "device": self._device}

    def _scaled(self, draws: Any) -> Any:
        """Draws in each feature's own unit, at noise level 1."""
        return draws * torch.as_tensor(self.noise.scale, dtype=draws.dtype, device=draws.device)

    def _full(self, offsets: Any) -> Any:
        """Offsets of the noised features as offsets of the net's inputs, in their precision."""
        if self.effect is not None:
            effect = torch.as_tensor(self.effect, dtype=offsets.dtype, device=offsets.device)
            offsets = offsets @ effect.T
        elif self.columns is not None:
            whole = offsets.new_zeros((*offsets.shape[:-1], int(np.prod(self.shape))))
            whole[..., torch.as_tensor(self.columns, device=offsets.device)] = offsets
            offsets = whole
        return offsets.to(self._kind)

    @property
    def _kind(self) -> Any:
        """The dtype of the inputs, as torch calls it."""
        return torch.from_numpy(np.empty(0, self.dtype)).dtype

    def _count_on_device(self, x: Any, offsets: Any, batch: Any = None) -> Any:
        """Votes of each row with all offsets; halves the batch where memory does not suffice."""
        n_rows, n_votes = len(x), offsets.shape[-2]
        n_copies = n_rows * n_votes
        try:
            if batch is None:
                batch = torch.empty((n_copies, x.shape[1]), dtype=x.dtype, device=x.device)
            copies = batch[:n_copies].view(n_rows, n_votes, -1)
            torch.add(x[:, None, :], offsets, out=copies)
            proba = self._forward(batch.view(-1, *self.shape))[:n_copies]
            return self._sum(proba.reshape(n_rows, n_votes, -1))
        except (RuntimeError, MemoryError) as error:
            if not _is_out_of_memory(error):
                raise
            reason = error
        batch = None
        if x.device.type == "cuda":
            torch.cuda.empty_cache()
        if n_rows > 1:
            half = n_rows // 2
            both = (offsets[:half], offsets[half:]) if offsets.ndim == 3 else (offsets, offsets)
            parts = [
                self._count_on_device(*part)
                for part in zip((x[:half], x[half:]), both, strict=True)
            ]
            return torch.cat(parts)
        if n_votes > 1:
            half = n_votes // 2
            return sum(
                self._count_on_device(x, part)
                for part in (offsets[..., :half, :], offsets[..., half:, :])
            )
        raise MemoryError(
            f"The net does not fit into the memory of {x.device} with a single row: free memory, "
            "or move the net with set_params(device='cpu')."
        ) from reason

    def _forward(self, copies: Any) -> Any:
        """Probabilities as `predict_proba` gives them, on the device."""
        out = self.net.infer(copies)
        out = out[0] if isinstance(out, tuple) else out
        return nonlinearity_of(self.net)(out)

    def _sum(self, proba: Any) -> Any:
        """Votes from probabilities, or numbers, of shape (n_rows, n_votes, n_outputs)."""
        n_classes = len(self.classes)
        if self.cells is not None:
            return self._cells_of(proba)
        if self.voting == "hard":
            if proba.shape[2] == 2 == n_classes:  # much faster than to look for the largest
                binary = isinstance(self.net, skorch.NeuralNetBinaryClassifier)
                limit = self.net.threshold if binary else proba[:, :, 0]
                second = (proba[:, :, 1] > limit).sum(dim=1)
                return torch.stack([proba.shape[1] - second, second], dim=1)
            label = proba.argmax(dim=2)
            counts = torch.zeros(
                (len(proba), max(n_classes, proba.shape[2])), dtype=torch.int64, device=proba.device
            )
            counts.scatter_add_(1, label, torch.ones_like(label))
            if proba.shape[2] > n_classes:
                seen = torch.nonzero(counts.sum(dim=0)).max()
                check_outputs(int(seen) + 1, self.classes)
            return counts[:, :n_classes]
        proba = proba.double()
        total = proba.sum(dim=2, keepdim=True)
        good = (proba >= 0).all() & ((total - 1).abs() < 1e-3).all()
        if proba.shape[2] != n_classes or not bool(good):
            raise refuse_probabilities(tuple(proba.shape[1:]), n_classes)
        return torch.round(proba / total * SOFT_UNIT).long().sum(dim=1)

    def _cells_of(self, numbers: Any) -> Any:
        """How many numbers are in each cell."""
        if numbers.shape[2] != 1 or not bool(torch.isfinite(numbers).all()):
            raise ValueError(
                f"The net gave {numbers.shape[2]} number(s) for a row, or NaN or infinity: one "
                "finite number for each row is needed."
            )
        edges = torch.as_tensor(self.cells.edges, device=numbers.device)  # type: ignore[union-attr]
        # Compared in double precision, as numbers that come from `predict` are.
        cell = torch.bucketize(numbers[:, :, 0].double(), edges, right=True)
        counts = torch.zeros((len(cell), len(edges) + 1), dtype=torch.int64, device=cell.device)
        return counts.scatter_add_(1, cell, torch.ones_like(cell))

    def _copies_at_once(self, row: Any) -> int:
        """Noisy copies in one batch, from the memory that is free."""
        if row.device.type != "cuda":
            return min(rows_per_chunk(row.shape[1]), max(1, _CPU_NUMBERS // row.shape[1]))
        torch.cuda.synchronize(row.device)
        before = torch.cuda.memory_allocated(row.device)
        torch.cuda.reset_peak_memory_stats(row.device)
        self._count_on_device(row, torch.zeros_like(row).expand(_TRIAL, -1))
        used = torch.cuda.max_memory_allocated(row.device) - before
        free = torch.cuda.mem_get_info(row.device)[0]
        free += torch.cuda.memory_reserved(row.device) - torch.cuda.memory_allocated(row.device)
        fitting = max(1, int(free / 2 / max(1, used / _TRIAL)))
        return min(_MOST_COPIES, 2 ** (fitting.bit_length() - 1))


def batch_shape(budget: int, n_votes: int) -> tuple[int, int]:
    """Rows and votes of a batch of so many copies: votes are split evenly.

    Examples
    --------
    >>> batch_shape(9000, 3000), batch_shape(500, 1200)
    ((3, 3000), (1, 400))
    """
    votes = -(-n_votes // -(-n_votes // budget))
    return max(1, budget // votes), votes


def _generator(entropy: Any, number: int, device: Any) -> Any:
    """A stream of noise on an accelerator; a function of the seed and a number."""
    sequence = np.random.SeedSequence(entropy, spawn_key=(number,))
    seed = int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1))
    return torch.Generator(device).manual_seed(seed)


def _is_plain(net: Any) -> bool:
    """Whether a net answers as skorch's own do."""
    for kind in _KINDS:
        if isinstance(net, kind):
            own = all(getattr(type(net), name) is getattr(kind, name) for name in _OWN)
            loads = net.dataset is Dataset and net.iterator_valid is DataLoader
            return own and loads and set(net.get_params_for("iterator_valid")) <= _HARMLESS
    return False


def _is_out_of_memory(error: Exception) -> bool:
    known = isinstance(error, MemoryError | torch.OutOfMemoryError)
    return known or any(
        text in str(error)
        for text in ("out of memory", "can't allocate memory", "not enough memory")
    )


@contextmanager
def evaluating(module: Any) -> Iterator[None]:
    """A module in evaluation mode and without gradients, and afterwards as it was found.

    Not in torch's inference mode: what a module keeps from it can never be trained on again.
    """
    modes = [(part, part.training) for part in module.modules()]
    try:
        with torch.no_grad():
            module.eval()
            yield
    finally:
        for part, training in modes:
            part.training = training
