"""A report as JUnit XML, for what shows test results. Pure: a text comes out."""

import json
from itertools import groupby
from xml.etree import ElementTree

import msgspec

from instep.checking.catalogue import TITLES
from instep.checking.finding import Finding, Result
from instep.checking.run import Report


def junit(report: Report) -> str:
    """A suite for each group of checks. What failed is a failure whose type is its severity; a warning is a passed
    test that says so; what doesn't apply is skipped."""
    root = ElementTree.Element("testsuites", name=f"instep check {report.url}", time=f"{report.seconds:.3f}")
    for group, found in groupby(report.findings, key=lambda finding: finding.check.group):
        findings = list(found)
        failed, skipped = (
            sum(finding.result is result for finding in findings) for result in (Result.FAILED, Result.NOT_APPLICABLE)
        )
        suite = ElementTree.SubElement(
            root,
            "testsuite",
            name=TITLES[group],
            tests=str(len(findings)),
            failures=str(failed),
            skipped=str(skipped),
            errors="0",
        )
        for finding in findings:
            _case(suite, finding)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _case(suite: ElementTree.Element, finding: Finding) -> None:
    seconds = sum(exchange.milliseconds for exchange in finding.exchanges) / 1000
    case = ElementTree.SubElement(
        suite, "testcase", classname=finding.check.id, name=_clean(finding.check.title), time=f"{seconds:.3f}"
    )
    behind = [json.dumps(msgspec.to_builtins(exchange), ensure_ascii=False) for exchange in finding.exchanges]
    body = "\n".join([finding.text, f"see: {finding.check.source}", f"to do: {finding.check.way_out}", *behind])
    match finding.result:
        case Result.FAILED:
            failure = ElementTree.SubElement(case, "failure", type=finding.check.severity, message=_clean(finding.text))
            failure.text = _clean(body)
        case Result.NOT_APPLICABLE:
            ElementTree.SubElement(case, "skipped", message=_clean(finding.text))
        case Result.WARNING:
            ElementTree.SubElement(case, "system-out").text = _clean(f"warning: {body}")
        case Result.PASSED:
            pass


def _clean(text: str) -> str:
    """Without what XML can't hold: control characters, and halves of surrogate pairs."""
    return "".join(c for c in text if c in "\t\n" or (c >= " " and not "\ud800" <= c <= "\udfff" and c < "\ufffe"))
