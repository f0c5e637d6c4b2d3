#!/usr/bin/env python
"""Paperboy's command line: `manage.py help` lists the commands."""

import os
import sys

# Commands that need neither database nor broker do not start them.
WITHOUT_SERVICES = {"check", "compilemessages", "evaluate", "help", "makemessages", "services"}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.core.management import execute_from_command_line

    if len(sys.argv) > 1 and sys.argv[1] not in WITHOUT_SERVICES:
        from config import services

        services.start_embedded()
    try:
        execute_from_command_line(sys.argv)
    except Exception as error:
        from web.outages import describe_failure

        line = "" if "--traceback" in sys.argv else describe_failure(error)
        if not line:
            raise
        sys.exit(line)


if __name__ == "__main__":
    main()
