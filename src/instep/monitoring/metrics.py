"""Metrics in Prometheus' text format, made from one look at the service's figures.

`METRICS` is the list that docs/reference/metrics.md is made from: what is measured has a line there, and nothing else.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector

from instep.monitoring.figures import Figures, JobFigures, LimitFigures

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Sample = tuple[tuple[str, ...], float]
"""Values of the labels after `job`, and the number."""


class Described(NamedTuple):
    """A metric of each job."""

    name: str
    kind: str
    """`counter` or `gauge`."""
    labels: tuple[str, ...]
    """Beside `job`."""
    what: str
    samples: Callable[[JobFigures], Iterable[Sample]]


def _schedule(job: JobFigures) -> Iterator[Sample]:
    for state in ("active", "paused", "disabled"):
        yield (state,), float(job.schedule == state)


def _ended(job: JobFigures) -> Iterator[Sample]:
    if job.last_ended is not None:
        yield (), job.last_ended.timestamp()


def _least(of: Callable[[LimitFigures], float | None]) -> Callable[[JobFigures], Iterable[Sample]]:
    """Of several limits on requests of one kind, the one that is met first."""

    def samples(job: JobFigures) -> Iterable[Sample]:
        least: dict[tuple[str, ...], float] = {}
        for limit in job.limits:
            at, number = (limit.purpose, limit.resource, limit.origin), of(limit)
            if number is not None:
                least[at] = min(number, least.get(at, number))
        return least.items()

    return samples


METRICS = (
    Described("instep_cycles_total", "counter", ("result",), "Cycles that ended, by result.",
              lambda job: [((result,), number) for result, number in job.cycles.items()]),
    Described("instep_changes_total", "counter", ("action",), "What cycles did to subjects, by the log's word for it; "
              "`failure` and `hold` are what didn't happen.",
              lambda job: [((word,), number) for word, number in job.done.items() if word != "requests"]),
    Described("instep_requests_total", "counter", (), "Requests that cycles sent to the app.",
              lambda job: [((), job.done.get("requests", 0))]),
    Described("instep_cycle_seconds_total", "counter", (), "Seconds spent in cycles.",
              lambda job: [((), job.seconds)]),
    Described("instep_job_running", "gauge", (), "1 while a cycle is under way.",
              lambda job: [((), float(job.running))]),
    Described("instep_job_schedule", "gauge", ("state",), "1 for the state that the job's schedule is in.", _schedule),
    Described("instep_job_quarantined", "gauge", (), "1 while the job is in quarantine.",
              lambda job: [((), float(job.quarantined))]),
    Described("instep_job_faulty", "gauge", (), "1 while cycles can't even be tried; the log of the service says why.",
              lambda job: [((), float(bool(job.fault)))]),
    Described("instep_job_changes_behind", "gauge", (), "Changes in the directory that no cycle has looked at yet.",
              lambda job: [((), job.behind)]),
    Described("instep_job_last_cycle_timestamp_seconds", "gauge", (), "When the last cycle ended.", _ended),
    Described("instep_job_escrow", "gauge", (), "Subjects that wait for another try.",
              lambda job: [((), job.escrow)]),
    Described("instep_job_held", "gauge", (), "Decisions that the guard holds until somebody approves them.",
              lambda job: [((), job.held)]),
    Described("instep_job_links", "gauge", ("kind", "status"), "Links, by kind of subject and status.",
              lambda job: [(at, number) for at, number in job.links.items()]),
    Described("instep_limit_requests_per_second", "gauge", ("purpose", "resource", "origin"), "Requests of that kind "
              "that are sent at the most: as the app's vendor publishes it (`published`), as its answers say it "
              "(`announced`), or as its refusals taught it (`learnt`).", _least(lambda limit: limit.rate)),
    Described("instep_limit_requests_at_once", "gauge", ("purpose", "resource", "origin"), "How many of them are "
              "sent at once at the most.", _least(lambda limit: limit.burst)),
    Described("instep_limit_pause_seconds", "gauge", ("purpose", "resource"), "How long the app still wants to be left "
              "alone with requests of that kind; 0 for no pause.",
              lambda job: [(at, seconds) for at, seconds in job.pauses.items()]),
)  # fmt: skip
"""Each job's, with the label `job`."""

SERVICE = (
    ("instep_directory_sequence", "The newest sequence number of the directory."),
    ("instep_mails_waiting", "Mails that wait to be sent."),
)
"""The service's own gauges; what prometheus-client tells of a process comes with them."""


def text(figures: Figures) -> bytes:
    """The figures in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(figures))
    ProcessCollector(registry=registry)
    return generate_latest(registry)


class _Collector:
    def __init__(self, figures: Figures) -> None:
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        """One family for each metric."""
        for name, what in SERVICE:
            value = self._figures.sequence if name == "instep_directory_sequence" else self._figures.unsent
            yield GaugeMetricFamily(name, what, value=value)
        for metric in METRICS:
            labels = ("job", *metric.labels)
            family = (
                CounterMetricFamily(metric.name.removesuffix("_total"), metric.what, labels=labels)
                if metric.kind == "counter"
                else GaugeMetricFamily(metric.name, metric.what, labels=labels)
            )
            for job in self._figures.jobs:
                for values, number in metric.samples(job):
                    family.add_metric((job.job, *values), number)
            yield family
