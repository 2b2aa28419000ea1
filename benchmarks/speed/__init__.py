"""Speed statements, measured: `surrogates bench NAME` runs `benchmarks/speed/NAME.py`.

Each benchmark is a module with one function `run(quick: bool = False) -> list[Row]` that measures ours and
the reference in turn on the same machine (`benchmarks.speed.rows`). `quick` takes few repeats and small
cases, a few seconds in all. A benchmark reports; it never fails a run or a test.
"""
