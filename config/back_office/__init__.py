"""The back office as a site: its pages, its overview, its words."""
