"""Train: ``python -m surrogates.train`` is the same as ``surrogates train``."""

import sys

from surrogates.cli.main import main

if __name__ == "__main__":
    main(["train", *sys.argv[1:]])
