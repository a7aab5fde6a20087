"""What was handed in becomes records: finding, intake, two passes in the sandbox, one log."""
