//! What the runtime and the library leave to chance, and this crate's tests do not: the same simulation takes the same
//! way again.

/// Several at once, in the order of chance; in this crate's tests in the order in which they stand.
#[cfg(not(test))]
macro_rules! select {
    ($($branches:tt)*) => { tokio::select! { $($branches)* } };
}

#[cfg(test)]
macro_rules! select {
    ($($branches:tt)*) => { tokio::select! { biased; $($branches)* } };
}

pub(crate) use select;

/// A map that is gone through, in an order of chance; in this crate's tests always in the same.
#[cfg(not(test))]
pub(crate) type Map<K, V> = std::collections::HashMap<K, V>;

#[cfg(test)]
pub(crate) type Map<K, V> =
    std::collections::HashMap<K, V, std::hash::BuildHasherDefault<std::collections::hash_map::DefaultHasher>>;
