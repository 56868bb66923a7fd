"""Does an exported grade keep the rules of the platform that reads it?

    python3 rules.py FORMAT FILE

Prints what is wrong; nothing when all is well.
"""
import base64
import csv
import json
import re
import sys
import xml.etree.ElementTree as xml

wrong = []


def want(condition, what):
    if not condition:
        wrong.append(what)


def number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def whole(value):
    return isinstance(value, int) and not isinstance(value, bool) \
        and value >= 0


def known(o, names, where):
    for name in sorted(set(o) - set(names)):
        want(False, f"{where}: no field '{name}' is known")


def gradescope(text):
    o = json.loads(text)
    shown = ("visible", "hidden", "after_due_date", "after_published")
    formats = ("text", "html", "simple_format", "md", "ansi")
    known(o, ("score", "execution_time", "output", "output_format",
              "test_output_format", "test_name_format", "visibility",
              "stdout_visibility", "extra_data", "tests", "leaderboard"),
          "results.json")
    want(number(o.get("score", 0)), "score is no number")
    want(number(o.get("execution_time", 0)), "execution_time is no number")
    for name in ("visibility", "stdout_visibility"):
        want(o.get(name, "visible") in shown, f"{name} is unknown")
    for name in ("output_format", "test_output_format"):
        want(o.get(name, "text") in formats, f"{name} is unknown")
    want(isinstance(o.get("tests"), list) or "score" in o,
         "neither tests nor a score")
    for test in o.get("tests", []):
        known(test, ("score", "max_score", "status", "name", "name_format",
                     "number", "output", "output_format", "tags",
                     "visibility", "extra_data"), "a test")
        want(test.get("status") in ("passed", "failed"), "status")
        want(test.get("visibility") in shown, "visibility of a test")
        want("score" not in test or number(test["score"]), "score of a test")
        want(test.get("score", 0) <= test.get("max_score", 0) + 1e-6,
             "more points than there are")
        want(isinstance(test.get("number", ""), str), "number is no string")
        want(all(isinstance(t, str) for t in test.get("tags", [])), "tags")
        want("\r" not in test.get("output", ""), "newlines are \\n")


def classroom50(text):
    o = json.loads(text)
    required = ("schema", "classroom", "assignment", "assignment_type",
                "owner", "submission", "commit", "release", "review",
                "datetime", "score", "max-score", "tests")
    known(o, required + ("graded_at", "submitted_by"), "result.json")
    for name in required:
        want(name in o, f"'{name}' is required")
    want(o["schema"] == "classroom50/result/v1", "schema")
    want(o["assignment_type"] in ("individual", "group"), "assignment_type")
    want(o["submission"].startswith("submit/"), "submission")
    want(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", o["datetime"]),
         "datetime")
    for part in o["tests"] + [o]:
        want(whole(part["score"]) and whole(part["max-score"]),
             "points are whole numbers, none negative")
        want(part["score"] <= part["max-score"], "more than the maximum")
    for test in o["tests"]:
        want(isinstance(test["passed"], bool), "passed")
        want(isinstance(test["test-name"], str), "test-name")
    want(sum(t["score"] for t in o["tests"]) == o["score"], "the sum")
    want(sum(t["max-score"] for t in o["tests"]) == o["max-score"],
         "the sum of maxima")


def classroom50_tests(text):
    o = json.loads(text)
    known(o, ("schema", "tests", "defaults"), "tests.json")
    known(o["defaults"], ("failure-details", "show-output", "show-command"),
          "defaults")
    want(o["schema"] == "classroom50/tests/v1", "schema")
    want(len(o["tests"]) <= 100, "more than 100 tests")
    names = [t["name"] for t in o["tests"]]
    want(len(set(names)) == len(names), "a name twice")
    for test in o["tests"]:
        known(test, ("name", "type", "setup", "run", "timeout", "points",
                     "exit-code", "failure-details", "show-output",
                     "show-command"), "a test")
        want(len(test["name"].encode()) <= 100, "a long name")
        want(test["type"] == "run" and test["run"], "type and run")
        want(1 <= test["timeout"] <= 600, "timeout")
        want(whole(test["points"]) and test["points"] <= 1000, "points")


def github(text):
    o = json.loads(base64.b64decode(text.strip(), validate=True))
    known(o, ("version", "status", "max_score", "tests"), "the result")
    want(o["version"] == 1, "version")
    want(o["status"] in ("pass", "fail", "error"), "status")
    want(number(o["max_score"]), "max_score")
    for test in o["tests"]:
        known(test, ("name", "status", "score", "message", "test_code",
                     "filename", "line_no", "duration"), "a test")
        want(test["status"] in ("pass", "fail", "error"), "status of a test")
        want(number(test["score"]), "score of a test")
    want(sum(t["score"] for t in o["tests"]) <= o["max_score"] + 1e-6,
         "more points than there are")


def junit(text):
    for suite in xml.fromstring(text).iter("testsuite"):
        cases = list(suite.iter("testcase"))
        want(len(cases) == int(suite.get("tests")), "tests")
        for name, count in (("failure", "failures"), ("skipped", "skipped")):
            want(sum(c.find(name) is not None for c in cases) ==
                 int(suite.get(count)), count)


def comma(text):
    rows = list(csv.reader(text.splitlines()))
    want(all(len(row) == len(rows[0]) for row in rows), "ragged rows")


def tap(text):
    lines = text.splitlines()
    plan = int(lines[0].removeprefix("1.."))
    tests = [l for l in lines if re.match(r"(not )?ok \d+ - ", l)]
    want(len(tests) == plan, "plan")
    want(all(l.startswith("#") for l in lines[1:] if l not in tests),
         "a line that is neither a test nor a comment")


def internal(text):
    o = json.loads(text)
    want(o["schema"] == "memtwin-grade/v1", "schema")
    want(abs(sum(t["score"] for t in o["tests"]) - o["score"]) < 0.01, "sum")


RULES = {"gradescope": gradescope, "classroom50": classroom50,
         "classroom50-tests": classroom50_tests, "github": github,
         "junit": junit, "csv": comma, "tap": tap, "json": internal}

with open(sys.argv[2], encoding="utf-8", newline="") as f:
    text = f.read()
RULES.get(sys.argv[1], lambda text: None)(text)
for line in wrong:
    print(line)
sys.exit(bool(wrong))
