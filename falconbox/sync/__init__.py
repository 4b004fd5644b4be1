"""Policy directories: files kept in git, brought into the store as one managed set."""

from falconbox.sync.apply import Secrets, SyncResult, sync_directory
from falconbox.sync.checking import CheckReport, check_directory
from falconbox.sync.directory import read_directory

__all__ = ["CheckReport", "Secrets", "SyncResult", "check_directory", "read_directory", "sync_directory"]
