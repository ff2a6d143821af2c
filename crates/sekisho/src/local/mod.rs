//! Local mailboxes: who they are, and Maildir.
