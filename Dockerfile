# One image for every process; docker-compose.yml says which does what.
FROM python:3.11.11-slim-bookworm AS build
WORKDIR /app
RUN python -m venv /venv
COPY requirements.lock ./
RUN /venv/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md settings.py ./
COPY wire wire
COPY storage storage
COPY worker worker
COPY scheduler scheduler
COPY desk desk
COPY service service
RUN /venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.11.11-slim-bookworm
RUN useradd --uid 10001 --create-home wirewatch && install -d -o wirewatch /data
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 WIREWATCH_DATA=/data
USER wirewatch
VOLUME /data
# Of `wirewatch run`, which an image runs by itself; docker-compose.yml has one for each of its services.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8470/livez', timeout=3)"]
ENTRYPOINT ["wirewatch"]
CMD ["run"]
