"""The application: blueprints, hooks, error shape. One per worker process."""

from flask import Flask
from flask_compress import Compress
from werkzeug.middleware.proxy_fix import ProxyFix

from conf.secret import secret_of
from conf.settings import Settings
from webapi.audioscrobbler import views as audioscrobbler
from webapi.errors import install_error_handlers
from webapi.fresh import COMPRESS_FROM, COMPRESS_LEVEL
from webapi.hooks import install_hooks
from webapi.lastfm import approval, dispatch
from webapi.pages import account, api, deletion, home, profile, statistics, statistics_settings, transfer, user
from webapi.pages import recommendations as recommendations_pages
from webapi.pages import year_in_music as year_in_music_page
from webapi.pages.frame import install_pages
from webapi.paths import install_tolerant_paths
from webapi.requests import RequestLog, install_request_log
from webapi.services import EXTENSION, make_services
from webapi.tally import Tally
from webapi.unchanged import Unchanged
from webapi.views import (
    art,
    core,
    documentation,
    feedback,
    feedback_import,
    fresh_releases,
    imports,
    labs,
    listens,
    metrics,
    missing_data,
    playlists,
    popularity,
    recommendation_feedback,
    recommendations,
    similar_users,
    similarity,
    stats,
    status,
    user_settings,
    users,
    year_in_music,
)

PAGES = (
    home.blueprint,
    user.blueprint,
    statistics.blueprint,
    recommendations_pages.blueprint,
    year_in_music_page.blueprint,
    account.blueprint,
    profile.blueprint,
    statistics_settings.blueprint,
    deletion.blueprint,
    transfer.blueprint,
    approval.blueprint,
    api.blueprint,
)
"""For people in a browser: with cookies, so with CSRF tokens. Everything else is for machines and reads no cookie."""


def build_app(settings: Settings, tally: Tally | None = None) -> Flask:
    """The WSGI application of these settings; requests are counted in `tally`."""
    app = Flask("webapi", static_folder=None)
    app.secret_key = secret_of(settings)
    app.extensions[EXTENSION] = here = make_services(settings, tally)
    requests = RequestLog(settings, here.requests)
    app.wsgi_app = Unchanged(app, requests)  # type: ignore[method-assign]
    install_tolerant_paths(app)
    install_error_handlers(app)
    install_request_log(app, requests)
    install_hooks(app)
    _install_compression(app)
    fixed = (
        core.blueprint,
        listens.blueprint,
        users.blueprint,
        user_settings.blueprint,
        feedback.blueprint,
        feedback_import.blueprint,
        recommendation_feedback.blueprint,
        recommendations.blueprint,
        similar_users.blueprint,
        similarity.blueprint,
        labs.blueprint,
        missing_data.blueprint,
        imports.blueprint,
        status.blueprint,
        documentation.blueprint,
        year_in_music.blueprint,
        art.blueprint,
        playlists.blueprint,
        fresh_releases.blueprint,
    )
    for blueprint in (*fixed, metrics.blueprint, stats.make_blueprint(), popularity.make_blueprint()):
        app.register_blueprint(blueprint)
    for protocol in (audioscrobbler.blueprint, dispatch.blueprint):
        app.register_blueprint(protocol)
    install_pages(app, settings, PAGES)
    here.requests.number([rule.rule for rule in app.url_map.iter_rules()])
    if settings.proxy_hops:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=settings.proxy_hops)  # type: ignore[method-assign]
    return app


def _install_compression(app: Flask) -> None:
    """gzip for whoever accepts it."""
    app.config.update(
        COMPRESS_ALGORITHM=["gzip"],
        COMPRESS_LEVEL=COMPRESS_LEVEL,
        COMPRESS_MIN_SIZE=COMPRESS_FROM,
        COMPRESS_MIMETYPES=[
            "application/json",
            "application/xml",
            "text/html",
            "text/css",
            "text/plain",
            "text/javascript",
            "image/svg+xml",
        ],
        COMPRESS_STREAMS=False,
    )
    Compress(app)
