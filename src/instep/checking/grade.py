"""The grade: how fit an endpoint is for provisioning, in one letter. Pure."""

from collections.abc import Sequence

from instep.checking.finding import Finding, Result

WEIGHTS = {"must": 5.0, "should": 2.0, "nice": 1.0}
HOW = (
    "A: no must failed, and 95 % of the weight passed (must 5, should 2, nice 1; a warning counts half; what doesn't "
    "apply counts nothing). B: 85 %. C: less. D: one to three musts failed. F: more."
)
"""How it's made, for people."""


def score(findings: Sequence[Finding]) -> float:
    """The share of the weight that passed, 0 to 1."""
    judged = [finding for finding in findings if finding.result is not Result.NOT_APPLICABLE]
    whole = sum(WEIGHTS[finding.check.severity] for finding in judged)
    share = {Result.PASSED: 1.0, Result.WARNING: 0.5}
    return sum(WEIGHTS[f.check.severity] * share.get(f.result, 0.0) for f in judged) / whole if whole else 0.0


def grade(findings: Sequence[Finding]) -> str:
    """A, B, C, D or F; `-` when nothing was judged."""
    if all(finding.result is Result.NOT_APPLICABLE for finding in findings):
        return "-"
    musts = sum(finding.failed_must for finding in findings)
    if musts:
        return "D" if musts <= 3 else "F"
    passed = score(findings)
    return "A" if passed >= 0.95 else "B" if passed >= 0.85 else "C"
