"""When things happen: Prefect flows that hand one component's result to the next, and the command line."""
