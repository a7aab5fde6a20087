"""How fast the course is, measured beside what it replaces and beside what the machine could do at best."""
