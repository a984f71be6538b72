"""Tables in parts: a bounded summary of rows that merges with others."""
