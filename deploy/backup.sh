#!/bin/sh
# Dump the database to BACKUP_TO every night at BACKUP_HOUR (UTC) and keep the newest BACKUPS_KEPT
# dumps. With the argument `now`, dump once and exit.
# PGHOST, PGDATABASE, PGUSER and PGPASSWORD select the database.
set -eu
to=${BACKUP_TO:-/backups}
keep=${BACKUPS_KEPT:-14}
hour=${BACKUP_HOUR:-1}

back_up() {
    name="$to/paperboy-$(date -u +%Y-%m-%dT%H%M%SZ).dump"
    # Rename to .dump only after the file is complete and readable, so every .dump can be restored.
    pg_dump --format=custom --no-owner --no-acl --lock-wait-timeout=60s --file="$name.part" &&
        pg_restore --list "$name.part" >/dev/null &&
        sync "$name.part" &&
        mv "$name.part" "$name" || { rm -f "$name.part"; echo "backup FAILED" >&2; return 1; }
    echo "backup: $name ($(wc -c <"$name") bytes)"
    # Delete the oldest dumps (names sort by time); leave other files alone.
    ls -1 "$to" | grep -E '^paperboy-[0-9TZ-]+\.dump$' | sort -r | tail -n "+$((keep + 1))" |
        while read -r old; do rm -f "$to/$old"; done
}

if [ "${1:-}" = now ]; then
    back_up
    exit
fi
trap 'exit 0' TERM INT
while true; do
    now=$(date -u +%s)
    next=$((now / 86400 * 86400 + hour * 3600))
    [ "$next" -gt "$now" ] || next=$((next + 86400))
    sleep $((next - now)) &
    wait $!
    back_up || { sleep 600 & wait $!; back_up || true; }
done
