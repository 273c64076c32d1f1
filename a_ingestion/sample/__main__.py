"""Write the invented conversations: twcs.csv and, for its first 2,000 openers, gold.csv.

python -m a_ingestion.sample --rows 20000 --seed 7 --out data/sample
"""

import argparse
import logging
import time
from pathlib import Path

from a_ingestion.sample import write_sample
from common.log import configure_logging

logger = logging.getLogger("a_ingestion.sample")


def main() -> None:
    """Read the options, write the two files, say how fast."""
    parser = argparse.ArgumentParser(prog="python -m a_ingestion.sample", description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000, help="records, broken ones included")
    parser.add_argument("--seed", type=int, default=7, help="the same seed gives the same files")
    parser.add_argument("--out", type=Path, required=True, help="folder for the two files")
    options = parser.parse_args()
    if options.rows < 1:
        parser.error(f"--rows must be at least 1, not {options.rows}")
    configure_logging()
    started = time.monotonic()
    write_sample(options.out, rows=options.rows, seed=options.seed)
    seconds = time.monotonic() - started
    logger.info("%s: %s rows in %.1f s", options.out, f"{options.rows:,}", seconds)


if __name__ == "__main__":
    main()
