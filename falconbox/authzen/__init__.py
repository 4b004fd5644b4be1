"""OpenID AuthZEN Authorization API 1.0: what other applications ask, and what they are answered."""
