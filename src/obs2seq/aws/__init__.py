"""Clients of AWS, and what AWS refuses in words that say what to do."""
