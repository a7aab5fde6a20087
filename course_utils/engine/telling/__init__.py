"""Records become pages, marks in a gradebook and files for a school's system; marks by hand come back."""
