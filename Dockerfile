# syntax=docker/dockerfile:1
# One image for every part: web, listen_writer, request_consumer, spark_reader, scheduler (see compose.yaml).
FROM python:3.11-slim-bookworm AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends openjdk-17-jre-headless make \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/listenlake
COPY requirements.lock ./
COPY conf/__init__.py conf/settings.py conf/urls.py conf/jars.py conf/jars.lock conf/
# The JARs are fetched here, SHA-256 checked, so that a container needs no network.
RUN python -m venv .venv \
    && .venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock \
    && .venv/bin/python -m conf.jars

FROM python:3.11-slim-bookworm
RUN apt-get update \
    && apt-get install -y --no-install-recommends openjdk-17-jre-headless curl procps tini \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --create-home --home-dir /var/lib/listenlake --shell /usr/sbin/nologin listenlake
WORKDIR /opt/listenlake
COPY --from=build /opt/listenlake/.venv .venv
COPY --from=build /opt/listenlake/conf/jars conf/jars
COPY . .
ENV DATA_DIR=/var/lib/listenlake/data WEB_HOST=0.0.0.0 PYTHONUNBUFFERED=1
RUN install -d -o listenlake -g listenlake /var/lib/listenlake/data
USER listenlake
VOLUME /var/lib/listenlake/data
EXPOSE 8100
ENTRYPOINT ["tini", "--", "./spark_manage.py"]
CMD ["web"]
