"""falconbox: access control as data, judged by pluggable engines.

What stands here is what a plugin may import. Importing it pulls in neither falcon nor pymongo.
"""

from falconbox.engine import ALL, NO_FACETS, All, CompileBranch, Engine, Evaluator, Facets
from falconbox.errors import FalconboxError, PolicyInvalid, Problem, Undetermined
from falconbox.hookspecs import hookimpl
from falconbox.model import AccessPolicy, Document, Reason, Verdict

__version__ = "0.1.0"

__all__ = [
    "ALL",
    "NO_FACETS",
    "AccessPolicy",
    "All",
    "CompileBranch",
    "Document",
    "Engine",
    "Evaluator",
    "Facets",
    "FalconboxError",
    "PolicyInvalid",
    "Problem",
    "Reason",
    "Undetermined",
    "Verdict",
    "__version__",
    "hookimpl",
]
