#!/usr/bin/python3
"""Opens the walkthrough's pages in a headless Chromium, drags their numbers and answers their exercises.

    /usr/bin/python3 tests/page/test_chapters.py --pages FOLDER --module walkthrough.js [--axe axe.min.js] [unittest's options]

What a page shows has to be, bit for bit, what the module gives under node. Needs what test_page.py needs, and node.
"""

import argparse
import functools
import json
import pathlib
import random
import re
import statistics
import subprocess
import sys
import time
import unittest

import case
from browser import axe_core
from tape import Expected, same

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


def on_each_chapter(test):
    """The test is called as test(self, chapter), with the page open and the module running."""

    @functools.wraps(test)
    def run(self):
        for page in self.pages:
            with self.subTest(page=page.name):
                self.browser.open(page.resolve())
                self.wait_for(lambda: self.text(".status").startswith("Drag"), "the module starts")
                test(self, json.loads(self.browser.run("return document.getElementById('about').textContent")))

    return run


class ChapterTest(case.PageCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.random = random.Random(settings.seed)
        print(f"seed {settings.seed}")

    def text(self, selector):
        return self.browser.run("return document.querySelector(arguments[0]).textContent", selector)

    def chosen(self, parameter):
        low, high = parameter["from"], parameter["to"]
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

    @on_each_chapter
    def test_numbers_are_the_module_s(self, chapter):
        self.compare_with_module(chapter, self.drag_all(chapter))

    def drag_all(self, chapter):
        values = {}
        for place, parameter in enumerate(chapter["parameters"]):
            values[parameter["name"]] = self.chosen(parameter)
            self.browser.run(SET, place, repr(values[parameter["name"]]))
        self.wait_for(lambda: self.text(".status").startswith("computed"), "a recompute")
        time.sleep(0.3)  # the last field's, too
        return values

    @on_each_chapter
    def test_a_drag_is_quick(self, chapter):
        low, high = (chapter["parameters"][0][end] for end in ("from", "to"))
        values = [low + (high - low) * i / 20 for i in range(20)]
        times = self.browser.driver.execute_async_script(DRAG, values)
        print(f"{chapter['name']}: from a drag to the numbers {statistics.median(times):.0f} ms, at most {max(times):.0f} ms")
        self.assertLess(statistics.median(times), MILLISECONDS)

    @on_each_chapter
    def test_a_wrong_number_is_an_error_in_words(self, chapter):
        first = chapter["parameters"][0]
        self.browser.run(SET, 0, str(first["to"] + 1))
        self.wait_for(lambda: f"{first['name']} must be in" in self.text(".trouble"), "an error in words")
        self.browser.run(SET, 0, "")
        self.wait_for(lambda: f"{first['name']} must be a number" in self.text(".trouble"), "an error in words")
        self.browser.run(SET, 0, str(first["start"]))
        self.wait_for(lambda: self.text(".trouble") == "", "the error goes")

    @on_each_chapter
    def test_exercises(self, chapter):
        answers = re.findall(r"<details><summary>Answer</summary>\s*`([^`]+)`", chapter["text"])
        forms = self.browser.all(".exercise")
        self.assertGreater(len(answers), 0)
        self.assertEqual(len(answers), len(forms))
        self.browser.find(".exercises summary").click()
        for form, answer in zip(forms, answers):
            field, verdict, solution = (form.find_element("css selector", each) for each in ("input", ".verdict", ".solution"))
            for text, says in (("", "Not yet."), ("12345", "Not yet."), (answer, "Right.")):
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
        script = axe_core(case.settings.axe)
        self.browser.run("document.querySelector('.exercises').open = true")
        for width in (390, 1280):
            for scheme in ("light", "dark"):
                self.browser.size(width, 900, scheme)
                self.browser.run(script)
                self.check_axe(f"{chapter['name']} at {width} px, {scheme}")


parser = argparse.ArgumentParser(add_help=False)
parser.add_argument("--module", type=pathlib.Path)
parser.add_argument("--seed", type=int, default=random.randrange(10**6))
settings, unittest_options = parser.parse_known_args(case.unittest_options)

if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *unittest_options])
