"""The commands: compose, start, resume, evaluate, sweep, combine."""
