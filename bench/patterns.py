#!/usr/bin/env python3
"""Times attention with patterns: against full causal attention, its growth with n, a long window, and softmax with the same
pattern against PyTorch's. The sides take turns, and a ratio is the median of the rounds' ratios. PyTorch is installed into a
virtual environment. Takes some minutes; the times mean something on a machine that does nothing else.
"""

import math
import statistics
import time
from typing import Any

from harness import (HEADER, SETTLE, Row, Worker, arguments, build_bench_program, describe_machine, facts_list, publish, table)
from peers import BENCH, find_torch, log

# With stride sqrt(n).
LENGTHS = [4096, 16384, 65536, 262144]
WIDTH = 64


def main() -> None:
    parser = arguments(__doc__, rounds=5, seconds=0.5, needs="torch")
    options = parser.parse_args()

    options.work_dir.mkdir(parents=True, exist_ok=True)
    work_dir = options.work_dir.resolve()
    torch = find_torch(options.python, work_dir / "venv")
    program = str(build_bench_program(work_dir, "patterns"))
    numbers: dict[str, list[dict[str, Any]]] = {}

    def ask(worker: Worker, *words: object) -> dict[str, Any]:
        time.sleep(SETTLE)
        answer = worker.ask(*words, options.seconds)
        numbers.setdefault(" ".join(map(str, words)), []).append(answer)
        return answer

    # A process of its own, whose peak is that of this request.
    window = ask(Worker([program], options.cores, BENCH), "sparse_attention", "window", 512, 262144)

    taper = Worker([program], options.cores, BENCH)
    ratios: dict[str, list[float]] = {"forward": [], "total": []}
    growth: list[dict[int, float]] = []
    for i in range(options.rounds):
        full = ask(taper, "sparse_attention", "everything", 0, 65536)
        strided = {n: ask(taper, "sparse_attention", "strided", math.isqrt(n), n) for n in LENGTHS}
        for part, found in ratios.items():
            found.append(full[part] / strided[65536][part])
        growth.append({n: answer["total"] for n, answer in strided.items()})
        ask(taper, "sparse_attention", "fixed", 256, 65536)
        log(f"round {i + 1}: full over strided {ratios['total'][-1]:.1f}")

    pytorch = Worker([str(torch.python), str(BENCH / "patterns_peers.py"), str(len(options.cores))], options.cores, BENCH)
    softmax: dict[str, list[float]] = {"masked": [], "flex": []}
    for _ in range(min(2, options.rounds)):
        for what, part in (("masked", "total"), ("flex", "forward")):
            peer = ask(pytorch, what, 128, 16384, WIDTH)
            softmax[what].append(peer[part] / ask(taper, "softmax_attention", "strided", 128, 16384)[part])

    def seconds(words: str, part: str = "total") -> str:
        median = statistics.median(answer[part] for answer in numbers[words])
        return f"{1e3 * median:.1f} ms" if median < 1 else f"{median:.2f} s"

    slopes = [statistics.linear_regression([math.log(n) for n in of_round], [math.log(t) for t in of_round.values()]).slope
              for of_round in growth]
    strided, everything = "sparse_attention strided 256 65536", "sparse_attention everything 0 65536"
    ours, masked, flex = "softmax_attention strided 128 16384", f"masked 128 16384 {WIDTH}", f"flex 128 16384 {WIDTH}"
    rows = [
        Row("strided, n = 65536, stride 256, against full causal, forward", seconds(strided, "forward"),
            seconds(everything, "forward"), statistics.median(ratios["forward"]), "times", 40),
        Row("the same, forward and backward", seconds(strided), seconds(everything), statistics.median(ratios["total"]),
            "times", 40),
        Row("power of n, 4096 to 262144, stride sqrt(n)", "", "", statistics.median(slopes), "as exponent", 1.6),
        Row("window 512, n = 262144, forward and backward", "", "", window["total"], "s", 1),
        Row("its process's memory", "", "", window["peak_mib"], "MiB", 1024),
        Row("softmax, n = 16384, stride 128, against scaled_dot_product_attention with a mask, forward and backward",
            seconds(ours), seconds(masked), statistics.median(softmax["masked"]), "times", 3),
        Row("the same, against FlexAttention, forward (it has no backward on the CPU)", seconds(ours, "forward"),
            seconds(flex, "forward"), statistics.median(softmax["flex"]), "times", 3),
    ]
    by_length = table(["n", "stride", "forward", "backward"], [
        [str(n), str(math.isqrt(n)), *(seconds(f"sparse_attention strided {math.isqrt(n)} {n}", part)
                                       for part in ("forward", "backward"))] for n in LENGTHS])
    facts = describe_machine(torch) | {"cores": " ".join(map(str, options.cores)), "rounds": str(options.rounds)}
    text = "\n".join(["# Attention with patterns", "", "Causal, one head, d = 64, k = 16, float32, scores of deviation 1. Medians.", "",
                      table(HEADER, [row.cells() for row in rows]), "", "Strided:", "", by_length, "",
                      "Fixed, n = 65536, stride 256, summary 32: " + seconds("sparse_attention fixed 256 65536") + ".", "",
                      facts_list(facts), ""])
    publish(text, options.output, facts, rows, numbers=numbers)


if __name__ == "__main__":
    main()
