"""A client for the HTTP API of ``imagefinder serve``, with the names of ``ImageFinder``."""

from imagefinder.client.client import Client
from imagefinder.client.jobs import Job

__all__ = ["Client", "Job"]
