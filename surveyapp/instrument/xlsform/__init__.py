"""From an XLSForm, the spreadsheet of KoBo and ODK, to a questionnaire; what does not fit is named."""

from surveyapp.instrument.xlsform.form import Imported, import_xlsform
from surveyapp.instrument.xlsform.sheets import SHEETS

__all__ = ["SHEETS", "Imported", "import_xlsform"]
