"""Writes the page docs/reference/metrics.md from the list of metrics: `python -m instep.monitoring.reference`."""

import sys

from instep.monitoring.metrics import METRICS, SERVICE


def page() -> str:
    """The page, as Markdown."""
    lines = [
        "# Metrics",
        "",
        "What `/metrics` of `instep serve` tells, in Prometheus' text format. Made from the code by",
        "`python -m instep.monitoring.reference`. Counters count since the service started. No metric names a person.",
        "",
        "| Metric | Type | Labels | What it is |",
        "|---|---|---|---|",
    ]
    lines += [f"| `{name}` | gauge | | {what} |" for name, what in SERVICE]
    for metric in METRICS:
        labels = ", ".join(f"`{label}`" for label in ("job", *metric.labels))
        lines.append(f"| `{metric.name}` | {metric.kind} | {labels} | {metric.what} |")
    lines += [
        "",
        "`process_*` metrics (memory, CPU, open files) come with them.",
        "",
        "Worth an alert: `instep_job_quarantined == 1`; `instep_job_held > 0` for an hour; `instep_job_faulty == 1`;",
        '`instep_job_changes_behind > 0` for ten minutes; `rate(instep_changes_total{action="failure"}[1h])` above',
        "what is usual; `time() - instep_job_last_cycle_timestamp_seconds` above twice the interval.",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(page())
