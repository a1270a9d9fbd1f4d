"""Days as people read them; the frame has its own tests."""

from surveyapp.fieldwork import printed_day


def test_a_day_is_printed_as_people_read_it():
    assert printed_day("2012-01-09") == "9 January 2012"
