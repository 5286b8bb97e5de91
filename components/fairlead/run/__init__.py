"""Runners: one compiled pipeline, run in this process, in forked steps, through kfp.local or in containers."""
