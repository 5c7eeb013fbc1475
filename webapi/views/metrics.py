"""/metrics, for Prometheus: of this machine alone unless METRICS=open."""

from flask import Blueprint, Response, request
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from webapi.errors import ApiError
from webapi.metrics import readable_by, text_of
from webapi.services import services

CLOSED = "Metrics are for this machine; METRICS=open opens them to everybody."

blueprint = Blueprint("metrics", __name__)


@blueprint.get("/metrics")
def metrics() -> Response:
    """Prometheus text. The client counts, not the proxy: PROXY_HOPS says how many are believed."""
    settings = services().settings
    # Without PROXY_HOPS a forwarded request comes from anywhere, however near the proxy is.
    forwarded = not settings.proxy_hops and "X-Forwarded-For" in request.headers
    if settings.metrics == "local" and (forwarded or not readable_by(request.remote_addr)):
        raise ApiError(403, CLOSED)
    return Response(text_of(services()), content_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"})
