#!/usr/bin/python3
"""Opens a training page in a headless Chromium and compares what it shows with what was recorded.

    /usr/bin/python3 tests/page/test_training_page.py --program build/release/tests/taper_training_page [--axe axe.min.js]
                                                      [unittest's options]

--program: writes the page. --axe: axe-core; without it, it is taken from a package of PyPI. Needs chromium, chromium-driver
and python3-selenium.
"""

import argparse
import json
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest

from browser import Browser, Keys, axe_core

WIDTHS = (390, 1280, 1920)

# The text elements of the page that are seen, with the size of their letters in CSS pixels.
LETTERS = """
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement;
  if (!walker.currentNode.data.trim() || element.matches("script, style") || !element.getClientRects().length) continue;
  found.push([walker.currentNode.data.trim(), parseFloat(getComputedStyle(element).fontSize)]);
}
return found;
"""
# Moves the first slider to a place of its axis, as dragging does.
DRAG = """
const input = document.querySelector("input[type=range]");
input.value = arguments[0];
input.dispatchEvent(new Event("input"));
"""
LEGENDS = """
return [...document.querySelectorAll(".chart")].map((chart) => [...chart.querySelectorAll(".legend li")].map((item) =>
  [item.dataset.name, item.querySelector(".value").textContent, item.querySelector("button").getAttribute("aria-pressed")]));
"""
TABLES = """
return [...document.querySelectorAll(".histograms")].map((part) => [...part.querySelectorAll("tbody tr")].map((row) =>
  [...row.children].map((cell) => cell.textContent)));
"""


def as_float32(x):
    return struct.unpack("f", struct.pack("f", x))[0]


def same(found, wanted):
    """Whether the number in the data is the one that was recorded; a float may have the digits of a float."""
    return found == wanted or as_float32(found) == wanted


def number(text):
    return float(text.replace("−", "-").replace(",", ""))


class TrainingPageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.scratch = pathlib.Path(cls.folder.name)
        subprocess.run([settings.program, cls.scratch], check=True)
        cls.page = cls.scratch / "page.html"
        cls.recorded = json.loads((cls.scratch / "recorded.json").read_text())
        cls.browser = Browser()

    @classmethod
    def tearDownClass(cls):
        cls.browser.quit()
        cls.folder.cleanup()

    def setUp(self):
        self.browser.complaints()  # those of the test before
        self.browser.size(1280, 1600)
        self.browser.open(self.page)

    def tearDown(self):
        self.assertEqual([], self.browser.complaints())
        self.assertEqual([], self.browser.run("return performance.getEntriesByType('resource').map((entry) => entry.name)"))

    def close(self, text, x):
        """Whether the text is the number, to the three digits at least that are shown."""
        self.assertLessEqual(abs(number(text) - x), 6e-3 * abs(x), (text, x))

    def step(self):
        return self.browser.find(".slider output").text

    def data(self):
        return json.loads(self.browser.run("return document.getElementById('data').textContent"))

    def test_data_are_what_was_recorded(self):
        data = [part for part in self.data() if part]
        charts = [part for part in data if "series" in part]
        for chart, curve in zip(charts, ("loss", "held-out loss"), strict=True):
            for series, run in zip(chart["series"], self.recorded["runs"], strict=True):
                self.assertEqual(run["name"], series["name"])
                self.assertEqual(run["curves"][curve]["step"], series["x"])
                self.assertTrue(all(map(same, series["y"], run["curves"][curve]["value"])))
        for part, run in zip([part for part in data if "parameters" in part], self.recorded["runs"], strict=True):
            for found, wanted in zip(part["parameters"], run["parameters"], strict=True):
                self.assertEqual((wanted["name"], wanted["size"]), (found["name"], found["size"]))
                for kind in ("weights", "gradients"):
                    for row, one in zip(found[kind], wanted[kind], strict=True):
                        self.assertEqual([one["step"], 0, *one["counts"]], [row[0], *row[5:]])
                        for x, name in zip(row[1:5], ("low", "high", "mean", "deviation"), strict=True):
                            self.assertTrue(same(x, one[name]), (x, one[name]))

    def test_legends_show_every_step(self):
        runs = self.recorded["runs"]
        for place, step in enumerate(runs[0]["curves"]["loss"]["step"]):
            self.browser.run(DRAG, place)
            self.assertEqual(f"{step:g}", self.step())
            for legend, curve in zip(self.browser.run(LEGENDS), ("loss", "held-out loss"), strict=True):
                for (name, text, _), run in zip(legend, runs, strict=True):
                    self.assertEqual(run["name"], name)
                    points = [point for point in zip(run["curves"][curve]["step"], run["curves"][curve]["value"]) if point[0] <= step]
                    if not points:
                        self.assertEqual("–", text)
                        continue
                    shown, _, at = text.partition(" at ")
                    self.close(shown, points[-1][1])
                    self.assertEqual("" if points[-1][0] == step else f"{points[-1][0]:g}", at)

    def test_marks_stand_on_the_curve(self):
        self.browser.run(DRAG, 59)
        chart = next(part for part in self.data() if part and part.get("title") == "Loss")
        marks = self.browser.run("""return [...document.querySelector(".chart").querySelectorAll(".mark")].map((mark) =>
            [parseFloat(mark.style.left), parseFloat(mark.style.bottom)])""")
        for (left, bottom), series in zip(marks, chart["series"], strict=True):
            (x0, x1), (y0, y1) = chart["xRange"], chart["yRange"]
            self.assertAlmostEqual(100 * (60 - x0) / (x1 - x0), left, 3)
            self.assertAlmostEqual(100 * (series["y"][59] - y0) / (y1 - y0), bottom, 3)

    def test_keys_move_the_slider(self):
        sliders = self.browser.all("input[type=range]")
        self.assertEqual(3, len(sliders))  # of the charts, and of each run's histograms
        for slider in sliders:
            self.browser.run("arguments[0].focus()", slider)
            for key, step in ((Keys.HOME, 1), (Keys.ARROW_RIGHT, 2), (Keys.ARROW_UP, 3), (Keys.ARROW_LEFT, 2), (Keys.END, 240)):
                self.browser.press(key)
                self.assertEqual([str(step)] * 3, [output.text for output in self.browser.all(".slider output")])
        self.assertRegex(sliders[0].get_attribute("aria-valuetext"), r"^240; Loss, rate 0\.02: [\d.e−]+; Loss, rate 0\.002: ")

    def point(self, selector, across, down, touch=False):
        box = self.browser.run("""const element = document.querySelector(arguments[0]);
            element.scrollIntoView({ block: "center" });
            const box = element.getBoundingClientRect();
            return [box.left + arguments[1] * box.width, box.top + arguments[2] * box.height]""", selector, across, down)
        if touch:
            self.browser.driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": box[0], "y": box[1]}]})
            self.browser.driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        else:
            self.browser.driver.execute_cdp_cmd("Input.dispatchMouseEvent", {"type": "mouseMoved", "x": box[0], "y": box[1]})

    def test_pointer_and_finger_move_the_crosshair(self):
        for touch in (False, True):
            for across, step in ((0, 1), (0.5, 120), (0.25, 61), (0.999, 240)):
                self.point(".chart .panel", across, 0.5, touch)
                self.assertLessEqual(abs(int(self.step()) - step), 1)
        self.point(".distribution .panel", 0.01, 0.5)
        self.assertEqual(self.recorded["runs"][0]["parameters"][0]["weights"][0]["step"], int(self.step()))
        self.assertRegex(self.browser.find(".tip").text, r"^step 4[,:] ")

    def test_legend_hides_a_run_everywhere(self):
        hidden = """return [...document.querySelectorAll(".chart")].map((chart) => [...chart.querySelectorAll("g.series, .mark")].map((element) =>
            getComputedStyle(element).display === "none"))"""
        button = self.browser.find(".legend button")
        button.click()
        self.assertEqual([[True, False] * 2] * 2, self.browser.run(hidden))
        self.assertEqual([["false", "true"]] * 2, [[item[2] for item in legend] for legend in self.browser.run(LEGENDS)])
        self.assertNotIn("0.02:", self.browser.find("input[type=range]").get_attribute("aria-valuetext").partition("rate 0.002")[0])
        button.send_keys(Keys.ENTER)
        self.assertEqual([[False, False] * 2] * 2, self.browser.run(hidden))

    def test_cells_of_maps_tell_their_values(self):
        for cells, values in zip(self.browser.all(".maps .cells"), self.recorded["maps"], strict=True):
            self.browser.run("arguments[0].focus()", cells)
            self.browser.press(*[Keys.ARROW_UP] * 6, *[Keys.ARROW_LEFT] * 6)
            for row in range(6):
                for column in range(6):
                    place, _, value = self.browser.find(".tip").text.partition(": ")
                    self.assertEqual(f"{'abcdef'[row]}, {'abcdef'[column]}", place)
                    wanted = values[6 * row + column]
                    self.assertEqual("unseen", value) if wanted is None else self.close(value, wanted)
                    self.browser.press(Keys.ARROW_RIGHT)
                self.browser.press(*[Keys.ARROW_LEFT] * 6, Keys.ARROW_DOWN)
            self.browser.press(Keys.ESCAPE)
            self.assertFalse(self.browser.find(".tip").is_displayed())
        self.point(".maps .cells", 0.9, 0.05)
        self.assertEqual("a, f: unseen", self.browser.find(".tip").text)

    def test_tables_of_parameters_follow_the_step(self):
        for place in (0, 3, 100, 239):
            self.browser.run(DRAG, place)
            step = int(self.step())
            for table, run in zip(self.browser.run(TABLES), self.recorded["runs"], strict=True):
                for (name, size, *shown), wanted in zip(table, run["parameters"], strict=True):
                    self.assertEqual((wanted["name"], wanted["size"]), (name, int(size)))
                    for text, kind in zip(shown, ("weights", "gradients"), strict=True):
                        before = [one for one in wanted[kind] if one["step"] <= step]
                        self.close(text, before[-1]["deviation"]) if before else self.assertEqual("–", text)

    def test_a_parameter_is_chosen_and_drawn(self):
        bars = """const canvas = document.querySelector(".histograms .distribution .plot:nth-child(2) canvas"), context = canvas.getContext("2d");
            return Array.from({ length: 32 }, (_, bin) => {
              const row = context.getImageData(0, Math.floor(canvas.height * (31.5 - bin) / 32), canvas.width, 1).data;
              return row.filter((_, i) => i % 4 === 3 && row[i] > 127).length / canvas.width; })"""
        weights = self.recorded["runs"][0]["parameters"]
        for index, button in enumerate(self.browser.all(".histograms:first-of-type th button")[:3]):
            button.send_keys(Keys.ENTER)
            self.assertEqual("true", button.get_attribute("aria-current"))
            self.assertIn(weights[index]["name"], self.browser.find(".detail .title").text)
            counts = weights[index]["weights"][-1]["counts"]
            for length, count in zip(self.browser.run(bars), counts, strict=True):
                self.assertAlmostEqual(count / max(counts), length, delta=0.03)

    def test_scales_stand_one_above_the_other(self):
        for width in WIDTHS:
            self.browser.size(width, 900)
            self.browser.open(self.page)
            places = set()
            for step in range(10, 240, 20):
                self.browser.run(DRAG, step)
                places.add(json.dumps(self.browser.run("""
                  return [...document.querySelector(".histograms").querySelectorAll(".distribution")].map((part) =>
                    [...part.querySelectorAll(".panel")].map((panel) => panel.getBoundingClientRect())
                      .map(({ left, right, top }) => [left, right, top]));
                """)))
                cut = self.browser.run("""
                  const left = (element) => element.getBoundingClientRect().left;
                  return [...document.querySelectorAll(".distribution .up span")].filter((each) => left(each) < left(each.closest(".plot")))
                    .map((each) => each.textContent);
                """)
                self.assertEqual([], cut, f"step {step} at {width} px")
            self.assertEqual(1, len(places), f"scales move at {width} px: {places}")
            weights, gradients = json.loads(places.pop())
            self.assertEqual([side[:2] for side in weights], [side[:2] for side in gradients], f"{width} px")

    def test_charts_side_by_side_are_level(self):
        for part in (".title", ".legend", ".panel", ".x-label"):
            places = {chart.find_element("css selector", part).rect["y"] for chart in self.browser.all(".charts .chart")}
            self.assertEqual(1, len(places), part)

    def test_reads_without_script(self):
        self.browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
        try:
            self.browser.open(self.page)
            text = self.browser.find("main").text
            self.assertEqual(4, len(self.browser.all(".chart .series")))
            for chart in self.browser.all(".panel svg"):
                self.assertGreater(chart.size["height"], 150)
        finally:
            self.browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
        for words in ("rate 0.002", "second half", "Blank cells are exactly zero.", "at step 240", "0.weight"):
            self.assertIn(words, text)
        self.assertEqual([], self.browser.all("button, input"))

    def test_fits_every_width_in_letters_that_can_be_read(self):
        for width in WIDTHS:
            self.browser.size(width, 900)
            self.browser.open(self.page)
            self.assertLessEqual(self.browser.overflow(), 0)
            small = [letters for letters in self.browser.run(LETTERS) if letters[1] < 11]
            self.assertEqual([], small)
            for table in self.browser.all(".scroller.table"):  # a number is seen before anything is scrolled
                self.assertLess(self.browser.run("return arguments[0].querySelector('td').getBoundingClientRect().right", table), width)

    def test_axe(self):
        script = axe_core(settings.axe)
        for width in (390, 1280):
            for scheme in ("light", "dark"):
                with self.subTest(width=width, scheme=scheme):
                    self.browser.size(width, 900, scheme)
                    self.browser.open(self.page)
                    self.browser.run(script)
                    self.assertEqual([], self.browser.driver.execute_async_script(
                        "const done = arguments[0]; axe.run().then((results) => done(results.violations.map((each) => [each.id, "
                        "each.nodes.map((node) => node.html)])));"))


parser = argparse.ArgumentParser(add_help=False)
parser.add_argument("--program", type=pathlib.Path)
parser.add_argument("--axe", type=pathlib.Path)
settings, rest = parser.parse_known_args()

if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *rest])
