//! Listeners, connections and the receiving of messages.
