"""Reads a tape's JSON a second time, independently of the page: what each step must show."""


class Expected:
    def __init__(self, data):
        self.tape = data["tape"]
        self.nodes = self.tape["nodes"]
        self.walks = self.tape.get("walks", [])
        self.steps = []  # (kind, walk, place)
        self.born = {}  # step at which a node appears
        recorded = 0

        def record(until):
            nonlocal recorded
            while recorded < until:
                self.born[recorded] = len(self.steps)
                self.steps.append(("record", None, recorded))
                recorded += 1

        for w, walk in enumerate(self.walks):
            record(walk["first_node"])
            self.steps.append(("begin", w, None))
            for v, visit in enumerate(walk["visits"]):
                for number in range(recorded, visit["nodes"]):
                    self.born[number] = len(self.steps)
                recorded = max(recorded, visit["nodes"])
                self.steps.append(("visit", w, v))
            self.steps.append(("end", w, None))
        record(len(self.nodes))

    def elements(self, tensor):
        return [float(x) for x in self.tape["tensors"][tensor]["elements"]]

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
        parts = [value for _, value in self.arrivals(w, visit["node"])]
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

    def arrivals(self, w, number):
        """(visit, value) of each part of a slot, in order; the walk's own cotangent comes at visit -1."""
        walk = self.walks[w]
        parts = [(-1, walk["cotangent"])] if number == walk["node"] else []
        for v, visit in enumerate(walk["visits"]):
            parts += [(v, each["value"]) for each in visit["contributions"] if each["node"] == number]
        return parts

    def slot(self, w, v, number, edge):
        """(filled, expected, content) of a slot during visit v, before its contribution `edge`."""
        walk = self.walks[w]
        filled, content = (1, walk["cotangent"]) if number == walk["node"] else (0, None)
        for each in range(v + 1):
            if each == len(walk["visits"]):
                break
            for e, sent in enumerate(walk["visits"][each]["contributions"]):
                if sent["node"] == number and (each < v or e < edge):
                    filled, content = filled + 1, sent["total"]
        return filled, len(self.arrivals(w, number)), content

    def content(self, step, number):
        """The place in tensors of what a row shows: the slot's content during a walk, if the node has one, else its value."""
        kind, w, place = self.steps[step]
        if self.born[number] > step:
            return None
        if kind == "record" or not self.arrivals(w, number):
            return self.nodes[number]["value"]
        gradients = {each["node"]: each["value"] for each in self.walks[w].get("gradients", [])}
        if kind == "end" and number in gradients:
            return gradients[number]
        return self.slot(w, {"begin": -1, "visit": place, "end": len(self.walks[w]["visits"])}[kind], number, len(self.nodes))[2]

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
        visits = [i for i, visit in enumerate(walk["visits"]) if visit["node"] == number]
        if visits and visits[0] <= v:
            return "cotangent in use" if visits[0] == v else "cotangent used up"
        if filled == 0:
            return f"slot empty, {expected} to come"
        return f"slot has {filled} of {expected}" if filled < expected else "slot complete"
