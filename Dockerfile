# One image for web, workers and beat. Build: docker build -t paperboy .
FROM python:3.11.14-slim-bookworm AS packages
COPY requirements.txt /tmp/
RUN python -m venv /venv \
 && /venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r /tmp/requirements.txt

FROM python:3.11.14-slim-bookworm
RUN useradd --system --uid 10001 --create-home --home-dir /data paperboy
COPY --from=packages /venv /venv
WORKDIR /app
COPY manage.py ./
COPY config config
COPY papers papers
COPY subscriptions subscriptions
COPY operations operations
COPY templates templates
COPY locale locale
COPY static static
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 DATA_DIR=/data
# Static files are gathered while building; the settings only need to be complete, not true.
RUN --mount=type=bind,source=deploy/check.env,target=/tmp/check.env \
    env $(cat /tmp/check.env) python manage.py collectstatic --noinput
USER paperboy
EXPOSE 8000
STOPSIGNAL SIGTERM
CMD ["gunicorn", "-c", "python:config.gunicorn", "config.wsgi"]
