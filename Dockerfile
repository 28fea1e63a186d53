# The HTTP API: docker build -t tagger . && docker run --read-only -p 127.0.0.1:8000:8000 tagger
# Several workers share their counts in files: add --tmpfs /tmp, and --workers N after the image.
FROM python:3.12-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY tagger tagger
COPY models/claims-en models/claims-en
COPY models/claims-en-reader models/claims-en-reader
RUN python -m venv /opt/tagger
RUN /opt/tagger/bin/pip install --no-cache-dir --disable-pip-version-check ".[serve,encoder]"

FROM python:3.12-slim
COPY --from=build /opt/tagger /opt/tagger
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 65532:65532
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["/opt/tagger/bin/python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health', timeout=4)"]
ENTRYPOINT ["/opt/tagger/bin/tagger", "serve", "--host", "0.0.0.0"]
CMD ["--port", "8000"]
