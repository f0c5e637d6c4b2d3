"""File permissions for servers that run under another account because we are root."""

from __future__ import annotations

import logging
import os
import pwd
import stat
from pathlib import Path

logger = logging.getLogger(__name__)


def server_account(folder: Path) -> pwd.struct_passwd | None:
    """Return the account for a server with its files in `folder`, or None for our own.

    PostgreSQL refuses to run as root. If we are root, use the owner of the closest existing
    folder (for a user's checkout under sudo), or `nobody` if root owns that too.
    """
    if os.geteuid() != 0:
        return None
    accounts = {account.pw_uid: account for account in pwd.getpwall() if account.pw_uid != 0}
    owners = (path.stat().st_uid for path in (folder, *folder.parents) if path.exists())
    return next((accounts[uid] for uid in owners if uid in accounts), pwd.getpwnam("nobody"))


def make_private(path: Path, account: pwd.struct_passwd | None) -> None:
    """Create a directory that only the server's account can enter.

    Raise PermissionError if it exists and belongs to another account.
    """
    path.mkdir(mode=0o700, exist_ok=True)
    status = path.lstat()
    owner = account.pw_uid if account else os.geteuid()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid not in (owner, os.geteuid()):
        raise PermissionError(f"{path} belongs to another account")
    if account:
        os.chown(path, account.pw_uid, account.pw_gid)
    path.chmod(0o700)


def allow_traversal(path: Path, uid: int) -> None:
    """As root, let an account pass through the directories above `path` without listing them.

    Some directories of root are closed to other accounts, for example /root and those of mktemp.
    """
    for folder in path.parents:
        status = folder.stat()
        if status.st_uid != uid and not status.st_mode & stat.S_IXOTH:
            folder.chmod(status.st_mode | stat.S_IXOTH)
            logger.warning("%s: made accessible to other accounts (chmod o+x)", folder)


def allow_reading(folder: Path) -> None:
    """As root, let others read the files of a package if the umask of pip prevented it."""
    readable = stat.S_IROTH | stat.S_IXOTH
    if folder.stat().st_mode & readable == readable:
        return
    for path in (folder, *folder.rglob("*")):
        mode = path.stat().st_mode
        path.chmod(mode | stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0))
