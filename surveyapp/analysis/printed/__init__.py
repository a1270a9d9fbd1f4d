"""Printed percentages of other reports: are they possible, and how were they rounded."""
