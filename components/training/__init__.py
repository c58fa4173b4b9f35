"""Learning from preferences: objectives, the job that runs one, reward models, launching on one or many devices."""
