"""Policy directories: files kept in git, brought into the store as one managed set."""

from falconbox.sync.apply import Secrets, SyncResult, sync_directory
from falconbox.sync.checking import CheckReport, check_directory
from falconbox.sync.directory import read_directory
from falconbox.sync.watch import LOOK_INTERVAL, PolicyDirectory

__all__ = [
    "LOOK_INTERVAL",
    "CheckReport",
    "PolicyDirectory",
    "Secrets",
    "SyncResult",
    "check_directory",
    "read_directory",
    "sync_directory",
]
