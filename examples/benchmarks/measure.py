"""What the benchmarks share: clocks, memory, and what a figure was measured on."""

import json
import os
import platform
import resource
import time
import tracemalloc

import numpy as np
import sklearn


def seconds(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def in_turn(repeats, *functions):
    """Times of several functions, one after the other, again and again: (repeats, functions)."""
    return np.array([[seconds(function) for function in functions] for _ in range(repeats)])


def ratio(times, of=1, to=0):
    """Median, smallest and largest ratio of two columns, each taken in one turn."""
    each = times[:, of] / times[:, to]
    return {"ratio": float(np.median(each)), "low": float(each.min()), "high": float(each.max())}


def peak_mib(function):
    """Memory that arrays take at most during a call, in MiB above what there was before."""
    tracemalloc.start()
    function()
    peak = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    return peak


def resident_mib():
    """The most memory that this process has had so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def exponent(sizes, values):
    """Slope of a line through the logarithms: 1 where twice the size takes twice the time."""
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])


def machine():
    return {
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "scikit-learn": sklearn.__version__,
        "numpy": np.__version__,
    }


def write(path, results):
    """Results with what they were measured on; nothing where no path is given."""
    if path is not None:
        path.write_text(json.dumps({"machine": machine()} | results, indent=1) + "\n")
