"""May they? Policies compiled and indexed, the decision point, and the why."""
