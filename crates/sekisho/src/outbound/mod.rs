//! Routes, connections to next hops and deliveries over them.
