"""The Falcon resources. The guard has let a request pass before any of them is called."""
