"""From a report to the bytes of a file. Nothing here counts or decides; what is hidden arrives hidden.

Each kind of file is its own module, asked for by name: what one of them needs takes long to load.
"""

import os

# The bytes of a workbook must not depend on which XML library happens to be installed beside openpyxl.
os.environ["OPENPYXL_LXML"] = "False"
