#!/bin/sh
# The PostgreSQL image runs this script when it initialises a new volume.
set -eu
psql --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" --no-psqlrc \
    -v owner_password="$OWNER_PASSWORD" -v app_password="$APP_PASSWORD" -f /paperboy/roles.sql
