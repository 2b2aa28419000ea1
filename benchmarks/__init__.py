"""Evidence: what checks our claims and our speed. It is in a checkout, not in the installed package."""
