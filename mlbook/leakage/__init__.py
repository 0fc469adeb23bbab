"""An audit for leakage: what a training table and its split must not know, looked for in five ways."""

from mlbook.leakage.audit import audit
from mlbook.leakage.suspicion import Suspicion

__all__ = ["Suspicion", "audit"]
