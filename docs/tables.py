"""Tables of the page on benchmarks, from the JSON that the benchmarks wrote."""

import csv
import json
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
RESULTS, TABLES = HERE / "results", HERE / "_tables"
REACH = {  # "to reach", as times of the bare predict
    "logistic regression": 1.3,
    "MLP (64)": 1.15,
    "decision tree, depth 6": 1.3,
    "random forest, 50 trees": 1.15,
    "hist gradient boosting, 50": 1.1,
}
BILLION = 1e9


def read(name):
    return json.loads((RESULTS / f"{name}.json").read_text())


def read_rows(name):
    with (RESULTS / f"{name}.csv").open() as file:
        return list(csv.DictReader(file))


def write(name, header, rows):
    TABLES.mkdir(exist_ok=True)
    with (TABLES / f"{name}.csv").open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def times(one):
    return f"{one['ratio']:.2f} ({one['low']:.2f} to {one['high']:.2f})"


def overhead():
    rows = []
    for name, one in read("overhead")["results"].items():
        peers = [
            "{ratio:.1f} ({low:.1f} to {high:.1f})".format(**one[side])
            for side in ("plain loop", "ART, batch = n", "ART, batch = 32")
        ]
        memory = [f"{one[side]['mib']:.0f}" for side in ("certify", "plain loop", "ART, batch = n")]
        rows.append([name, times(one["certify"]), REACH[name], *peers, " / ".join(memory)])
    header = ["base model", "here", "to reach", "plain loop", "ART, batch = n", "ART, batch = 32",
              "MiB: here / loop / ART"]  # fmt: skip
    write("overhead", header, rows)


def growth():
    found = read("growth")["results"]
    sizes = ["rows", "features", "votes", "classes", "sigma"]
    rows = [
        [
            name,
            *(f"{one[size]['exponent']:.2f}" if size in one else "" for size in sizes),
            f"{one['ms_a_row']:.3g}",
        ]
        for name, one in found.items()
    ]
    write("growth", ["engine", *sizes, "ms a row"], rows)


def early_stopping():
    found = read("early_stopping")
    rows = [
        [name, f"{one['median_votes']:.0f}", f"{one['mean_votes']:.0f}",
         f"{one['left_early']:.1%}", f"{one['answers_differ']:.1%}", f"{one['speed_up']:.1f}"]
        for name, one in found["models"].items()
    ]  # fmt: skip
    header = ["model, radius asked for", "median votes", "mean", "left early", "answers differ",
              "times faster"]  # fmt: skip
    write("early_stopping", header, rows)
    kinds = ["rounds", "sequence, same rounds", "sequence, all the time"]
    rows = [
        [one["radius"], f"{one['p']:.3f}", *(f"{one[k][0]:.0f} ({one[k][1]:.0%})" for k in kinds)]
        for one in found["simulated"]
    ]
    write("sequential", ["radius asked for", "p", *kinds], rows)


def scale():
    found = read("scale")
    rows = [
        [name, times(one), "yes" if one["same_bits"] else "no"]
        for name, one in found["processes"].items()
    ]
    write("processes", ["through", "two processes over one", "same bits"], rows)
    rows = [
        [one["model"], f"{one['rows']:,}", f"{one['votes']:,}", f"{one['input_mib']:.0f}",
         f"{one['mib']:.0f}", f"{one['seconds']:.1f}"]
        for one in found["memory"]
    ]  # fmt: skip
    write("memory", ["model", "rows", "votes", "input, MiB", "peak above it, MiB", "s"], rows)


def exact_times():
    return {k: v for k, v in read("exact")["results"].items() if "us_per_row" in v}


def exact():
    rows = [
        [name, f"{one['us_per_row']:.0f}", f"{one['ratio']:,.0f}", f"{one['share_difference']:.4f}"]
        for name, one in exact_times().items()
    ]
    header = ["model", "microseconds a row", "times faster than 100 000 votes", "shares differ by"]
    write("exact", header, rows)


def billion():
    """Core hours of a billion rows, from the measured time of one."""
    rows = [
        [f"exact: {name}", "none", f"{one['us_per_row'] * BILLION / 3.6e9:,.0f}"]
        for name, one in exact_times().items()
    ]
    overhead, votes = read("overhead"), 1000
    for name, one in overhead["results"].items():
        vote = one["certify"]["seconds"] / (overhead["rows"] * overhead["votes"])
        hours = vote * votes * BILLION / 3600
        rows.append([f"votes: {name}", f"{votes * BILLION:.0e}", f"{hours:,.0f}"])
    write("billion", ["engine", "votes", "core hours"], rows)


def searches():
    rows = [
        [
            one["model"],
            f"{one['rows']:,}",
            f"{one['ten_over_one']:.2f}",
            f"{one['grid_over_one']:.1f}",
        ]
        for one in read("search")["results"]
    ]
    write("search", ["model", "rows", "NoiseSearchCV", "GridSearchCV"], rows)


def sets():
    rows = [
        [name, f"{one['ms_a_person']:.0f}", times(one)]
        for name, one in read("sets")["results"].items()
    ]
    write("sets", ["model", "milliseconds a person", "over the plain grid"], rows)


def neural():
    rows = [
        [one["net"], one["device"], f"{one['votes_per_second']:,.0f}",
         f"{one['share_of_bare']:.2f}", f"{one['times_the_loop']:.1f}"]
        for one in read("neural")
    ]  # fmt: skip
    header = ["net", "device", "votes a second", "of the bare forward pass", "times a loop"]
    write("neural", header, rows)


def points(value, interval=None, sign=""):
    """Points of accuracy, with the half width of their interval."""
    shown = f"{round(100 * float(value), 1) + 0.0:{sign}.1f}"  # never -0.0
    return shown if interval is None else f"{shown} ± {100 * float(interval):.1f}"


def write_lost_and_above(name, what, names, partitions, lost, above):
    """What each release loses in each task, and what partitions are above the best rival."""
    rows = [[task, *("  ".join(one[each]) for each in names)] for task, one in lost.items()]
    write(name, [what, *names], rows)
    shown = ["best rival", *partitions]
    rows = [[*at, *(one[each] for each in shown)] for at, one in above.items()]
    write(f"{name}_above", [what, "minimum", *shown], rows)


def price():
    rows = read_rows("price")
    whole, lost, above = [], {}, {}
    for row in rows:
        task = f"{row['task']}; {row['attribute']}"
        name, minimum = row["release"], float(row["minimum"])
        asked = f"{minimum:.0%}" if minimum else ""
        gives = [
            f"{float(row[part]):.2f}" if row[part] else ""
            for part in ("narrowest", "5 %", "vulnerability", "leakage")
        ]
        price = points(row["lost"], row["± lost"])
        whole.append([task, name, asked, f"{float(row['accuracy']):.3f}", price, *gives])
        if row["above it"]:
            at = above.setdefault((task, asked), {})
            at["best rival"] = row["best rival"]
            at[name] = points(row["above it"], row["± above"], "+")
        if name == "no privacy":
            lost[task] = {name: [f"{float(row['accuracy']):.3f}"]}
        elif not name.startswith("smoothing"):
            lost[task].setdefault(name, []).append(points(row["lost"]))
    partitions = sorted({row["release"] for row in rows if row["above it"]}, reverse=True)
    names = ["no privacy", "dropped", "equal bins", "best bins", *partitions,
             "randomised response", "noise on the attribute"]  # fmt: skip
    write_lost_and_above("price", "label; attribute", names, partitions, lost, above)
    header = ["label; attribute", "release", "minimum", "accuracy", "points lost", "narrowest",
              "5 %", "vulnerability", "leakage (bits)"]  # fmt: skip
    write("price_whole", header, whole)


def quotes():
    """R2 lost to a minimum, and what it is above the best rival with the same guarantee."""
    lost, above = {}, {}
    for row in read_rows("quotes"):
        task, name = f"{row['task']}; {row['attribute']}", row["release"]
        minimum = float(row["minimum"])
        if name == "no privacy":
            lost[task] = {name: [f"{float(row['R2']):.3f}"]}
            continue
        lost[task].setdefault(name, []).append(f"{float(row['lost']) + 0.0:.3f}")
        if row["above it"]:
            at = above.setdefault((task, f"{minimum:.0%}"), {"best rival": row["best rival"]})
            at[name] = f"{float(row['above it']):+.3f} ± {float(row['± above']):.3f}"
    partitions = ["minimum, model", "minimum, auto"]
    names = ["no privacy", "dropped", "equal bins", "best bins", *partitions]
    write_lost_and_above("quotes", "target; attribute", names, partitions, lost, above)


def mean_of(values, digits=3):
    """Mean over ten splits, with its 95 % interval."""
    half = 2.262 * np.std(values, ddof=1) / len(values) ** 0.5
    return f"{np.mean(values):.{digits}f} ± {half:.{digits}f}"


def releases():
    """What six releases leave open, each by itself and within what the others left open."""
    lines, rows = read("ledger")["kept"], []
    shown_as = {
        "alone": "each by itself",
        "within": "within what is open",
        "coarsened": "trained anew behind the same bins",
    }
    for name, shown in shown_as.items():
        mine = [line for line in lines if line["releases"] == name]
        of = {key: [line[key] for line in mine] for key in mine[0] if key != "releases"}
        guess = f"{np.mean(of['guess before']):.2f}, {np.mean(of['guess after']):.2f}"
        bits = max(of["largest gain in bits"])
        told = "no bound" if np.isinf(bits) else f"{bits:.2f}"
        narrow = [f"{min(of['smallest']):.2g}", f"{np.mean(of['median']):.1f}"]
        rows.append(
            [shown, *narrow, f"{min(of['smallest mass']):.3f}", guess, told, mean_of(of["mean r2"])]
        )
    r2 = {
        name: np.array([e["mean r2"] for e in lines if e["releases"] == name]) for name in shown_as
    }
    for name in ("alone", "coarsened"):
        told = f"within what is open, above {shown_as[name]}"
        rows.append([told, *[""] * 5, mean_of(r2["within"] - r2[name])])
    header = ["six releases", "narrowest interval, kg/m2", "median", "least share of people",
              "best guess before, after", "most bits told", "R2 of the answers"]  # fmt: skip
    write("releases", header, rows)


def films():
    """Ten films: what a minimum costs, and what the list leaves open of the age."""
    lines, rows = read("lists")["films"], []
    names = list(dict.fromkeys(line["release"] for line in lines))
    of = {
        name: {
            key: np.array([line[key] for line in lines if line["release"] == name])
            for key in ("precision", "ndcg", "narrowest", "median", "years off")
        }
        for name in names
    }
    plain = of[names[0]]
    said = {"uniform bins": "equal bins", "optimal bins": "best bins"}  # as on the page of prices
    for name in names:
        each = of[name]
        above = mean_of(each["precision"] - plain["precision"]) if name != names[0] else ""
        written = name
        for strategy, words in said.items():
            written = written.replace(strategy, words)
        rows.append(
            [written, mean_of(each["precision"]), above, f"{each['ndcg'].mean():.3f}",
             f"{each['narrowest'].min():.0f}", f"{each['median'].mean():.0f}",
             f"{each['years off'].mean():.1f}"]
        )  # fmt: skip
    header = ["ten films", "precision at 10", "above the model as it is", "NDCG",
              "narrowest, years", "median", "years off"]  # fmt: skip
    write("films", header, rows)


def answers():
    """What one model's label, number and list leave open, in three ways."""
    lines, rows = read("lists")["one model"], []
    scores = {"label": "accuracy", "number": "R2", "list": "precision at 3"}
    for task in dict.fromkeys(line["task"] for line in lines):
        for kind, score in scores.items():
            for how in ("as it is", "with noise", "with a minimum"):
                mine = [
                    line for line in lines
                    if (line["task"], line["release"], line["how"]) == (task, kind, how)
                ]  # fmt: skip
                share = 100 * np.mean([line["below a twentieth"] for line in mine])
                rows.append(
                    [task, kind, how, f"{score} {np.mean([e['score'] for e in mine]):.3f}",
                     f"{min(e['narrowest'] for e in mine):.2f}",
                     f"{np.mean([e['median'] for e in mine]):.1f}", f"{share:.0f} %"]
                )  # fmt: skip
    header = ["task", "released", "how", "worth", "narrowest interval, kg/m2", "median",
              "people left with less than a twentieth of the range"]  # fmt: skip
    write("answers", header, rows)


def make_all(app=None):
    measured = (overhead, growth, early_stopping, scale, exact, sets, billion, searches, neural)
    for table in (*measured, price, quotes, releases, films, answers):
        table()


if __name__ == "__main__":
    make_all()
