"""Draws the time of forward and backward against n, both axes logarithmic.

    attention_plot.py PICTURE.png < {"points": {"sdpa": [[n, seconds], …], …}, "slope": our exponent of n or null}
"""

import json
import sys
from typing import Any

import matplotlib
from matplotlib import pyplot
from matplotlib.axes import Axes

matplotlib.use("Agg")

INK, MUTED, GRID = "#1f2328", "#6e7781", "#e4e7eb"
# In the order of drawing: label, colour, line. Ours comes last, on top.
STYLES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "gemm": ("bare Q Kᵀ, OpenBLAS", MUTED, {"linestyle": (0, (4, 2)), "linewidth": 1.5, "marker": ""}),
    "composition": ("PyTorch, top-k composition", "#bc4c00", {}),
    "dense": ("PyTorch, dense softmax", "#8250df", {"marker": "^"}),
    "compiled": ("PyTorch, torch.compile", "#1a7f37", {"marker": "s"}),
    "sdpa": ("PyTorch, sdpa (dense, fused)", "#0969da", {"marker": "D"}),
    "sparse_attention": ("Taper", "#cf222e", {"linewidth": 3, "markersize": 7}),
}


def main() -> None:
    data = json.load(sys.stdin)
    points: dict[str, list[tuple[int, float]]] = data["points"]
    pyplot.rcParams |= {"font.size": 11, "text.color": INK, "axes.labelcolor": INK, "xtick.color": MUTED,
                        "ytick.color": MUTED, "axes.edgecolor": GRID}
    figure, axes = pyplot.subplots(figsize=(11, 5.5), layout="constrained")
    axes.set(xscale="log", yscale="log", xlabel="n, queries and keys")
    for name, (label, colour, line) in STYLES.items():
        if name not in points:
            continue
        rows, seconds = zip(*points[name], strict=True)
        if name == "sparse_attention" and data["slope"] is not None:
            label += f": grows as $n^{{{data['slope']:.2f}}}$"
        axes.plot(rows, [1e3 * s for s in seconds], label=label,
                  **{"color": colour, "linewidth": 2, "marker": "o", "markersize": 5} | line)

    all_rows = sorted({rows for line in points.values() for rows, _ in line})
    axes.set_xticks(all_rows, [f"{rows:,}" for rows in all_rows])
    axes.xaxis.minorticks_off()
    axes.yaxis.set_major_formatter(lambda ms, _: f"{ms / 1e3:g} s" if ms >= 1000 else f"{ms:g} ms")
    axes.grid(which="major", color=GRID)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(which="both", length=0)
    add_legend(axes, points)
    axes.set_title("Sparse attention, forward and backward: time against n\n", loc="left", fontweight="bold")
    axes.text(0, 1.015, "batch of 2, d = 64, k = 16, float32, scores of deviation 1; equally many threads for all",
              transform=axes.transAxes, color=MUTED, fontsize=10)
    figure.savefig(sys.argv[1], dpi=150)


def add_legend(axes: Axes, points: dict[str, list[tuple[int, float]]]) -> None:
    """Writes the labels beside the lines, in the lines' order at the last n that all of them reach."""
    common = min(line[-1][0] for line in points.values())
    handles, labels = axes.get_legend_handles_labels()
    names = [name for name in STYLES if name in points]
    entries = sorted(zip(names, handles, labels, strict=True), key=lambda entry: -dict(points[entry[0]])[common])
    legend = axes.legend([handle for _, handle, _ in entries], [label for _, _, label in entries], loc="upper left",
                         bbox_to_anchor=(1.01, 1), frameon=False, labelcolor="linecolor", labelspacing=0.8)
    legend.get_texts()[[name for name, _, _ in entries].index("sparse_attention")].set_fontweight("bold")


if __name__ == "__main__":
    main()
