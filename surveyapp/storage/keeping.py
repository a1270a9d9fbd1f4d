"""What is erased of the people side when a wave has been closed for long enough. Answers are not touched."""

import sqlalchemy as sa

from surveyapp import privacy
from surveyapp.storage.letters import letter_table
from surveyapp.storage.people import drop_drafts, invitation_table, organisation_table

ERASED = "erased"
"""Stands where an e-mail address stood: that there was one is part of the response rate."""


def forget_contacts(connection: sa.Connection, wave: str) -> int:
    """Erase e-mail addresses and contact persons of a wave's organisations; how many organisations had some."""
    table = organisation_table.c
    has_some = table.email.not_in(["", ERASED]) | (table.contact != "")
    email = sa.case((table.email == "", ""), else_=ERASED)
    statement = organisation_table.update().where(table.wave == wave, has_some).values(email=email, contact="")
    return connection.execute(statement).rowcount


def forget_codes(connection: sa.Connection, wave: str) -> int:
    """Erase the drafts of a wave and put chance in place of the hashes of its codes; how many codes there were.

    That an invitation was sent and used stays known. The letters' codes are strange to the site afterwards.
    """
    drop_drafts(connection, wave)
    query = sa.select(invitation_table.c.code_hash).where(invitation_table.c.wave == wave)
    codes = list(connection.scalars(query))
    fresh = [{"code": code, "hash": privacy.new_secret(), "nothing": privacy.new_id()} for code in codes]
    if fresh:
        statement = invitation_table.update().where(invitation_table.c.code_hash == sa.bindparam("code"))
        changed = statement.values(code_hash=sa.bindparam("hash"), salt=sa.bindparam("nothing"))
        connection.execute(changed, fresh)
    return len(codes)


def forget_letters(connection: sa.Connection, wave: str) -> int:
    """Erase the record of a wave's letters; how many there were."""
    return connection.execute(letter_table.delete().where(letter_table.c.wave == wave)).rowcount
