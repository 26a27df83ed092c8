# One image for every process of ours; the compose file says which one a container runs.
ARG PYTHON_IMAGE=python:3.11.14-slim-bookworm

FROM ${PYTHON_IMAGE} AS packages
WORKDIR /build
RUN python -m venv /opt/priyom
ENV PATH=/opt/priyom/bin:$PATH PIP_DISABLE_PIP_VERSION_CHECK=1
COPY requirements.lock .
RUN --mount=type=cache,target=/root/.cache/pip \
    pip install --require-hashes --no-deps -r requirements.lock

# The mailbox is for development: its SMTP server is not among the service's packages.
FROM packages AS mailbox-packages
COPY requirements-dev.lock .
RUN --mount=type=cache,target=/root/.cache/pip \
    awk '/^[a-z]/ {wanted = /^(aiosmtpd|atpublic|attrs)==/} wanted' requirements-dev.lock > mailbox.lock \
    && pip install --require-hashes --no-deps -r mailbox.lock

FROM ${PYTHON_IMAGE} AS base
RUN groupadd --system --gid 10001 priyom \
    && useradd --system --uid 10001 --gid priyom --no-create-home --home-dir /app priyom
WORKDIR /app
ENV PATH=/opt/priyom/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
COPY alembic.ini ./
COPY domain domain
COPY adapters adapters
COPY activities activities
COPY workflows workflows
COPY migrations migrations
COPY worker worker
COPY notifier notifier
COPY api api
COPY stack stack
USER priyom

FROM base AS mailbox
COPY --from=mailbox-packages /opt/priyom /opt/priyom
CMD ["python", "-m", "stack.mailbox"]

FROM base AS service
COPY --from=packages /opt/priyom /opt/priyom
CMD ["python", "-m", "api"]
