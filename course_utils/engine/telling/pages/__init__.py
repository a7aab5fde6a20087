"""Pages that people read after grading: one for each student and unit, one for the class.

Notable choices:
- a page is one HTML file without picture or font from elsewhere; a content security policy in its head forbids them as
  well. A student's page has no script; the class page has the one that sorts and filters its tables, says so, and its
  policy knows that script by its hash and no other;
- only named fields of a record reach a page, so that a field added to the log later can never be published by accident;
- everything that a student wrote is escaped by the template and first made harmless to the eye: control characters
  that reorder or hide text are shown by their number, huge lines and files are cut, with a note that says so;
- a state is told by a symbol and a word as well as by its colour;
- every word stands once, in both languages, in `templates/strings.yml`.
"""
