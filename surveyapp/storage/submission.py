"""The one place that sees both sides: an invitation is used up and a sealed box appears, together."""

import sqlalchemy as sa

from surveyapp.problems import AlreadyReceived
from surveyapp.storage.people import draft_table, invitation_table
from surveyapp.storage.responses import tray_table


def record(connection: sa.Connection, code_hash: bytes, wave: str, box_id: bytes, box: bytes, today: str) -> None:
    """Mark the invitation done (day only), put the box into the tray, forget the draft: inside one transaction.

    The two rows share nothing but the wave. Raises `AlreadyReceived` if the invitation was used before, so that
    clicks, retries and colleagues cannot make a second box.
    """
    used = connection.execute(
        invitation_table.update()
        .where(invitation_table.c.code_hash == code_hash, invitation_table.c.state == "open")
        .values(state="done", completed_on=today)
    )
    if used.rowcount != 1:
        raise AlreadyReceived("the answers for this access code have been received")
    connection.execute(tray_table.insert().values(id=box_id, wave=wave, box=box))
    connection.execute(draft_table.delete().where(draft_table.c.code_hash == code_hash))
