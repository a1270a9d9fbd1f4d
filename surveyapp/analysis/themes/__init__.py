"""Open answers: codeframes, coding and its agreement, tables of themes."""
