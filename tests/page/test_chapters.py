#!/usr/bin/python3
"""Opens the walkthrough's pages in a headless Chromium, drags their numbers and answers their exercises.

    /usr/bin/python3 tests/page/test_chapters.py --pages FOLDER --module walkthrough.js [--axe axe.min.js] [unittest's options]

What a page shows has to be, bit for bit, what the module gives under node. Needs what test_page.py needs, and node.
"""

import argparse
import functools
import json
import math
import pathlib
import random
import re
import statistics
import subprocess
import sys
import time
import unittest

import case
from browser import Keys, axe_core
from tape import Expected, same

README = pathlib.Path(__file__).resolve().parents[2] / "docs" / "walkthrough" / "README.md"
MILLISECONDS = 50  # from a drag to the new numbers, in the middle
RECOMPUTE = """
require(process.argv[1])().then((module) => process.stdout.write(
  module.ccall("walkthrough_recompute", "string", ["string", "string"], [process.argv[2], process.argv[3]])));
"""
SET = """
const field = document.querySelectorAll(".parameter")[arguments[0]].querySelector("input[type=number]");
field.value = arguments[1];
field.dispatchEvent(new Event("input"));
"""
DRAG = """
const [values, done] = arguments;
const slider = document.querySelector(".parameter input[type=range]");
const printed = document.querySelector(".printed");
const times = [];
const next = () => {
  if (times.length === values.length) return done(times);
  const begin = performance.now();
  new MutationObserver((_, observer) => {
    observer.disconnect();
    times.push(performance.now() - begin);
    setTimeout(next, 30);
  }).observe(printed, { childList: true });
  slider.value = values[times.length];
  slider.dispatchEvent(new Event("input"));
};
next();
"""
KIN = """
return [...document.querySelectorAll(".kin li")].map((kin) => {
  const canvas = kin.querySelector("canvas");
  const key = (key) => canvas.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  const row = [];
  if (canvas) for (let i = 0; i < 3; ++i) for (const each of ["ArrowUp", "ArrowLeft"]) key(each);
  for (let j = 0; canvas && j < 3; ++j, key("ArrowRight")) {
    const readout = kin.querySelector(".readout");
    row.push([readout.textContent.split(" = ")[0], Number(readout.querySelector("[data-value]").dataset.value)]);
  }
  return { op: kin.dataset.kin, row, words: kin.querySelector("div > p").textContent, current: kin.getAttribute("aria-current"),
           p: [...kin.querySelectorAll(".p")].map((bar) => [Number(bar.dataset.p), Boolean(bar.querySelector("rect"))]),
           numbers: [...kin.querySelectorAll("dd")].map((each) => each.textContent) };
});
"""


def on_each_chapter(test):
    """The test is called as test(self, chapter), with the page open and the module running."""

    @functools.wraps(test)
    def run(self):
        for page in self.pages:
            with self.subTest(page=page.name):
                test(self, self.open(page.stem))

    return run


class ChapterTest(case.PageCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.pages.remove(case.settings.pages / "index.html")  # the others are chapters
        cls.random = random.Random(settings.seed)
        print(f"seed {settings.seed}")

    def open(self, name):
        self.browser.open(next(page for page in self.pages if page.stem == name).resolve())
        self.wait_for(lambda: self.text(".status").startswith("Drag"), "the module starts")
        return json.loads(self.browser.run("return document.getElementById('about').textContent"))

    def text(self, selector):
        return self.browser.run("return document.querySelector(arguments[0]).textContent", selector)

    def chosen(self, parameter):
        low, high = parameter["from"], parameter["to"]
        if parameter["logarithmic"]:
            return min(high, low * (high / low) ** self.random.random())
        return self.random.randint(int(low), int(high)) if parameter["whole"] else self.random.uniform(low, high)

    def compare_with_module(self, chapter, values):
        result = json.loads(subprocess.run(["node", "-e", RECOMPUTE, settings.module.resolve(), chapter["name"], json.dumps(values)],
                                           check=True, capture_output=True, text=True).stdout)
        self.assertEqual(result["printed"], self.text(".printed"))
        expected = Expected(result)
        for step in range(len(expected.steps)):
            self.browser.run("const range = document.querySelector('.tape input[type=range]'); range.value = arguments[0];"
                             "range.dispatchEvent(new Event('input'))", step)
            figures = {figure["key"]: figure for figure in self.browser.shown()["figures"]}
            self.assertLessEqual(expected.figures(step).keys(), figures.keys())
            for key, tensor in expected.figures(step).items():
                if figures[key]["maps"]:
                    continue
                wanted = expected.elements(tensor)
                self.assertEqual(len(wanted), len(figures[key]["values"]), key)
                for x, (exact, _) in zip(wanted, figures[key]["values"]):
                    self.assertTrue(same(exact, x), f"{chapter['name']} {values}, {key}: {exact} is not {x}")

            if expected.steps[step][0] == "end":
                self.compare_curves(result["curves"])

    def compare_curves(self, curves):
        """The pictures at the end of a walk, and the tables under them."""
        self.assertEqual(len(curves), len(self.browser.all(".curve svg")))
        shown = self.browser.run("return [...document.querySelectorAll('.curve [data-value]')].map((each) => each.dataset.value)")
        wanted = [x for curve in curves for x in (curve["analytic"], curve["numeric"], curve["estimate"],
                                                  *(point[name] for point in curve["points"] for name in ("step", "forward", "central")))]
        for exact, x in zip(shown, wanted, strict=True):
            self.assertTrue(same(exact, math.nan if x is None else x), f"curve: {exact} is not {x}")

    @on_each_chapter
    def test_numbers_are_the_module_s(self, chapter):
        self.compare_with_module(chapter, self.drag_all(chapter))

    def drag_all(self, chapter):
        values = {parameter["name"]: self.chosen(parameter) for parameter in chapter["parameters"]}
        self.drag(values.values())
        return values

    def drag(self, values):
        for place, value in enumerate(values):
            self.browser.run(SET, place, repr(value))
        self.wait_for(lambda: self.text(".status").startswith("computed"), "a recompute")
        time.sleep(0.3)  # the last field's, too

    @on_each_chapter
    def test_a_drag_is_quick(self, chapter):
        low, high = (float(self.browser.find(".parameter input[type=range]").get_attribute(end)) for end in ("min", "max"))
        values = [low + (high - low) * i / 20 for i in range(20)]
        times = self.browser.driver.execute_async_script(DRAG, values)
        print(f"{chapter['name']}: from a drag to the numbers {statistics.median(times):.0f} ms, at most {max(times):.0f} ms")
        self.assertLess(statistics.median(times), MILLISECONDS)

    @on_each_chapter
    def test_a_slider_of_decades(self, chapter):
        """Each tenth of the slider multiplies by the same factor; what it says is what is computed."""
        for place, parameter in enumerate(chapter["parameters"]):
            low, high = parameter["from"], parameter["to"]
            self.assertEqual(not parameter["whole"] and 0 < 100 * low < high, parameter["logarithmic"], "more than two decades")
            if not parameter["logarithmic"]:
                continue
            slider, field = (self.browser.all(f".parameter input[type={kind}]")[place] for kind in ("range", "number"))
            ends = [float(slider.get_attribute(end)) for end in ("min", "max")]
            for part in range(11):
                self.browser.run("arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('input'))", slider,
                                 ends[0] + (ends[1] - ends[0]) * part / 10)
                wanted = low * (high / low) ** (part / 10)
                self.assertLess(abs(float(field.get_property("value")) / wanted - 1), 0.012 if 0 < part < 10 else 1e-15)
                self.assertEqual(field.get_property("value"), slider.get_attribute("aria-valuetext"))
            self.browser.run(SET, place, repr(parameter["start"]))
            self.assertAlmostEqual(math.log10(parameter["start"]), float(slider.get_property("value")))
            slider.send_keys(Keys.ARROW_RIGHT)
            above = float(field.get_property("value"))
            self.assertTrue(1 < above / parameter["start"] < 1.05, above)
            self.wait_for(lambda: self.text(".status").startswith("computed"), "a recompute")
            time.sleep(0.3)
            values = {each["name"]: each["start"] for each in chapter["parameters"]}
            self.compare_with_module(chapter, {**values, parameter["name"]: above})

    @on_each_chapter
    def test_a_wrong_number_is_an_error_in_words(self, chapter):
        first = chapter["parameters"][0]
        self.browser.run(SET, 0, str(first["to"] + 1))
        self.wait_for(lambda: f"{first['name']} must be in" in self.text(".trouble"), "an error in words")
        self.browser.run(SET, 0, "")
        self.wait_for(lambda: f"{first['name']} must be a number" in self.text(".trouble"), "an error in words")
        self.browser.run(SET, 0, str(first["start"]))
        self.wait_for(lambda: self.text(".trouble") == "", "the error goes")

    def test_index(self):
        """The list has the chapters and the words of docs/walkthrough/README.md, and leads there and back."""
        readme = README.read_text()
        page = case.settings.pages.resolve() / "index.html"
        for width in (390, 1280, 1920):
            self.browser.size(width, 900)
            self.browser.open(page)
            self.assertLessEqual(self.browser.overflow(), 0, f"at {width} px")
        self.check_axe_everywhere("the index")
        self.assertNotIn("<script", page.read_text())
        self.assertEqual(readme.splitlines()[0], "# " + self.text("h1"))
        self.assertEqual(readme.split("\n\n")[1].split(), self.text("p").split())
        lines = re.findall(r"^- \[(.*)\]\((.*)\.md\): (.*)$", readme, re.M)
        items = self.browser.run("return [...document.querySelectorAll('li')].map((item) => [item.querySelector('a').textContent,"
                                 "item.querySelector('a').getAttribute('href'), item.querySelector('p').textContent])")
        self.assertEqual([[title, f"{name}.html", words.replace("`", "")] for title, name, words in lines], items)
        self.assertEqual([each.stem for each in self.pages], [name for _, name, _ in lines])
        for place, (title, name, _) in enumerate(lines):
            self.browser.all("li")[place].click()  # all of a card is the link
            self.wait_for(lambda: self.browser.run("return document.title") == title, f"{name} opens")
            self.assertEqual([title, f"{place + 1}. {title}"], [self.text(each) for each in ("h1", "nav [aria-current]")])
            self.browser.find("nav a").click()
            self.wait_for(lambda: self.browser.run("return document.title") == "The walkthrough", "the way back")

    def test_four_jacobians(self):
        """In chapter 7 row 0 of each Jacobian that the lens draws is the row that the library has printed."""
        self.open("07_sparse_softmax")
        tries = [(1, 0.6, -0.5, 2), (2, 0.5, -0.5, 2), (2, 0.5, -0.5, 1), (1, 0.8, 0.6, 3), (0.5, 0.5, 0.5, 2)]
        tries += [(*(self.random.uniform(-2, 2) for _ in range(3)), self.random.randint(1, 3)) for _ in range(10)]
        for place, values in enumerate(tries):
            self.drag(values)
            address = ("#n1", "#n3", "#w0v0", "#w2v0")[place % 4]
            self.browser.run("window.location.hash = arguments[0]", address)
            self.wait_for(lambda: len(self.browser.all(".kin li")) == 4, "the family")
            lines = self.text(".printed").splitlines()
            number = re.compile(r"-?\d+\.?\d*(?:e-?\d+)?")
            numbers = [[float(x) for x in number.findall(line.partition("{")[2])] for line in lines]
            kin = self.browser.run(KIN)
            self.assertEqual([False, False, True, False] if address in ("#n3", "#w2v0") else [True, False, False, False],
                             [each["current"] == "true" for each in kin])
            for each, name, printed, row in zip(kin, lines[::3], numbers[1::3], numbers[2::3], strict=True):
                self.assertEqual(name, each["op"])
                for (p, bar), x in zip(each["p"], printed, strict=True):
                    self.assertAlmostEqual(x, p, 5, f"{values}: {each}")
                    self.assertEqual(p > 0, bar, f"{values}: {each}")
                for j, ((where, x), wanted) in enumerate(zip(each["row"], row, strict=True)):
                    self.assertEqual(f"∂p[0] / ∂z[{j}]", where)
                    self.assertAlmostEqual(wanted, x, 5, f"{values}: {each}")
                self.assertAlmostEqual(sum(p for p, _ in each["p"]), float(each["numbers"][0]), 5)
            levels = [sum(sorted(values[:3])[-k:]) - 1 for k in (1, 2, 3)]
            self.assertAlmostEqual(levels[values[3] - 1] / values[3], float(kin[2]["numbers"][1].replace("−", "-")), 5)
            self.assertEqual(["none", "none"], [kin[i]["numbers"][1] for i in (0, 3)])
        self.drag((1, 0, -0.5, 1))  # k = 2 gives the same probabilities, with another derivative
        as_written = self.browser.run(KIN)[2]
        self.assertEqual(("no Jacobian: k may be 1 or 2, p is the same", []), (as_written["words"], as_written["row"]))
        self.check_axe_everywhere("the softmax family")

    @on_each_chapter
    def test_exercises(self, chapter):
        answers = re.findall(r"<details><summary>Answer</summary>\s*`([^`]+)`", chapter["text"])
        forms = self.browser.all(".exercise")
        self.assertGreater(len(answers), 0)
        self.assertEqual(len(answers), len(forms))
        self.browser.find(".exercises summary").click()
        for place, (form, answer) in enumerate(zip(forms, answers)):
            said = ("{}", "{{{}}}", "x = {}")[place % 3].format(answer)
            field, verdict, solution = (form.find_element("css selector", each) for each in ("input", ".verdict", ".solution"))
            for text, says in (("", "Not yet."), ("12345", "Not yet."), (said, "Right.")):
                self.assertFalse(solution.is_displayed())
                field.clear()
                field.send_keys(text + "\n")
                self.assertEqual(says, verdict.text, f"{answer}: {text}")
            self.assertTrue(solution.is_displayed())

    @on_each_chapter
    def test_nothing_is_wider_than_the_window(self, chapter):
        self.browser.run("document.querySelector('.exercises').open = true")
        for width in (390, 1280, 1920):
            self.browser.size(width, 900)
            self.assertLessEqual(self.browser.overflow(), 0, f"at {width} px")
            hidden = self.browser.run("const printed = document.querySelector('.printed');"
                                      "return printed.scrollWidth - printed.clientWidth")
            self.assertLessEqual(hidden, 0, f"what is printed is cut at {width} px")

    @on_each_chapter
    def test_numbers_stay_in_the_window(self, chapter):
        fields = "const { top, bottom } = document.querySelector('.parameter input').getBoundingClientRect();"
        for size in ((390, 844), (1280, 800)):
            self.browser.size(*size)
            for place in ("'.tape'", "'.play'"):
                self.browser.run(f"document.querySelector({place}).scrollIntoView()")
                self.wait_for(lambda: self.browser.run(f"{fields} return top >= 0 && bottom <= window.innerHeight"), f"{place} at {size}")

    @on_each_chapter
    def test_axe(self, chapter):
        self.browser.run("document.querySelector('.exercises').open = true")
        self.check_axe_everywhere(chapter["name"])

    def check_axe_everywhere(self, what):
        for width in (390, 1280):
            for scheme in ("light", "dark"):
                self.browser.size(width, 900, scheme)
                self.browser.run(axe_core(case.settings.axe))
                self.check_axe(f"{what} at {width} px, {scheme}")


parser = argparse.ArgumentParser(add_help=False)
parser.add_argument("--module", type=pathlib.Path)
parser.add_argument("--seed", type=int, default=random.randrange(10**6))
settings, unittest_options = parser.parse_known_args(case.unittest_options)

if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *unittest_options])
