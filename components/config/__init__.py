"""One typed tree of settings. Knows where each value came from; knows nothing of what it is used for."""

from components.config.loading import load
from components.config.settings import Settings

__all__ = ["Settings", "load"]
