"""The long-running shell around the schedules: when to evaluate, how to end, what to tell."""
