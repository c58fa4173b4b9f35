"""One command a claim. Each prints what was measured, beside a named peer in the same run where it is about speed."""
