"""surveyapp: questionnaires of a whole sector, answered anonymously, reported with honest tables."""

__version__ = "0.1.0"
