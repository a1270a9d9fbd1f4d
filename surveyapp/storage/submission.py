"""The one place that sees both sides: an invitation is used up and a sealed box appears, together."""

import sqlalchemy as sa

from surveyapp.problems import AlreadyReceived
from surveyapp.storage.people import draft_table, invitation_table
from surveyapp.storage.responses import tray_table

_USE_UP = (
    invitation_table.update()
    .where(invitation_table.c.code_hash == sa.bindparam("code"), invitation_table.c.state == "open")
    .values(state="done", completed_on=sa.bindparam("completed_on"))
)
_FORGET_DRAFT = draft_table.delete().where(draft_table.c.code_hash == sa.bindparam("code"))


def record(connection: sa.Connection, code_hash: bytes, wave: str, box_id: bytes, box: bytes, today: str) -> None:
    """Mark the invitation done (day only), put the box into the tray, forget the draft: inside one transaction.

    The two rows share nothing but the wave. Raises `AlreadyReceived` if the invitation was used before, so that
    clicks, retries and colleagues cannot make a second box.
    """
    used = connection.execute(_USE_UP, {"code": code_hash, "completed_on": today})
    if used.rowcount != 1:
        raise AlreadyReceived("the answers for this access code have been received")
    connection.execute(tray_table.insert(), {"id": box_id, "wave": wave, "box": box})
    connection.execute(_FORGET_DRAFT, {"code": code_hash})
