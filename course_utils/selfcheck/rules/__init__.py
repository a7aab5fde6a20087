"""What each check looks at, a module for each unit by its topic; students have them. See `engine.judging.rule`."""
