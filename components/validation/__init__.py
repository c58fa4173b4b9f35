"""Trusting the data: contracts that every record keeps, and a quarantine for what does not. Changes no record."""
