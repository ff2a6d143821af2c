//! What holds of the ClientHello parser on any octets: asked by the fuzz target and by the tests.

use sekisho_tls::client_hello::{FirstFlight, MAX_LIST_ENTRIES, MAX_SERVER_NAME_LEN, parse};

/// # Panics
/// When the parser breaks its word on these octets.
pub(crate) fn check(octets: &[u8]) {
    let read = parse(octets);
    let is_whole = matches!(read, FirstFlight::Hello(_));
    if let Some(summary) = read.summary() {
        for list in [
            &summary.versions,
            &summary.suites,
            &summary.groups,
            &summary.signature_schemes,
        ] {
            assert!(list.len() <= MAX_LIST_ENTRIES, "a list has a bound");
        }
        // A character that replaces an octet takes three.
        let name_len = summary.server_name.as_deref().map_or(0, str::len);
        assert!(name_len <= 3 * MAX_SERVER_NAME_LEN, "a name has a bound");
    }
    // What comes behind a whole hello changes nothing.
    if is_whole {
        let longer = [octets, &[21, 3, 3, 0, 2, 2, 40]].concat();
        assert_eq!(parse(&longer), parse(octets), "a hello ends where it says");
    }
}
