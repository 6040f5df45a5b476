"""What the service counts about itself, for Prometheus."""

import time

from flask import Flask, Response, g, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.process_collector import ProcessCollector

LATENCY_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
"""Seconds; one answer of the model takes well below a millisecond."""


class Meters:
    """The metrics of one app instance, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = Counter(
            "bolide_app_requests", "Requests answered.", ("route", "method", "status"), registry=self.registry
        )
        self.latency = Histogram(
            "bolide_app_request_seconds",
            "Seconds from the request to its answer.",
            ("route",),
            buckets=LATENCY_BUCKETS,
            registry=self.registry,
        )
        self.predictions = Counter("bolide_app_predictions", "Digits predicted.", ("digit",), registry=self.registry)
        self.model = Gauge(
            "bolide_app_model_info", "1 for the model in service.", ("model", "commit"), registry=self.registry
        )
        for digit in range(10):
            self.predictions.labels(str(digit))  # a digit that was never seen counts 0, it is not absent

    def text(self) -> Response:
        """All metrics in the Prometheus text format."""
        return Response(generate_latest(self.registry), content_type=CONTENT_TYPE_LATEST)


def register(app: Flask, meters: Meters) -> None:
    """Counts and times every request of the app."""

    @app.before_request
    def start() -> None:
        g.started = time.perf_counter()

    @app.after_request
    def count(answer: Response) -> Response:
        # The rule, not the path, and a method that the rule knows: strangers must not grow the number of series.
        route = request.url_rule.rule if request.url_rule else "unmatched"
        method = request.method if request.url_rule else "any"
        meters.requests.labels(route, method, str(answer.status_code)).inc()
        if "started" in g:
            meters.latency.labels(route).observe(time.perf_counter() - g.started)
        return answer
