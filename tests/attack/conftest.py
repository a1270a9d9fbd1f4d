"""The two sites, as those who look after them furnish them."""

from tests.staff.conftest import office as office
from tests.web.conftest import make_site as make_site
from tests.web.conftest import site as site
