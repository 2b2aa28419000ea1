"""Speed statements, measured: `surrogates bench NAME` runs `benchmarks/NAME.py`.

Each module has one function `run(quick: bool = False) -> list[Row]` that measures ours and the reference in
turn on the same machine (`benchmarks.rows`). A benchmark reports; it never fails a run or a test.
"""
