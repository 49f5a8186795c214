"""Adds up the JUnit files of one scripts/test run; the last line is the summary that people and programs read."""

import argparse
import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from pathlib import Path


def outcome(case):
    """What became of one <testcase>: failed beats skipped beats passed."""
    if case.find("failure") is not None or case.find("error") is not None or case.get("status") == "fail":
        return "failed"
    if case.find("skipped") is not None or case.get("status") in ("notrun", "disabled"):
        return "skipped"
    return "passed"


def cases_of(path):
    return [(f"{case.get('classname')}.{case.get('name')}", outcome(case), case)
            for case in ElementTree.parse(path).iter("testcase")]


def unit_cases(folder):
    """GoogleTest's own reports, and one failure for each test program that failed without reporting any."""
    reported = {path.stem: cases_of(path) for path in sorted((folder / "unit").glob("*.xml"))}
    cases = [case for program in reported.values() for case in program]
    ctest = folder / "ctest.xml"
    for name, result, case in cases_of(ctest) if ctest.exists() else []:
        own = reported.get(f"unit_{case.get('name')}", [])
        if result == "failed" and not any(result == "failed" for _, result, _ in own):
            cases.append((f"{name} (the program itself)", "failed", case))
    # With a name pattern GoogleTest reports the others as not run: nobody asked for them.
    return [(name, result, case) for name, result, case in cases if case.get("status") != "notrun"]


def integration_cases(folder):
    path = folder / "integration.xml"
    return cases_of(path) if path.exists() else []


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("results", type=Path)
    options.add_argument("--require", choices=["none", "all"], default="none")
    arguments = options.parse_args()

    cases = unit_cases(arguments.results) + integration_cases(arguments.results)
    counts = Counter(result for _, result, _ in cases)
    for name, result, case in cases:
        if result == "failed":
            print(f"failed   {name}")
        if result == "skipped":
            reason = case.find("skipped")
            print(f"skipped  {name}: {reason.get('message') if reason is not None else 'disabled'}")
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    short = arguments.require == "all" and counts["skipped"] > 0
    return 1 if counts["failed"] or short or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
