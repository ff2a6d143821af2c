//! Questions to DNS, answered as [`sekisho_mail::Lookup`].
