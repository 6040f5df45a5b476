"""The metrics of one app instance, by Prometheus' own library."""

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.process_collector import ProcessCollector

from app.model import DIGITS, Answer, DigitModel, ModelError

LATENCY_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
"""Seconds; one answer takes well below a millisecond."""
MODEL_BUCKETS = (0.00001, 0.00002, 0.00003, 0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.01)
CONFIDENCE_BUCKETS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)
EXPOSITION = CONTENT_TYPE_LATEST


class Figures:
    """The metrics of one app instance, in a registry of its own."""

    def __init__(self, commit: str | None) -> None:
        self._commit = commit or "unknown"
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        labels = ("route", "method", "status")
        self._requests = Counter("bolide_app_requests", "Requests answered.", labels, registry=registry)
        told = "Seconds from the request to its answer."
        self._latency = Histogram(
            "bolide_app_request_seconds", told, ("route",), buckets=LATENCY_BUCKETS, registry=registry
        )
        # Bound at the first answer of a kind: to look a child up by its labels costs more than to count.
        self._answered: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        predictions = Counter("bolide_app_predictions", "Digits predicted.", ("digit",), registry=registry)
        # Bound once: a digit that was never seen counts 0, it is not absent.
        self._predictions = [predictions.labels(str(digit)) for digit in range(DIGITS)]
        told = "The probability of the digit that was predicted."
        self._confidence = Histogram("bolide_app_confidence", told, buckets=CONFIDENCE_BUCKETS, registry=registry)
        told = "Seconds inside the model for one image."
        self._model_seconds = Histogram("bolide_app_model_seconds", told, buckets=MODEL_BUCKETS, registry=registry)
        self._model = Gauge(
            "bolide_app_model_info", "1 for the model in service.", ("model", "commit"), registry=registry
        )
        told = "Models that were offered while the service ran, by what came of it."
        self._swaps = Counter("bolide_app_model_swaps", told, ("result",), registry=registry)
        for result in ("switched", "refused"):
            self._swaps.labels(result)
        told = "Population stability index of the latest images against the training; NaN while there are too few."
        self._drift = Gauge("bolide_app_drift_psi", told, ("of",), registry=registry)

    def serve(self, model: DigitModel) -> None:
        """Say which model is in service, and measure drift against its training."""
        self._model.clear()
        self._model.labels(model.model_id, self._commit).set(1)
        self._drift.clear()
        if model.drift:
            self._drift.labels("brightness").set_function(model.drift.brightness)
            self._drift.labels("digits").set_function(model.drift.digits)

    def swap(self, offered: DigitModel | ModelError) -> None:
        """Count a model that was offered while the service ran."""
        self._swaps.labels("refused" if isinstance(offered, ModelError) else "switched").inc()

    def predict(self, answer: Answer) -> None:
        """Count one answer of the model."""
        self._predictions[answer.digit].inc()
        self._confidence.observe(answer.probability)
        self._model_seconds.observe(answer.latency_ms / 1000)

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        answered = route, method, status
        if answered not in self._answered:
            self._answered[answered] = self._requests.labels(route, method, str(status)), self._latency.labels(route)
        requests, latency = self._answered[answered]
        requests.inc()
        latency.observe(seconds)

    def text(self) -> bytes:
        """All metrics in the Prometheus text format, of the media type `EXPOSITION`."""
        return generate_latest(self.registry)
