"""Background jobs of the installation: each runs in one instance at a time."""

from server.jobs.lease import Lease, LeaseLost
from server.jobs.purge import JOBS
from server.jobs.runner import Job, Jobs

__all__ = ["JOBS", "Job", "Jobs", "Lease", "LeaseLost"]
