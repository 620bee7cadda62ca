# The warehouse as an image: no data, no secret, nothing that is written while it runs but the home.
# Build: docker build --tag journey .        Run: "Container" in docs/runbook.md, or compose.yaml
FROM python:3.11.14-bookworm AS builder
WORKDIR /opt/journey
COPY . .
# As everywhere: packages by hash, the report's drawing library bundled, the models parsed once. No
# linters and no tests, but what `journey metrics` and JOURNEY_OPENLINEAGE_URL ask for.
RUN make runtime metricflow openlineage \
    && test -e .venv/report/echarts.js -a -e dbt_project/target/own_manifest.txt \
    && .venv/bin/python -m compileall -q orchestration expectations sample \
    && chmod -R a+rX,go-w .

FROM python:3.11.14-slim-bookworm
COPY --from=builder /opt/journey /opt/journey
RUN install -d -m 0711 -o 10001 -g 10001 /var/lib/journey
ENV JOURNEY_HOME=/var/lib/journey HOME=/nonexistent PYTHONDONTWRITEBYTECODE=1 \
    PATH=/opt/journey/.venv/bin:$PATH
USER 10001:10001
VOLUME /var/lib/journey
WORKDIR /var/lib/journey
# A run needs no network, and a first one ten minutes at most.
HEALTHCHECK --interval=5m --timeout=30s --start-period=15m \
    CMD ["journey", "status", "--json", "--maximum-hours", "26"]
# The process itself, no shell around it: SIGTERM ends a run as Ctrl-C does.
STOPSIGNAL SIGTERM
ENTRYPOINT ["journey"]
CMD ["nightly"]
