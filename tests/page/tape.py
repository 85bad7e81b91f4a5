"""Reads a tape's JSON a second time, independently of the page: what each step must show."""

import bisect
import collections
import functools
import math


def same(text, x):
    """Whether the page's exact number is that float."""
    value = float(text.replace("Infinity", "inf"))
    return value == x or (math.isnan(value) and math.isnan(x))


def close(text, x, tolerance=6e-4):
    """Whether what is written is that float, to the four digits at least that a cell has, or the three of a row."""
    value = float(text.replace("−", "-").replace("∞", "inf"))
    return value == x or (math.isnan(value) and math.isnan(x)) or abs(value - x) <= tolerance * abs(x)


def same_bytes(text, count):
    """Whether "1.5 KiB" or the like is that number of bytes."""
    number, unit = text.split()
    return close(number, count / 1024 ** ["B", "KiB", "MiB", "GiB"].index(unit), 6e-3)


class Expected:
    def __init__(self, data):
        self.tape = data["tape"]
        self.nodes = self.tape["nodes"]
        self.walks = self.tape.get("walks", [])
        self.steps = []  # (kind, walk, place)
        self.born = {}  # step at which a node appears
        self.freed = {}  # step at which its closures went
        self.bytes = []
        recorded = 0

        def record(until):
            nonlocal recorded
            while recorded < until:
                self.born[recorded] = len(self.steps)
                self.steps.append(("record", None, recorded))
                self.bytes.append(self.nodes[recorded]["bytes"])
                recorded += 1

        for w, walk in enumerate(self.walks):
            record(walk["first_node"])
            self.steps.append(("begin", w, None))
            self.bytes.append(self.bytes[-1])
            for v, visit in enumerate(walk["visits"]):
                for number in range(recorded, visit["nodes"]):
                    self.born[number] = len(self.steps)
                recorded = max(recorded, visit["nodes"])
                if visit["freed"]:
                    self.freed[visit["node"]] = len(self.steps)
                self.steps.append(("visit", w, v))
                self.bytes.append(visit["bytes"])
            self.steps.append(("end", w, None))
            self.bytes.append(self.bytes[-1])
        record(len(self.nodes))

    def elements(self, tensor):
        return [float(x) for x in self.tape["tensors"][tensor]["elements"]]

    def is_short(self, tensor):
        """Whether a row of the list has its numbers."""
        return len(self.elements(tensor)) <= 3 and "steps" not in self.tape["tensors"][tensor]

    def value_of(self, argument):
        if "value" in argument:
            return argument["value"]
        return None if argument["node"] is None else self.nodes[argument["node"]]["value"]

    def address(self, step):
        kind, w, place = self.steps[step]
        return {"record": f"#n{place}", "begin": f"#w{w}", "visit": f"#w{w}v{place}", "end": f"#w{w}end"}[kind]

    def figures(self, step):
        """The place in tensors of each figure, by the figure's key."""
        kind, w, place = self.steps[step]
        if kind == "record":
            return self.around(f"n{place}", place)
        walk = self.walks[w]
        if kind == "begin":
            return {f"w{w}.cotangent": walk["cotangent"]}
        if kind == "end":
            return {f"w{w}.gradient{each['node']}": each["value"] for each in walk.get("gradients", [])}
        visit = walk["visits"][place]
        key = f"w{w}v{place}"
        figures = {f"{key}.cotangent": visit["cotangent"], **self.around(key, visit["node"])}
        parts = [value for _, _, value, _ in self.arrivals(w, visit["node"])]
        if len(parts) > 1:
            figures.update({f"{key}.part{i}": value for i, value in enumerate(parts[:12])})
        for e, sent in enumerate(visit["contributions"]):
            figures[f"{key}.contribution{e}"] = sent["value"]
            before = self.slot(w, place, sent["node"], e)[2]
            if before is not None:
                figures[f"{key}.before{e}"] = before
                figures[f"{key}.total{e}"] = sent["total"]
        return figures

    def around(self, key, number):
        node = self.nodes[number]
        places = {f"{key}.argument{i}": self.value_of(each) for i, each in enumerate(node.get("inputs", []))}
        return {**{name: place for name, place in places.items() if place is not None}, f"{key}.value": node["value"]}

    @functools.cache
    def index(self, w):
        """Of each node of a walk: its arrivals (visit, edge, value, total), and the number of its visit."""
        walk = self.walks[w]
        arrivals, visits = collections.defaultdict(list), {}
        arrivals[walk["node"]].append((-1, 0, walk["cotangent"], walk["cotangent"]))
        for v, visit in enumerate(walk["visits"]):
            visits[visit["node"]] = v
            for e, sent in enumerate(visit["contributions"]):
                arrivals[sent["node"]].append((v, e, sent["value"], sent["total"]))
        return arrivals, visits

    def arrivals(self, w, number):
        return self.index(w)[0].get(number, [])

    def slot(self, w, v, number, edge):
        """(filled, expected, content) of a slot during visit v, before its contribution `edge`."""
        arrivals = self.arrivals(w, number)
        filled = bisect.bisect_left(arrivals, (v, edge))
        return filled, len(arrivals), arrivals[filled - 1][3] if filled else None

    def closures(self, step):
        kind, w, place = self.steps[step]
        if kind in ("begin", "end"):
            return ""
        number = place if kind == "record" else self.walks[w]["visits"][place]["node"]
        if not self.nodes[number].get("edges"):
            return ""
        if self.freed.get(number, len(self.steps)) <= step:
            return "Closures: freed now" if self.freed[number] == step else "Closures: freed"
        return "Closures: kept" if kind == "visit" and number not in self.freed else "Closures: held"

    def content(self, step, number):
        """The place in tensors of what a row shows: its value, during a walk its slot's content; None if it has none."""
        kind, w, place = self.steps[step]
        if self.born[number] > step:
            return None
        if kind == "record":
            return self.nodes[number]["value"]
        if not self.arrivals(w, number):
            return None
        gradients = {each["node"]: each["value"] for each in self.walks[w].get("gradients", [])}
        if kind == "end" and number in gradients:
            return gradients[number]
        v = {"begin": -1, "visit": place, "end": len(self.walks[w]["visits"])}[kind]
        return self.slot(w, v, number, edge=len(self.nodes))[2]

    def slot_words(self, step, number):
        kind, w, place = self.steps[step]
        if kind == "record" or self.born[number] > step:
            return ""
        walk = self.walks[w]
        v = {"begin": -1, "visit": place, "end": len(walk["visits"])}[kind]
        filled, expected, _ = self.slot(w, v, number, edge=len(self.nodes))
        if kind == "end" and any(each["node"] == number for each in walk.get("gradients", [])):
            return "gradient"
        if expected == 0:
            return ""
        visit = self.index(w)[1].get(number, v + 1)
        if visit <= v:
            return "cotangent in use" if visit == v else "cotangent used up"
        if filled == 0:
            return f"slot empty, {expected} to come"
        return f"slot has {filled} of {expected}" if filled < expected else "slot complete"


def long_chain(count, scoped):
    """A leaf, multiplied by constants over and over, and the walk back."""
    tensors = [{"dtype": "float32", "shape": [1], "elements": [1 + i / 1000]} for i in range(1000)]
    held = [{"what": "argument 1", "shape": [1], "bytes": 4}]
    nodes = [{"op": None, "value": 0, "seconds": 1e-6, "bytes": 4}]
    for number in range(1, count + 1):
        node = {"op": "add" if number % 3 else "mul", "value": number % 1000, "inputs": [{"node": number - 1}, {"value": 5}],
                "edges": [{"argument": 0, "node": number - 1, "bytes": 32, "holds": held}],
                "seconds": 1e-6, "bytes": 4 * number}
        if scoped:
            node["scope"] = f"blocks.{number // 300}.part"
        nodes.append(node)
    visits = []
    for number in range(count, 0, -1):
        sent = {"argument": 0, "node": number - 1, "value": number % 999, "total": number % 999}
        visits.append({"node": number, "cotangent": number % 1000, "seconds": 1e-6, "bytes": 4 * number,
                       "nodes": count + 1, "freed": True, "contributions": [sent]})
    walk = {"call": "backward", "node": count, "create_graph": False, "keep_graph": False, "cotangent": 0,
            "first_node": count + 1, "visits": visits, "gradients": [{"node": 0, "value": 1}]}
    tape = {"format": "taper-tape", "version": 1, "nodes": nodes, "walks": [walk], "tensors": tensors}
    return {"title": "A long chain", "ops": {}, "tape": tape}
