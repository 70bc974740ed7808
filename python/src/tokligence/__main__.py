"""`python -m tokligence ARGS` is `tokligence ARGS`."""

from ._run import tokligence

tokligence()
