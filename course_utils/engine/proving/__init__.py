"""Notebooks whose marks are known, right, wrong, lazy and hostile ones, and the test that each gets them."""
