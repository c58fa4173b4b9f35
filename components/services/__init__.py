"""Processes that stay: kept up on this machine, and known to every other command here."""
