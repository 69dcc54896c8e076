"""Form fields of the assistant's back office."""

from unfold.widgets import UnfoldAdminFileFieldWidget


class ManyFilesWidget(UnfoldAdminFileFieldWidget):
    allow_multiple_selected = True
