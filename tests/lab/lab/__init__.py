"""A pair of distributors in network namespaces, with real clients and amphorae: see lab/lab.py and docs/lab.md."""
