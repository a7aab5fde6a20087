"""From what a school's system sends to `submitted/`: `sources` read, `layouts` know names, `attempts` keep."""
