"""From a report to the bytes of a file. Nothing here counts or decides; what is hidden arrives hidden."""

import os

# The bytes of a workbook must not depend on which XML library happens to be installed beside openpyxl.
os.environ["OPENPYXL_LXML"] = "False"

from surveyapp.export.appendix import appendix
from surveyapp.export.charts import charts
from surveyapp.export.figures import figures
from surveyapp.export.manifest import manifest
from surveyapp.export.workbook import EDITIONS, workbook

__all__ = ["EDITIONS", "appendix", "charts", "figures", "manifest", "workbook"]
