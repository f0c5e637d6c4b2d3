# The image for web, workers and beat. Build it with `docker build -t paperboy .`
FROM python:3.11.14-slim-bookworm AS packages
COPY requirements.txt /tmp/
# Leave out pip and the tests of the packages: a sixth of the installed size.
RUN python -m venv --without-pip /venv \
 && pip --python /venv/bin/python install --no-cache-dir --disable-pip-version-check --require-hashes -r /tmp/requirements.txt \
 && find /venv/lib -type d -name tests -prune -exec rm -rf {} +

FROM python:3.11.14-slim-bookworm
RUN useradd --uid 10001 --create-home --home-dir /data paperboy
COPY --from=packages /venv /venv
WORKDIR /app
COPY manage.py ./
COPY config config
COPY web web
COPY papers papers
COPY subscriptions subscriptions
COPY operations operations
COPY templates templates
COPY locale locale
COPY static static
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 DATA_DIR=/data
# collectstatic only needs complete settings, so the placeholders in check.env are enough.
RUN --mount=type=bind,source=deploy/check.env,target=/tmp/check.env \
    env $(cat /tmp/check.env) python manage.py collectstatic --noinput
USER paperboy
EXPOSE 8000
STOPSIGNAL SIGTERM
CMD ["gunicorn", "-c", "python:config.gunicorn", "config.wsgi"]
