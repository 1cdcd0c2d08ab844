"""Pictures of measured figures, from the tables that the benchmarks wrote."""

from itertools import groupby

from tables import TABLES, read_rows

# Colours of Okabe and Ito, each with a marker of its own.
STYLES = {
    "no privacy": ("k", "*", "no privacy"),
    "dropped": ("0.45", "X", "attribute dropped"),
    "smoothing": ("#E69F00", "v", "Gaussian smoothing"),
    "equal bins": ("#56B4E9", "s", "equal bins, retrained"),
    "best bins": ("#0072B2", "D", "best common bins, retrained"),
    "minimum, empirical, model": ("#CC79A7", "^", "partition, population's prior"),
    "minimum, conditional, model": ("#D55E00", "o", "partition, conditional prior"),
    "minimum, conditional, auto": ("#009E73", "P", 'the same, levels="auto"'),
}
SHIFT = 0.011  # of the range, between markers that would hide one another
LEAST = 1.5  # points to either side of zero: less is not blown up


def price():
    """Accuracy lost against the narrowest set that is left, one panel for each task."""
    from matplotlib.figure import Figure

    rows = read_rows("price")
    panels = [
        (f"{task}\n{attribute}", list(of_task))
        for (task, attribute), of_task in groupby(
            rows, key=lambda row: (row["task"], row["attribute"])
        )
    ]
    lines = -(-len(panels) // 2)
    fig = Figure(figsize=(6.4, 2.5 * lines + 1.5), layout="constrained")
    axes = fig.subplots(lines, 2, sharex=True, squeeze=False).ravel()
    for ax, (title, of_task) in zip(axes, panels, strict=False):
        for place, (name, (colour, marker, label)) in enumerate(STYLES.items()):
            found = [row for row in of_task if row["release"].startswith(name)]
            moved = SHIFT * (place - len(STYLES) / 2) * (name != "no privacy")
            ax.errorbar(
                [float(row["narrowest"]) + moved for row in found],
                [100 * float(row["lost"]) for row in found],
                [100 * float(row["± lost"]) for row in found],
                fmt=marker, color=colour, label=label, ms=8, lw=1.2, mec="w", mew=0.5,
            )  # fmt: skip
        low, high = ax.get_ylim()
        ax.set_ylim(min(low, -LEAST), max(high, LEAST))
        ax.axhline(0, color="0.7", lw=0.8, zorder=0)
        ax.set_title(title, fontsize=11)
        ax.set_xticks([0, 0.2, 0.33, 0.5, 1], ["0", "20", "33", "50", "100"])
        ax.tick_params(labelsize=10, labelbottom=True)
    for ax in axes[len(panels) :]:
        ax.axis("off")
    for ax in axes[::2]:  # the picture is higher than a screen
        ax.set_ylabel("points lost", fontsize=11)
    fig.supxlabel("narrowest set left to anybody (% of the range)", fontsize=11)
    handles, labels = axes[0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside upper center", ncols=2, fontsize=10)
    TABLES.mkdir(exist_ok=True)
    fig.savefig(TABLES / "price.png", dpi=150)


def make_all(app=None):
    price()
