"""What is commanded: compose, start, resume, evaluate, sweep, combine."""
