"""The way to SDI and back: sending by PEC, what comes into the mailbox, and whom to believe."""
