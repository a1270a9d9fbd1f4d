"""Which passwords staff may choose: long ones that are not the first to be tried, and nothing else is asked."""

from surveyapp.privacy import LONGEST_PASSWORD, SHORTEST_PASSWORD
from surveyapp.problems import Problem

_COMMON = """
    123456789012 1234567890123 12345678901234 123456789123 123123123123 123456123456 111111111111 000000000000
    987654321987 098765432109 112233445566 121212121212 147258369147 qwertyuiop12 qwertyuiop123 qwertyuiopas
    qwertyuiopasdf qwertyuiopasdfghjkl qwertyuiop[] qwerty123456 qwertyqwerty qwerty12345678 1q2w3e4r5t6y
    1q2w3e4r5t6y7u 1qaz2wsx3edc 1qaz2wsx3edc4rfv 1qazxsw23edc zaq12wsxcde3 qazwsxedcrfv qazwsx123456 q1w2e3r4t5y6
    asdfghjkl123 asdfghjklzxcvbnm zxcvbnm12345 zxcvbnmasdfg abcdefghijkl abcdefghijklmnop abcd12345678 abc123456789
    abcdef123456 a1b2c3d4e5f6 a12345678901 aaaaaaaaaaaa passwordpassword password1234 password12345 password123456
    password1234567 password12345678 password123! password1234! password2023 password2024 password2025 password2026
    passw0rd1234 passw0rd12345 p@ssw0rd1234 p@ssword1234 p@ssw0rd123! pa$$word1234 mypassword12 mypassword123
    mypassword1234 newpassword1 newpassword123 thisismypassword changeme1234 changeme12345 changemenow1
    changemeplease letmein12345 letmein123456 letmeinletmein letmeinplease
    welcome12345 welcome123456 welcome123!! welcomewelcome
    welcomeback1 iloveyou1234 iloveyou12345 iloveyou123456 iloveyouiloveyou iloveyouforever administrator
    administrator1 administrator123 admin1234567 admin12345678 adminadminadmin adminpassword administration
    superman1234 batman123456 football1234 liverpool123 liverpool1234 manchester12 manchester123 manchesterunited
    arsenal12345 chelsea12345 tottenham123 everton12345 monkey123456 dragon123456 sunshine1234 princess1234
    princess12345 charlie12345 michael12345 jordan123456 jennifer1234 ashley123456 trustno1trustno1 starwars1234
    pokemon12345 minecraft123 computer1234 internet1234 samsung12345 london123456 london2012!! england12345
    unitedkingdom summer123456 winter123456 autumn123456 spring123456 summer2025!! summer2026!! monday123456
    november1234 december1234 september123 january12345 february1234 correcthorsebatterystaple correcthorse1
    secretsecret secret123456 topsecret123 testtesttest test12345678 testpassword testing12345 temporary123
    defaultpassword default12345 guest1234567 login1234567 access123456 master123456 qweasdzxc123 qweasdzxcrty
    government12 surveysurvey survey123456 questionnaire questionnaires researcher12 department12
"""
COMMON = frozenset(_COMMON.split())
"""The commonest passwords of that length in published lists, and what people here would think of first."""


def password_faults(password: str, email: str, name: str) -> list[Problem]:
    """What is wrong with a new password of an account."""
    if len(password) < SHORTEST_PASSWORD:
        what = f"the password has fewer than {SHORTEST_PASSWORD} characters"
        return [Problem("password", what, "take three words that do not belong together")]
    if len(password) > LONGEST_PASSWORD:
        what = f"the password has more than {LONGEST_PASSWORD} characters"
        return [Problem("password", what, "take a shorter one")]
    if password.lower() in COMMON or len(set(password)) < 3:
        what = "the password is one of those that are tried first"
        return [Problem("password", what, "take three words that do not belong together")]
    if _bare(password) in _own(email, name):
        what = "the password is made of your own address or name"
        return [Problem("password", what, "take something that nobody knows of you")]
    return []


def _own(email: str, name: str) -> set[str]:
    """The account's address and name as people write them, and each of them twice or with a few digits."""
    user, _, domain = email.partition("@")
    plain = {_bare(part) for part in (email, user, domain, name, name + user) if _bare(part)}
    return plain | {part + part for part in plain}


def _bare(text: str) -> str:
    """Letters alone, small; digits and signs at the end of one's own name are no secret."""
    return "".join(c for c in text.lower() if c.isalpha())
