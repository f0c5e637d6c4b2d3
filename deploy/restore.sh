#!/bin/sh
# Restore a dump of backup.sh into an EMPTY database: restore.sh FILE
# PGHOST, PGDATABASE, PGUSER (paperboy_owner) and PGPASSWORD say where to. One transaction: all or
# nothing. Run deploy/roles.sql in the new database first: it makes the extensions and the rights.
set -eu
file=${1:?usage: restore.sh FILE}
tables=$(psql --no-psqlrc -XAtc "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
if [ "$tables" != 0 ]; then
    echo "The database $PGDATABASE holds $tables tables already; restore into an empty one." >&2
    exit 1
fi
# The extensions and the schema are there already and belong to a superuser.
list=$(mktemp)
trap 'rm -f "$list"' EXIT
pg_restore --list "$file" | grep -vE ' (EXTENSION|COMMENT - EXTENSION|SCHEMA) ' >"$list"
pg_restore --use-list="$list" --no-owner --no-acl --single-transaction --exit-on-error \
    --dbname="$PGDATABASE" "$file"
psql --no-psqlrc -XAtqc "ANALYZE"
echo "restored: $(psql --no-psqlrc -XAtc 'SELECT count(*) FROM subscriptions_subscriber') readers"
