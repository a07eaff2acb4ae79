"""anygrad beside other libraries and beside NumPy by hand.

    pip install -r ci/bench/requirements.txt     # what there is to compare with; all of it is optional
    python ci/bench                              # every part, as Markdown; some minutes
    python ci/bench times chain mlp              # one part, and of it two workloads
    python ci/bench times --libraries anygrad,torch
    python ci/bench --write                      # into docs/performance.md, with the plot

Parts: times, small (single operations on arrays of ten numbers), threads (two threads, and each library in a process of its own),
memory, footprint, scaling; and beside these
engine (a chain of small operations, forward and backward apart) and transforms (what a jvp and a Hessian cost).
And gpu, which has options of its own: python ci/bench gpu --help.
"""

from __future__ import annotations

import argparse
import importlib
import os
import statistics
import subprocess
import sys
from typing import Any

THREADS = int(os.environ.setdefault("BENCH_THREADS", "1"))
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):  # read when NumPy is imported
    os.environ[variable] = str(THREADS)
if THREADS == 1:
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

import measure  # noqa: E402
import report  # noqa: E402
from libraries import Library, installed  # noqa: E402
from workloads import GOALS, WORKLOADS, prepared  # noqa: E402

BLAS = ("mlp", "solve", "attention", "convolution")  # where a library for linear algebra does the work


def times(libraries: list[Library], names: list[str]) -> tuple[str, dict[str, dict[str, float]]]:
    """Medians, ratios to torch and to NumPy by hand; and the ratios to torch for the plot."""
    columns = ["by hand", *(library.name for library in libraries)]
    ratios, medians, to_torch = [], [], {}
    for name in names:
        found = measure.take_turns(prepared(name, libraries))
        title = WORKLOADS[name].__doc__
        goals = GOALS.get(name, (None, None))
        row: list[str] = [f"{title}"]
        for other, goal in zip(("torch", "by hand"), goals, strict=True):
            row += [report.figure(found.ratio("anygrad", other) if other in found and "anygrad" in found else None), report.figure(goal)]
        row += [report.figure(found.ratio("by hand", "torch") if "torch" in found else None)]
        ratios.append(row)
        medians.append([f"{title}", *(report.figure(found.median(c) * 1000 if c in found else None) for c in columns)])
        if "torch" in found:
            to_torch[name] = {column: found.ratio(column, "torch") for column in columns if column in found}
        print(f"{name}: {', '.join(f'{c} {found.median(c) * 1000:.3f} ms' for c in columns if c in found)}", file=sys.stderr)
    heading = ["forward and backward", "anygrad / torch", "goal", "anygrad / by hand", "goal", "by hand / torch"]
    text = report.table(heading, ratios) + "\n\nMedians in milliseconds:\n\n" + report.table(["", *columns], medians)
    return text, to_torch


def child(name: str, library: str, what: str, threads: int = 1) -> float:
    """What a fresh process measures of one library alone: "peak" in bytes, "time" in seconds."""
    command = [sys.executable, os.path.dirname(__file__), "child", name, "--libraries", library, "--measure", what]
    # Memory that is freed goes back at once, so that what one step leaves behind does not hide what the next one needs.
    environment = {**os.environ, "BENCH_THREADS": str(threads)} | ({"MALLOC_MMAP_THRESHOLD_": "65536", "PYTHONMALLOC": "malloc"} if what == "peak" else {})
    return float(subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout.split()[-1])


def measured_alone(name: str, library: str, what: str) -> float:
    step = prepared(name, [] if library == "by hand" else installed([library]))[library]
    return measure.peak(step) if what == "peak" else measure.take_turns({library: step}, seconds=1).median(library)


def threads(libraries: list[Library], names: list[str]) -> str:
    """Each library in a process of its own with two threads, in turn, five times."""
    columns = ["by hand", *(library.name for library in libraries if library.name in ("anygrad", "torch"))]
    rows = []
    for name in [name for name in names if name in BLAS]:
        found = {c: [child(name, c, "time", threads=2) for _ in range(5)] for c in columns}
        cells = [statistics.median(found[c]) * 1000 for c in columns]
        ratio = cells[1] / cells[2] if len(cells) == 3 else None
        rows.append([WORKLOADS[name].__doc__, *map(report.figure, cells), report.figure(ratio)])
    return report.table(["two threads, milliseconds", *columns, "anygrad / torch"], rows)


def memory(libraries: list[Library], names: list[str]) -> str:
    """The peak of each library, in a process of its own."""
    rows = []
    for name in names:
        there = prepared(name, libraries)
        rows.append([WORKLOADS[name].__doc__, *(report.figure(child(name, lib.name, "peak") / 1e6 if lib.name in there else None) for lib in libraries)])
    return report.table(["MB beside the inputs", *(library.name for library in libraries)], rows)


def footprint(libraries: list[Library]) -> str:
    import footprint

    names = list(dict.fromkeys(library.distribution for library in libraries))
    seconds, sizes = footprint.import_seconds(names), {name: footprint.installed_bytes(name) for name in names}
    rows = []
    for name in names:
        part = [report.figure(seconds[name] / seconds["torch"]), report.figure(sizes[name] / sizes["torch"])] if "torch" in names else ["-", "-"]
        rows.append([name, report.figure(seconds[name] * 1000), part[0], report.figure(sizes[name] / 1e6), part[1]])
    return report.table(["beyond NumPy", "import, ms", "of torch's", "installed, MB", "of torch's"], rows)


def scaling(libraries: list[Library]) -> tuple[str, Any]:
    import scaling

    libraries = [library for library in libraries if library.name in ("anygrad", "torch", "autograd", "mygrad")]
    costs = scaling.cost_of_a_node(libraries)
    rows = [[f"{nodes:,}", *(report.figure(column[i]) for column in costs.values())] for i, nodes in enumerate(scaling.NODES)]
    text = report.table(["nodes: ns for each", *costs], rows)
    rows = [[name, report.figure(forward), report.figure(backward)] for name, (forward, backward) in scaling.peaks_of_chains().items()]
    text += "\n\n" + report.table(["20 times in a chain: peak in arrays", "forward", "backward"], rows)
    rows = [[f"{n:,}", report.figure(plain), report.figure(saved)] for n, (plain, saved) in scaling.peaks_of_checkpoints().items()]
    return text + "\n\n" + report.table(["chain of n `sin`: peak in arrays", "plain", "in sqrt(n) checkpoints"], rows), (costs, scaling.NODES)


def main() -> None:
    if sys.argv[1:2] == ["gpu"]:
        importlib.import_module("gpu").main(sys.argv[2:])
        return
    parser = argparse.ArgumentParser(prog="python ci/bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "part", nargs="?", default="all", choices=["all", "times", "small", "threads", "memory", "footprint", "scaling", "engine", "transforms", "child"]
    )
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=", ".join(WORKLOADS))
    parser.add_argument("--libraries", default="", help="which of those that are installed, separated by commas")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/performance.md")
    parser.add_argument("--measure", choices=["peak", "time"], help=argparse.SUPPRESS)
    args = parser.parse_args()
    names = args.workloads or list(WORKLOADS)
    if args.part == "child":
        print(measured_alone(names[0], args.libraries, args.measure))
        return
    if args.part in ("engine", "transforms"):
        importlib.import_module(args.part).main()
        return
    libraries = installed(args.libraries.split(",") if args.libraries else [])
    plotted: dict[str, Any] = {}
    for part in ("times", "small", "threads", "memory", "footprint", "scaling"):
        if args.part not in ("all", part):
            continue
        measured = libraries
        if part == "times":
            text, plotted[part] = times(libraries, names)
        elif part == "small":
            measured = [library for library in libraries if library.name == "torch"]
            if not measured:
                print("small: torch is not installed, or left out\n")
                continue
            text = importlib.import_module("small").small(args.workloads)
        elif part == "scaling":
            text, plotted[part] = scaling(libraries)
        elif part == "footprint":
            text = footprint(libraries)
        else:
            text = (threads if part == "threads" else memory)(libraries, names)
        text += "\n\n" + report.machine(" ".join(["python ci/bench", part, *args.workloads]), measured)
        print(f"{text}\n")
        if args.write:
            report.put_into_page(part, text)
    if args.write and len(plotted) == 2:
        report.plot(plotted["times"], *plotted["scaling"])


if __name__ == "__main__":
    main()
