#!/bin/sh
# Restore a dump made by backup.sh into an EMPTY database: restore.sh FILE
# Run deploy/roles.sql in the new database first; it creates the extensions and privileges.
# PGHOST, PGDATABASE, PGUSER (paperboy_owner) and PGPASSWORD select the database. The restore is a
# single transaction.
set -eu
file=${1:?usage: restore.sh FILE}
tables=$(psql --no-psqlrc -XAtc "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
if [ "$tables" != 0 ]; then
    echo "The database $PGDATABASE already has $tables tables. Restore into an empty database." >&2
    exit 1
fi
# Skip the extensions and the schema: they already exist and belong to a superuser.
list=$(mktemp)
trap 'rm -f "$list"' EXIT
pg_restore --list "$file" | grep -vE ' (EXTENSION|COMMENT - EXTENSION|SCHEMA) ' >"$list"
pg_restore --use-list="$list" --no-owner --no-acl --single-transaction --exit-on-error \
    --dbname="$PGDATABASE" "$file"
psql --no-psqlrc -XAtqc "ANALYZE"
echo "restored: $(psql --no-psqlrc -XAtc 'SELECT count(*) FROM subscriptions_subscriber') readers"
