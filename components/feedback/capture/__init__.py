"""The capture service: takes in what users say and do, and keeps it. Knows nothing of what becomes of it."""
