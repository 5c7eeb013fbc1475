"""Deleting all listens, or the whole account, and the receipt that tells how far the latter has come."""

import logging
import time
from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

import psycopg2
from flask import Blueprint, Response, flash, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as WerkzeugResponse

from conf.broker import BrokerUnavailableError, open_broker
from conf.postgres import Connection, StoreUnavailableError
from jobs.listens.account_deletion import Deleted, delete_account, find_receipt
from jobs.listens.traces import remove_traces
from jobs.listens.users import User, find_password
from jobs.listens.write import delete_history
from webapi.db.listens import totals
from webapi.errors import NotFoundError, UnavailableError, reply, wants_page
from webapi.pages.frame import user_path
from webapi.passwords import user_of_password
from webapi.services import services
from webapi.sessions import log_out, logged_in, require_login

WRONG_PASSWORD = "The password is wrong: nothing was deleted."  # noqa: S105 - what is said of one
WRONG_NAME = "That is not the user name: nothing was deleted."
NOT_NOW = "Nothing was deleted: the database did not answer in time. Please try again in a moment."

Page = str | Response | WerkzeugResponse | tuple[str, int]
Done = TypeVar("Done")

blueprint = Blueprint("deletion", __name__)
log = logging.getLogger(__name__)


@blueprint.get("/profile/delete")
@require_login
def delete_form() -> Page:
    """What will go, and how one confirms it."""
    return _form("account")


@blueprint.post("/profile/delete")
@require_login
def delete() -> Page:
    """The account and everything of it; on to the receipt."""
    user = logged_in()
    if (wrong := _not_confirmed(user)) is not None:
        flash(wrong, "problem")
        return _form("account", 400)
    deleted = _written(lambda connection: delete_account(connection, user.id, _now()))
    _remove_traces(deleted)
    log_out()
    flash("Your account is deleted. Keep the address of this page: it tells when the last files are gone.", "done")
    return redirect(f"/deletion/{deleted.receipt}", 303)


@blueprint.get("/profile/delete-listens")
@require_login
def delete_listens_form() -> Page:
    """What will go, and how one confirms it."""
    return _form("listens")


@blueprint.post("/profile/delete-listens")
@require_login
def delete_listens() -> Page:
    """All listens, also those on their way; the account stays."""
    user = logged_in()
    if (wrong := _not_confirmed(user)) is not None:
        flash(wrong, "problem")
        return _form("listens", 400)
    removed = _written(lambda connection: delete_history(connection, user.id, _now()))
    flash(f"{removed:,} listens are deleted. Statistics follow within minutes.", "done")
    return redirect(user_path(user.name), 303)


@blueprint.get("/deletion/<uuid:receipt>")
def receipt(receipt: UUID) -> Page:
    """How far the deletion of an account has come, as a page or, for other clients, as JSON."""
    with services().pool.transaction() as cursor:
        found = find_receipt(cursor, receipt)
    if found is None:
        raise NotFoundError(f"There is no receipt {receipt}.")
    response = (
        make_response(render_template("receipt.html", receipt=found)) if wants_page() else reply(found.document())
    )
    response.headers["Cache-Control"] = "private, no-cache"
    response.vary.add("Accept")
    return response


def _form(what: str, status: int = 200) -> Page:
    user = logged_in()
    with services().pool.transaction() as cursor:
        count = totals(cursor, user.id).listen_count
        _, password_hash = find_password(cursor, user.name)
    page = render_template(
        "delete.html", what=what, user=user, count=count, by_password=password_hash is not None, profile="/profile/"
    )
    return page, status


def _not_confirmed(user: User) -> str | None:
    """Why this form does not count; None when it does: the password is right, or where there is none the name."""
    with services().pool.transaction() as cursor:
        _, password_hash = find_password(cursor, user.name)
    if password_hash is None:
        return None if request.form.get("name", "").strip() == user.name else WRONG_NAME
    return None if user_of_password(user.name, request.form.get("password", "")) else WRONG_PASSWORD


def _now() -> int:
    return int(time.time() * 1_000_000)


def _written(act: Callable[[Connection], Done]) -> Done:
    """What an act in a transaction of its own gives. Raises UnavailableError: then nothing of it happened."""
    pool = services().pool
    try:
        return act(pool.connection())
    except (StoreUnavailableError, psycopg2.OperationalError, psycopg2.InterfaceError):
        pool.discard()
        raise UnavailableError(NOT_NOW) from None


def _remove_traces(deleted: Deleted) -> None:
    """What is not in the tables; what cannot be reached now goes with the next vacuum."""
    settings = services().settings
    try:
        broker = open_broker(settings)
        try:
            remove_traces(broker, settings.data_dir, [deleted.user_id], deleted.uploads)
        finally:
            broker.close()
    except (BrokerUnavailableError, OSError) as problem:
        log.warning("dead letters and files of a deleted account go with the next vacuum: %s", problem)
