"""Bodies that cool by Newton's law: a domain of a third party."""
