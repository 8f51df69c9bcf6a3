"""The parts of tests/vm/run."""
