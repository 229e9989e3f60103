"""Steps as OpenTelemetry spans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from obs2seq.errors import ConfigurationError
from obs2seq.tracing.watch import Ending, Span, Watcher
from obs2seq.version import __version__

if TYPE_CHECKING:
    from opentelemetry.trace import TracerProvider


class OpenTelemetrySpans(Watcher):
    """Makes a span of each step, below that of the step around it, with `obs2seq.run_id`, `.subset` and `.kind`.

    Args:
        provider: Gives the tracer.
        is_own: Whether the provider was made here, so that it is shut down at the end.
    """

    def __init__(self, provider: TracerProvider, *, is_own: bool = False) -> None:
        self._provider, self._is_own = provider, is_own
        self._tracer = provider.get_tracer("obs2seq", __version__)
        self._open: dict[int, Any] = {}

    def started(self, span: Span) -> None:
        """Open the span."""
        from opentelemetry import trace

        above = self._open.get(id(span.parent))
        context = trace.set_span_in_context(above) if above is not None else None
        facts = {"obs2seq.kind": span.kind, "obs2seq.run_id": span.run_id, "obs2seq.subset": span.subset}
        self._open[id(span)] = self._tracer.start_span(span.name, context=context, attributes=facts)

    def ended(self, ending: Ending) -> None:
        """Close the span; of an error only its kind is kept."""
        from opentelemetry.trace import Status, StatusCode

        opened = self._open.pop(id(ending.span))
        if ending.error is not None:
            kind = type(ending.error).__name__
            opened.set_attribute("error.type", kind)
            opened.set_status(Status(StatusCode.ERROR, kind))
        opened.end()

    def finished(self) -> None:
        """Send what is left."""
        if self._is_own:
            self._provider.shutdown()  # type: ignore[attr-defined]  # only the SDK's has one


def open_telemetry() -> OpenTelemetrySpans:
    """Return what sends spans to the provider of the process; else by OTLP to where the environment says.

    Raises:
        ConfigurationError: OpenTelemetry is not installed.
    """
    try:
        from opentelemetry import trace

        provider = trace.get_tracer_provider()
        if not isinstance(provider, trace.ProxyTracerProvider):
            return OpenTelemetrySpans(provider)
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import SERVICE_NAME, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ModuleNotFoundError as error:
        problem = f"expected OpenTelemetry to be installed, found no module '{error.name}'"
        raise ConfigurationError("traces", problem, "pip install 'obs2seq[otel]'") from error
    own = TracerProvider(resource=Resource.create({SERVICE_NAME: "obs2seq"}))
    own.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return OpenTelemetrySpans(own, is_own=True)
