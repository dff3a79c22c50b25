"""Pictures of results: draws what others have computed."""

from imagefinder.plots.choose_k import plot_choice, plot_choose_k
from imagefinder.plots.sheets import SHEET_THUMB, contact_sheet, picture_of, picture_sheet, search_sheet

__all__ = [
    "SHEET_THUMB",
    "contact_sheet",
    "picture_of",
    "picture_sheet",
    "plot_choice",
    "plot_choose_k",
    "search_sheet",
]
