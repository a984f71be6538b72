"""Any table as numbers: what its columns are, and the way back."""
