"""An application that knows of nothing: `opentelemetry-instrument` brings logs, and traces and metrics of its requests."""

import logging
import os
import urllib.request

logging.basicConfig(filename="/dev/null", level=logging.INFO)
urllib.request.urlopen(os.environ["SHOP_URL"]).read()
logging.getLogger("shop").info("order was sent", extra={"session.id": "python-session"})
