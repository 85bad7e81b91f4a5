#!/usr/bin/python3
"""Opens pages of tapes in a headless Chromium and compares them with the tapes.

    /usr/bin/python3 tests/page/test_page.py [--pages FOLDER] [--axe axe.min.js] [unittest's options]

--pages: pages (*.html) that a program has written, instead of those of fixtures/. --axe: axe-core; without it, it is taken
from a package of PyPI. Needs chromium, chromium-driver and python3-selenium.
"""

import copy
import math
import sys
import time
import unittest

from browser import Keys, axe_core
from case import PageCase, fixture, on_each_page, settings, unittest_options
from lens_tests import LensTest
from tape import Expected, close, long_chain, same, same_bytes

STEPS = 300  # of a longer tape, this many steps are looked at, evenly spread


class PageTest(PageCase):
    # Values and states ------------------------------------------------------------------------------------------------

    def compare_step(self, expected, step, shown):
        self.assertEqual(step, shown["step"])
        self.assertEqual(expected.figures(step), {figure["key"]: figure["tensor"] for figure in shown["figures"]})
        for figure in shown["figures"]:
            elements = expected.elements(figure["tensor"])
            shape = expected.tape["tensors"][figure["tensor"]]["shape"]
            self.assertIn(", ".join(map(str, shape)) if shape else "scalar", figure["caption"])
            if figure["maps"]:
                continue  # test_heat_maps reads those
            self.assertEqual(len(elements), len(figure["values"]), figure["key"])
            for x, (exact, written) in zip(elements, figure["values"]):
                self.assertTrue(same(exact, x), f"{figure['key']}: {exact} is not {x}")
                self.assertTrue(close(written, x), f"{figure['key']}: {written} is not {x}")
        for number, row in shown["rows"].items():
            number = int(number)
            self.assertEqual(expected.nodes[number]["op"] or "leaf", row["op"])
            self.assertEqual(expected.born[number] > step, row["future"])
            self.assertEqual(expected.slot_words(step, number), row["slot"], f"row {number} at step {step}")
            content = expected.content(step, number)
            kind, w, _ = expected.steps[step]
            if content is None and kind != "record" and not row["future"]:
                self.assertIn(row["value"], ("not reached", ""))
                self.assertEqual(expected.arrivals(w, number) == [], row["value"] == "not reached", f"row {number} at step {step}")
            if content is not None and expected.is_short(content):
                written = row["value"].strip("[]").split(", ")
                for x, each in zip(expected.elements(content), written, strict=True):
                    self.assertTrue(close(each, x, 6e-3), f"row {number} at step {step}: {each} is not {x}")
        self.assertEqual(expected.closures(step), shown["closures"])
        self.assertTrue(same_bytes(shown["memory"], expected.bytes[step]))
        kind, w, place = expected.steps[step]
        for e, words in enumerate(shown["sums"]):
            sent = expected.walks[w]["visits"][place]["contributions"][e]
            filled, parts, _ = expected.slot(w, place, sent["node"], e + 1)
            self.assertIn("the only part" if parts == 1 else f"{filled} of {parts}", words)

    @on_each_page
    def test_every_value_and_both_ways(self, page, data, expected):
        last = len(expected.steps) - 1
        if last <= STEPS:
            seen = []
            for step in range(last + 1):
                seen.append(self.browser.shown())
                self.compare_step(expected, step, seen[-1])
                self.browser.press(Keys.ARROW_RIGHT)
            self.assertEqual(last, self.step())  # the end stays the end
            for step in reversed(range(last + 1)):
                shown = self.browser.shown()
                self.assertEqual(seen[step]["panel"], shown["panel"], f"back at step {step}")
                self.assertEqual(seen[step]["sentence"], shown["sentence"])
                for number in seen[step]["rows"].keys() & shown["rows"].keys():
                    self.assertEqual(seen[step]["rows"][number], shown["rows"][number], f"row {number} at step {step}")
                self.browser.press(Keys.ARROW_LEFT)
            return
        for step in range(0, last + 1, last // STEPS + 1):
            self.browser.run("const range = document.querySelector('input[type=range]'); range.value = arguments[0];"
                             "range.dispatchEvent(new Event('input'))", step)
            self.compare_step(expected, step, self.browser.shown())

    @on_each_page
    def test_ends_in_gradients(self, page, data, expected):
        for w, walk in enumerate(data["tape"].get("walks", [])):
            self.browser.run("window.location.hash = arguments[0]", f"#w{w}end")
            self.wait_for(lambda: self.step() == expected.steps.index(("end", w, None)), f"the end of walk {w}")
            shown = self.browser.shown()
            gradients = [each["value"] for each in walk.get("gradients", [])]
            self.assertEqual(gradients, [figure["tensor"] for figure in shown["figures"]])
            self.assertEqual(walk.get("failed", False), "threw" in shown["sentence"])

    @on_each_page
    def test_heat_maps(self, page, data, expected):
        """The arrow keys reach every element of a heat map, and the readout tells it."""
        for step in range(len(expected.steps)):
            tensors = [expected.tape["tensors"][place] for place in expected.figures(step).values()]
            if any(max(tensor["shape"], default=0) > 8 for tensor in tensors):
                break
        else:
            self.assertNotEqual("blocks.html", page.name)
            return
        self.browser.run("window.location.hash = arguments[0]", expected.address(step))
        self.wait_for(lambda: self.browser.all(".panel figure canvas"), "a heat map")
        figure = self.browser.run("return document.querySelector('.panel figure[data-tensor] canvas').closest('figure')")
        tensor = expected.tape["tensors"][int(figure.get_attribute("data-tensor"))]
        elements = [float(x) for x in tensor["elements"]]
        height = figure.size["height"]
        steps = tensor.get("steps", [1] * len(tensor["shape"]))
        read = self.browser.run("""
          const [figure] = arguments;
          const read = {};
          const key = (canvas, key) => canvas.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
          for (const canvas of figure.querySelectorAll("canvas")) {
            const [, rows, columns] = /(\\d+) by (\\d+)/.exec(canvas.getAttribute("aria-label")).map(Number);
            for (let i = 0; i < rows + columns; ++i) for (const each of ["ArrowUp", "ArrowLeft"]) key(canvas, each);
            for (let i = 0; i < rows; ++i) {
              for (let j = 0; j < columns; ++j) {
                const cell = figure.querySelector(".readout [data-value]");
                read[/\\[(.*)\\]/.exec(figure.querySelector(".readout").textContent)[1]] = cell.dataset.value;
                if (j + 1 < columns) key(canvas, i % 2 ? "ArrowLeft" : "ArrowRight");
              }
              key(canvas, "ArrowDown");
            }
          }
          return read;""", figure)
        extents = [math.ceil(n / s) for n, s in zip(tensor["shape"], steps)]
        for place, x in enumerate(elements):
            indices, rest = [], place
            for extent, stride in zip(reversed(extents), reversed(steps)):
                indices.insert(0, rest % extent * stride)
                rest //= extent
            self.assertTrue(same(read[", ".join(map(str, indices))], x), f"{indices}")
        self.assertGreaterEqual(figure.size["height"], height, "what is below moved up")

    # Ways to move -----------------------------------------------------------------------------------------------------

    @on_each_page
    def test_keys(self, page, data, expected):
        last = len(expected.steps) - 1
        begins = [step for step, (kind, _, _) in enumerate(expected.steps) if kind == "begin"]
        press = self.browser.press
        press(Keys.END)
        self.assertEqual(last, self.step())
        press(Keys.HOME)
        self.assertEqual(0, self.step())
        press(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_LEFT)
        self.assertEqual(1, self.step())
        for begin in begins:
            press("b")
            self.assertEqual(begin, self.step())
        if begins:
            press(Keys.ARROW_RIGHT, "b")
            self.assertEqual(begins[-1], self.step())
        if page is not self.pages[0]:
            return
        press(Keys.HOME, " ")
        self.wait_for(lambda: self.step() >= 2, "playing moves on")
        press(" ")
        stopped = self.step()
        time.sleep(0.9)
        self.assertEqual(stopped, self.step())
        press("?")
        self.assertTrue(self.browser.all("dialog[open]"))
        press(Keys.ESCAPE)
        self.assertFalse(self.browser.all("dialog[open]"))

    def test_list(self):
        self.browser.open(self.write("blocks", fixture("blocks")))
        titles = [row.text for row in self.browser.all(".row.group")]
        self.assertTrue(any("blocks.0 … blocks.1" in title and "2 scopes, 35 nodes" in title for title in titles), titles)
        rows = len(self.browser.all(".row"))
        self.browser.find(".row.group").click()
        self.assertLess(len(self.browser.all(".row")), rows)
        self.browser.find(".row.group").click()
        self.assertEqual(rows, len(self.browser.all(".row")))
        # The list's own keys: up and down move over rows, Enter unfolds or goes there.
        self.browser.run("document.querySelector('.list').focus()")
        self.browser.press(*[Keys.ARROW_DOWN] * 5, Keys.ARROW_UP)
        active = self.browser.find(".list").get_attribute("aria-activedescendant")
        self.assertEqual("true", self.browser.find(f"#{active}").get_attribute("aria-selected"))
        number = int(self.browser.find(f"#{active} .number").text)
        self.browser.press(Keys.ENTER)
        self.assertEqual(number, self.step())
        # Over a folded group in one go.
        self.browser.find(".row.group").click()
        self.browser.press(Keys.HOME)
        self.assertEqual("step", self.browser.find(".row").get_attribute("aria-current"))
        self.browser.press(Keys.SHIFT + Keys.ARROW_RIGHT)
        self.assertIsNone(self.browser.find(".row").get_attribute("aria-current"))
        self.assertGreater(self.step(), 20)

    @on_each_page
    def test_addresses(self, page, data, expected):
        for step in {0, len(expected.steps) // 2, len(expected.steps) - 1}:
            self.browser.open(page, expected.address(step))
            self.assertEqual(step, self.step())
            current = self.browser.all(".row[aria-current]")
            self.assertEqual(1, len(current))
        self.browser.press(Keys.HOME, Keys.ARROW_RIGHT)
        self.wait_for(lambda: self.browser.run("return window.location.hash") == expected.address(1), "the address follows")
        # The page may write the address of the step before, just when the reader has given another.
        self.browser.run("window.location.hash = '#n0'; window.history.replaceState(null, '', arguments[0])", expected.address(1))
        self.wait_for(lambda: self.step() == 0, "the address given")

    def test_each_of_many_walks_can_be_chosen(self):
        data = fixture("attention")
        data["tape"]["walks"] *= 60
        expected = Expected(data)
        self.browser.open(self.write("many_walks", data))
        select = self.browser.find(".phases select")
        shown = "return arguments[0].selectedOptions[0].textContent"
        self.assertEqual("to one of 60 walks", self.browser.run(shown, select))
        for w in (0, 41, 59):
            select.find_element("css selector", f"option[value='{w}']").click()
            self.assertEqual(("begin", w, None), expected.steps[self.step()])
            self.assertEqual("true", select.get_attribute("aria-current"))
        self.browser.run("window.location.hash = arguments[0]", "#w30v2")
        self.wait_for(lambda: self.browser.run(shown, select).startswith("walk 30: "), "the walk's name")
        for scheme in ("light", "dark"):
            self.browser.size(390, 844, scheme)
            self.browser.run(axe_core(settings.axe))
            self.check_axe(f"many walks, {scheme}")

    # Questions, updates, safety ---------------------------------------------------------------------------------------

    def test_ask_me_first(self):
        page = self.write("fanout", fixture("fanout"))
        self.browser.open(page, "#w0v3")  # square: dx = dy * 2 x = (1, -4, 12)
        self.browser.find(".ask input").click()
        keys = [figure["key"] for figure in self.browser.shown()["figures"]]
        self.assertFalse([key for key in keys if "contribution" in key])
        self.assertNotIn("12", self.browser.shown()["rows"]["1"]["value"])
        fields = self.browser.all(".ask-form input")
        for field, text in zip(fields, ("1", "-4.1", "12")):
            field.send_keys(text)
        fields[0].send_keys(Keys.ENTER)
        self.assertEqual(["false", "true", "false"], [field.get_attribute("aria-invalid") for field in fields])
        fields[1].clear()
        fields[1].send_keys("-4.001")
        fields[1].send_keys(Keys.ENTER)
        self.assertIn("w0v3.contribution0", [figure["key"] for figure in self.browser.shown()["figures"]])
        self.browser.run("document.activeElement.blur()")
        self.browser.press(Keys.ARROW_RIGHT, Keys.ARROW_LEFT)  # what is revealed stays so
        self.assertFalse(self.browser.all(".ask-form"))
        # Many elements: which slot, of what shape?
        self.browser.open(self.write("attention", fixture("attention")), "#w0v2")
        self.browser.find(".ask input").click()
        for wanted in ("2", "(2, 3, 3)"):
            self.browser.find(f".ask-form input[value='{wanted}']").click()
        self.browser.find(".ask-form .main").click()
        self.assertTrue(self.browser.all("fieldset.wrong"))
        self.browser.find(".ask-form input[value='4']").click()
        self.browser.find(".ask-form .main").click()
        self.assertFalse(self.browser.all(".ask-form"))

    def test_update(self):
        data = fixture("fanout")
        self.browser.open(self.write("fanout", data), "#n1")
        changed = copy.deepcopy(data)
        value = changed["tape"]["tensors"][changed["tape"]["nodes"][1]["value"]]
        value["elements"][2] = 6.5
        self.browser.run("""
          const root = document.createElement("main");
          document.getElementById("root").replaceWith(root);
          window.handle = window.mountTape(root, arguments[0]);
          window.handle.go(1);
          window.handle.update(arguments[1]);""", data, changed)
        shown = self.browser.shown()
        self.assertEqual(1, shown["step"])
        self.compare_step(Expected(changed), 1, shown)
        self.assertEqual(["6.5"], [cell.text for cell in self.browser.all(".changed")])

    def test_text_stays_text(self):
        evil = "</script><script>window.evil = 1</script><img src=x onerror='window.evil = 1'><!--"
        data = fixture("attention")
        data["title"] = evil
        text = f"# {evil}\n\n{evil} `{evil}`\n\n| {evil} |\n|---|\n| {evil} |"
        data["ops"]["bmm"] = {"formula": evil, "page": evil, "text": text}
        data["tape"]["nodes"][4]["scope"] = evil
        self.browser.open(self.write("evil", data), "#n4")
        self.browser.find(".about").click()
        self.assertIn(evil, self.browser.find("dialog").text)
        self.assertEqual(evil, self.browser.find("h1").text)
        self.assertIsNone(self.browser.run("return window.evil ?? document.querySelector('img')"))

    @on_each_page
    def test_nothing_is_fetched(self, page, data, expected):
        policy = self.browser.find("meta[http-equiv=Content-Security-Policy]").get_attribute("content")
        self.assertEqual("default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:", policy)

    # Everyone, on every screen ----------------------------------------------------------------------------------------

    @on_each_page
    def test_fits_the_screen(self, page, data, expected):
        for width, height in ((390, 844), (1280, 800), (1920, 1080)):
            self.browser.size(width, height)
            self.browser.open(page)
            for step in range(0, len(expected.steps), len(expected.steps) // 20 + 1):
                self.browser.run("window.location.hash = arguments[0]", expected.address(step))
                self.wait_for(lambda: self.step() == step, f"step {step}")
                self.assertLessEqual(self.browser.overflow(), 0, f"step {step} at {width} px")

    @on_each_page
    def test_nothing_jumps_between_steps(self, page, data, expected):
        for width in (390, 1280):
            self.browser.size(width, 844)
            self.browser.open(page)
            places = set()
            for step in range(0, len(expected.steps), len(expected.steps) // 20 + 1):
                self.browser.run("window.location.hash = arguments[0]", expected.address(step))
                self.wait_for(lambda: self.step() == step, f"step {step}")
                places.add(self.browser.find(".list").rect["y"])
            self.assertEqual(1, len(places), f"the list stands at {places} at {width} px")

    @on_each_page
    def test_axe(self, page, data, expected):
        script = axe_core(settings.axe)
        last = len(expected.steps) - 1
        for width in (390, 1280):
            for scheme in ("light", "dark"):
                self.browser.size(width, 900, scheme)
                self.browser.open(page)
                self.browser.run(script)
                for step in sorted({last // 3, 2 * last // 3, last}):
                    self.browser.run("window.location.hash = arguments[0]", expected.address(step))
                    self.wait_for(lambda: self.step() == step, f"step {step}")
                    self.check_axe(f"{expected.address(step)} at {width} px, {scheme}")
                self.browser.find(".ask input").click()
                self.browser.press(Keys.ARROW_LEFT)
                self.check_axe(f"asking at {width} px, {scheme}")
                if self.browser.all(".about"):
                    self.browser.find(".about").click()
                    self.check_axe(f"the op's page at {width} px, {scheme}")

    def test_a_long_tape(self):
        """Rows and arcs exist for what is in view only. Times are printed, not asserted: machines differ."""
        for scoped in (True, False):
            page = self.write("long", long_chain(100_000, scoped))
            begun = time.perf_counter()
            self.browser.open(page)
            opened = time.perf_counter() - begun
            times = self.browser.run("""
              const press = (key) => document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
              const times = [];
              for (const key of ["b", ...Array(200).fill("ArrowRight"), ...Array(100).fill("ArrowLeft"), "End", "Home"]) {
                const begun = performance.now();
                press(key);
                document.body.getBoundingClientRect();
                times.push(performance.now() - begun);
              }
              return times.sort((a, b) => a - b);""")
            print(f"\n100,000 nodes, {'scopes' if scoped else 'no scopes'}: open in {opened:.2f} s; "
                  f"a step takes {times[len(times) // 2]:.1f} ms (median), {times[-1]:.1f} ms at most")
            self.browser.run("document.querySelector('.list').scrollTop = 1e6")
            time.sleep(0.2)
            self.assertLess(self.browser.run("return document.querySelectorAll('*').length"), 1000)
            self.browser.press(Keys.END)
            self.assertEqual(200_002, self.step())  # 100,001 nodes, 100,000 visits, begin and end of the walk; from 0


__all__ = ["LensTest", "PageTest"]

if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *unittest_options])
