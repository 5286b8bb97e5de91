"""Runners: one compiled pipeline, run in this process, in forked steps or through kfp.local."""
