"""Displays are drawn without a screen, and closed."""

import pytest


@pytest.fixture(autouse=True)
def _close_figures():
    plt = pytest.importorskip("matplotlib.pyplot", reason="displays need matplotlib")
    plt.switch_backend("agg")
    yield
    plt.close("all")
