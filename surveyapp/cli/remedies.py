"""What to do about a refusal, in the words of the terminal: which command or option does what a remedy names.

What is below the entry points knows no command: its remedies say what is to be done, and pages show them as they
are. Here the command is added to them.
"""

COMMANDS = {
    "publish it first": "surveyapp instrument publish FILE",
    "let it go on first": "surveyapp wave resume WAVE",
    "give it a later last day": "surveyapp wave settings WAVE --closes DAY",
    "close it first": "surveyapp wave close WAVE",
    "open the tray first": "surveyapp tray open WAVE",
    "Open the tray once more": "surveyapp tray open WAVE",
    "send the invitations first": "surveyapp invite WAVE",
    "look at the list of letters": "surveyapp letters list WAVE",
    "send it a new code": "surveyapp letters code WAVE UNIT",
    "need an address of the site and a sender": "--address and --sender",
    "give more days, or send it now": "--now",
    "take the note back": "surveyapp wave mark WAVE UNIT none",
    "erase its contact by itself": "surveyapp frame remove WAVE UNIT",
    "load them once more": "--again",
    "let incomplete returns in": "--partial",
    "load the file without a column of units": "without --unit-column",
    "make the settling sheet anew": "surveyapp coding settle WAVE CODEFRAME --out FILE",
    "put a codeframe on it first": "surveyapp coding codeframe WAVE FILE",
    "load it as a coding sheet": "surveyapp coding load WAVE FILE",
    "load it as a settling sheet": "surveyapp coding settle WAVE CODEFRAME --load FILE",
    "load it as a quoting sheet": "surveyapp coding quotations WAVE CODEFRAME --load FILE",
    "merge values in bands": "--leave-out VARIABLE, --band VARIABLE=code+code",
    "or give it bands such as": "--leave-out VARIABLE, --band VARIABLE=bound,bound",
    "engines count closed waves; use none": "leave --engine out",
    "say that the earlier file went to nobody": "--beside-earlier",
}
"""The command or option for each remedy, by the words that it is told in."""


def at_the_terminal(said: str) -> str:
    """A refusal with the command that mends it, where one does."""
    for words, command in COMMANDS.items():
        if words in said:
            before, _, after = said.partition(words)
            return f"{before}{words} ({command}){after}"
    return said
