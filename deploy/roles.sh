#!/bin/sh
# Run by the PostgreSQL image when its volume is new.
set -eu
psql --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" --no-psqlrc \
    -v owner_password="$OWNER_PASSWORD" -v app_password="$APP_PASSWORD" -f /paperboy/roles.sql
