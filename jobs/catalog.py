"""The catalog: every job there is, found by walking the packages that hold jobs. There is no second list.

A module of these packages says `JOB`, `JOBS` or `BUNDLE`; dispatch, commands, routes and validation come from there.
"""

import importlib
import pkgutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

import jobs
from jobs.job import PER_USER, Bundle, InvalidRequestError, Job, Param, Step

PACKAGES = ("stats", "imports", "similarity", "recommend", "year_in_music", "popularity", "releases")
"""Packages below `jobs` that hold jobs; none of their modules imports Spark."""

__all__ = ["Catalog", "DuplicateJobError", "InvalidRequestError", "UnknownJobError", "catalog", "catalog_of"]


class UnknownJobError(LookupError):
    """A request for a query that no job or bundle answers: names those that there are."""


class DuplicateJobError(ValueError):
    """Two jobs claim one statistic, one request or one route."""


@dataclass(frozen=True)
class Catalog:
    """All jobs by statistic and all bundles by request name."""

    jobs: Mapping[str, Job]
    bundles: Mapping[str, Bundle]

    def queries(self) -> list[str]:
        """Every request name, sorted."""
        return sorted({job.name for job in self.jobs.values()} | set(self.bundles))

    def params(self, query: str) -> tuple[Param, ...]:
        """What a request may say: the choosing params first. Raises UnknownJobError."""
        if query in self.bundles:
            return self.bundles[query].params
        named = self._named(query)
        return (*_selectors(named), *_distinct(param for job in named for param in job.params))

    def check(self, query: str, params: Mapping[str, Any]) -> tuple[list[Job], dict[str, Any]]:
        """The jobs that a request asks for, and its params, whole and canonical.

        Raises UnknownJobError, and InvalidRequestError for a param that is unknown or out of bounds.
        """
        known = {param.name: param for param in self.params(query)}
        unknown = sorted(set(params) - set(known))
        if unknown:
            raise InvalidRequestError(f"{query}: unknown param {unknown[0]!r}; known are {', '.join(known) or 'none'}")
        checked = {name: param.check(params.get(name)) for name, param in known.items()}
        if query in self.bundles:
            bundle = self.bundles[query]
            return [self._one_of(bundle, checked)] if bundle.one_of else self.bundled(bundle), checked
        return [job for job in self._named(query) if _chosen(job, checked) or _made(job, checked)], checked

    def steps(self, query: str, params: Mapping[str, Any]) -> list[Step]:
        """Of a request for what functions make: the calls, in order. Raises as `check`."""
        asked, checked = self.check(query, params)
        calls: dict[str, list[Job]] = {}
        for job in asked:
            calls.setdefault(job.run, []).append(job)
        if query not in self.bundles:
            return [Step(tuple(together), checked) for together in calls.values()]
        bundle = self.bundles[query]
        return [Step(tuple(together), _given(bundle, together, checked)) for together in calls.values()]

    def bundled(self, bundle: Bundle) -> list[Job]:
        """The jobs of a bundle, in order."""
        if bundle.jobs:
            return [self.jobs[statistic] for statistic in bundle.jobs]
        return [job for job in self.jobs.values() if job.refreshed]

    def takes_long(self, query: str) -> bool:
        """Whether it is for models, similarity or a year: what statistics shall not wait for. Raises UnknownJobError.

        What is made of one another is here together, so that it is made in the order it was asked for.
        """
        jobs = self.bundled(self.bundles[query]) if query in self.bundles else self._named(query)
        return any(job.by_engine or job.of_year for job in jobs)

    def kept_fresh(self) -> list[Bundle]:
        """The bundles that declare how late a change may be in what is served of their statistics."""
        return [bundle for bundle in self.bundles.values() if bundle.fresh_within is not None]

    def _one_of(self, bundle: Bundle, params: Mapping[str, Any]) -> Job:
        asked = params[bundle.one_of]
        job = self.jobs.get(asked)
        if job is None or not _of_a_span(job):
            known = ", ".join(name for name, job in self.jobs.items() if _of_a_span(job))
            raise InvalidRequestError(f"{bundle.name}: {bundle.one_of}={asked!r}: expected one of {known}")
        return job

    def _named(self, query: str) -> list[Job]:
        named = [job for job in self.jobs.values() if job.name == query]
        if not named:
            raise UnknownJobError(f"unknown query {query!r}; known are {', '.join(self.queries())}")
        return named


@cache
def catalog() -> Catalog:
    """The catalog of this code. Raises DuplicateJobError."""
    return catalog_of(_found())


def catalog_of(values: Iterable[Job | Bundle]) -> Catalog:
    """A catalog of these jobs and bundles. Raises DuplicateJobError, and UnknownJobError for a bundle's missing job."""
    by_statistic: dict[str, Job] = {}
    bundles: dict[str, Bundle] = {}
    claimed: dict[tuple[object, ...], str] = {}
    for value in values:
        name = value.statistic if isinstance(value, Job) else value.name
        for claim in _claims(value):
            if claim in claimed:
                raise DuplicateJobError(f"{claimed[claim]} and {name} both claim {claim[0]} {claim[1]!r}")
            claimed[claim] = name
        if isinstance(value, Job):
            by_statistic[value.statistic] = value
        else:
            bundles[value.name] = value
    for bundle in bundles.values():
        missing = [statistic for statistic in bundle.jobs if statistic not in by_statistic]
        if missing:
            raise UnknownJobError(f"bundle {bundle.name}: no job makes {', '.join(missing)}")
    return Catalog(MappingProxyType(by_statistic), MappingProxyType(bundles))


def _claims(value: Job | Bundle) -> Iterator[tuple[object, ...]]:
    if isinstance(value, Bundle):
        yield "request", value.name, ()
        return
    yield "statistic", value.statistic
    yield "request", value.name, (*sorted(value.select.items()), *sorted(value.only_with.items()))
    if value.route is not None:
        yield "route", value.route.path


def _found() -> Iterator[Job | Bundle]:
    for package in PACKAGES:
        root = importlib.import_module(f"{jobs.__name__}.{package}")
        for module in pkgutil.iter_modules(root.__path__, f"{root.__name__}."):
            yield from _declared(vars(importlib.import_module(module.name)))


def _declared(names: Mapping[str, Any]) -> Iterator[Job | Bundle]:
    for name in ("JOB", "BUNDLE"):
        if name in names:
            yield names[name]
    yield from names.get("JOBS", ())


def _of_a_span(job: Job) -> bool:
    """Whether it can be made for any days of one user."""
    return isinstance(job.output, PER_USER) and not job.by_engine and not job.of_year


def _given(bundle: Bundle, jobs: list[Job], asked: Mapping[str, Any]) -> dict[str, Any]:
    """Their params: what the request said, else what the bundle says, else their defaults."""
    said = {name: value for job in jobs for name, value in bundle.given.get(job.statistic, {}).items()}
    said |= {name: value for name, value in asked.items() if value is not None}
    return {param.name: param.check(said.get(param.name)) for param in _distinct(p for job in jobs for p in job.params)}


def _selectors(named: list[Job]) -> list[Param]:
    names = {name for job in named for name in job.select}
    return [_selector(name, named) for name in sorted(names)]


def _selector(name: str, named: list[Job]) -> Param:
    choices = tuple(dict.fromkeys(job.select[name] for job in named if name in job.select))
    return Param(name, choices, about=f"one of {', '.join(choices)}; without it all of them")


def _distinct(params: Iterable[Param]) -> list[Param]:
    return list({param.name: param for param in params}.values())


def _chosen(job: Job, params: Mapping[str, Any]) -> bool:
    selected = all(params.get(name) in (None, value) for name, value in job.select.items())
    return selected and all(bool(params.get(name)) is value for name, value in job.only_with.items())


def _made(job: Job, params: Mapping[str, Any]) -> bool:
    """Whether it is made from a job that was chosen."""
    return job.made_from is not None and _chosen(job.made_from, params)
