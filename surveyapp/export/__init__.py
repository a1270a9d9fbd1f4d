"""From a report to the bytes of a file. Nothing here counts or decides; what is hidden arrives hidden."""

from surveyapp.export.figures import figures
from surveyapp.export.workbook import workbook

__all__ = ["figures", "workbook"]
