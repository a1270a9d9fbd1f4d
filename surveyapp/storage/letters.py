"""Letters that wait to be sent and those that were: the people side, never an answer.

A letter that waits may hold an access code, sealed under the server's key; it is erased when the letter is done.
"""

import sqlalchemy as sa

from surveyapp.storage.database import NOTHING, Day, metadata

letter_table = sa.Table(
    "letter",
    metadata,
    sa.Column("id", sa.LargeBinary, primary_key=True),
    sa.Column("wave", sa.Text, sa.ForeignKey("wave.name"), nullable=False),
    sa.Column("organisation", sa.LargeBinary, sa.ForeignKey("organisation.id"), nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("code", sa.LargeBinary),
    sa.Column("due_on", Day, nullable=False),
    sa.Column("done_on", Day),
    sa.Column("note", sa.Text, nullable=False, server_default=NOTHING),
    sa.UniqueConstraint("organisation", "kind", "due_on"),
    sa.CheckConstraint("kind IN ('invitation', 'reminder', 'code')", name="letter_kind"),
    sa.CheckConstraint("state IN ('due', 'trying', 'sent', 'failed', 'unknown')", name="letter_state"),
    sqlite_strict=True,
)
