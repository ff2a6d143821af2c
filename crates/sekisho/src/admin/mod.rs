//! The handlers of the management API and the HTTP listeners that serve them.
