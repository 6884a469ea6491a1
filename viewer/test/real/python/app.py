"""An application as its authors write it: it knows nothing of the viewer."""

import logging

from opentelemetry._logs import set_logger_provider
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource

provider = LoggerProvider(resource=Resource.create({"service.name": "python-shop"}))
provider.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
set_logger_provider(provider)
logging.getLogger().addHandler(LoggingHandler(logger_provider=provider))
logging.getLogger().setLevel(logging.INFO)

log = logging.getLogger("shop")
log.info("order was sent", extra={"session.id": "python-session", "order.id": 5})
try:
    raise ValueError("grüße <script>")
except ValueError:
    log.exception("it failed", extra={"session.id": "python-session"})
log.warning("without a session")
provider.shutdown()
