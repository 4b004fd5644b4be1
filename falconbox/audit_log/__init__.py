"""Write down what changes who may do what: the decision log's sibling (docs/reference/audit-log.md).

`AuditTrail.change` is what every change of a client, policy, session or key is wrapped in, by whomever it is made.
"""

from falconbox.audit_log.actor import Actor, by_caller, by_command, by_directory, by_itself
from falconbox.audit_log.change import Change, Code
from falconbox.audit_log.log import AuditLog
from falconbox.audit_log.trail import AuditTrail

__all__ = ["Actor", "AuditLog", "AuditTrail", "Change", "Code", "by_caller", "by_command", "by_directory", "by_itself"]
