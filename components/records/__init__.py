"""The words of heed as types: records, messages, the handles that steps pass on, and the error a person reads."""
