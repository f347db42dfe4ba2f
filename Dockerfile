# The images that it is made of; a release gives them with their digests.
ARG PYTHON_IMAGE=python:3.12-slim-bookworm
ARG UV_IMAGE=ghcr.io/astral-sh/uv:0.13.9

# hadolint ignore=DL3006
FROM ${UV_IMAGE} AS uv

# hadolint ignore=DL3006
FROM ${PYTHON_IMAGE} AS build
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
WORKDIR /src
# Versions and hashes are those of requirements.lock; a change of the code leaves this layer as it is.
# Where a phone is from, and its carrier, nobody asks: 35 MB less.
RUN --mount=type=bind,from=uv,source=/uv,target=/bin/uv \
    --mount=type=cache,target=/root/.cache/uv \
    --mount=type=bind,source=requirements.lock,target=requirements.lock \
    --mount=type=bind,source=pyproject.toml,target=pyproject.toml \
    uv venv --quiet --python python3 /opt/venv \
    && uv pip install --quiet --python /opt/venv --require-hashes \
       -r pyproject.toml --extra otel --group image --constraint requirements.lock \
    && rm -r /opt/venv/lib/python3*/site-packages/phonenumbers/geodata \
       /opt/venv/lib/python3*/site-packages/phonenumbers/carrierdata \
       /opt/venv/lib/python3*/site-packages/phonenumbers/tzdata
COPY pyproject.toml requirements.lock README.md LICENSE ./
COPY connector connector
RUN --mount=type=bind,from=uv,source=/uv,target=/bin/uv \
    --mount=type=cache,target=/root/.cache/uv \
    uv pip install --quiet --python /opt/venv --no-deps --build-constraint requirements.lock .

# hadolint ignore=DL3006
FROM ${PYTHON_IMAGE}
ARG PYTHON_IMAGE
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG SOURCE=unknown
ARG CREATED=unknown
LABEL org.opencontainers.image.title="crm-connector" \
      org.opencontainers.image.description="Streams order and contact changes from Kafka CDC topics into a CRM" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.base.name="${PYTHON_IMAGE}"
COPY --from=build /opt/venv /opt/venv
# An SQLite ledger's place, where no volume is mounted over it: writable by the user below alone.
COPY --from=build --chown=65532:65532 /mnt /var/lib/crm-connector
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 65532:65532
WORKDIR /var/lib/crm-connector
EXPOSE 9108
STOPSIGNAL SIGTERM
# A process that is PID 1 loses signals until it has handlers, and Python's imports take a second: so it is not.
ENTRYPOINT ["/opt/venv/bin/dumb-init", "--single-child", "--", "/opt/venv/bin/crm-connector"]
CMD ["run", "-c", "/etc/crm-connector/connector.yaml"]
