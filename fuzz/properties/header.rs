//! What holds of the header scan on any content, however it is cut, held against a reader of whole lines: how often it
//! counts a hop, and which Message-ID it notes.

use sekisho::inbound::{HeaderScan, MAX_MESSAGE_ID_OCTETS};

/// # Panics
/// When the scan breaks its word on these octets.
pub(crate) fn check(octets: &[u8]) {
    let Some((step, content)) = octets.split_first() else {
        return;
    };
    // The session hands on nothing but CRLF for a line end.
    let bare = |pair: &[u8]| (pair[0] == b'\r') != (pair[1] == b'\n');
    let open = content.first() == Some(&b'\n') || content.last() == Some(&b'\r');
    if open || content.windows(2).any(bare) {
        return;
    }
    let scan = |step: usize| {
        let mut scan = HeaderScan::default();
        content.chunks(step).for_each(|piece| scan.see(piece));
        (scan.hops(), scan.message_id())
    };
    let found = scan(content.len().max(1));
    assert_eq!(
        scan(usize::from(*step).max(1)),
        found,
        "by {step}: {}",
        content.escape_ascii()
    );
    assert_eq!(found, reference(content), "{}", content.escape_ascii());
}

fn reference(content: &[u8]) -> (u32, Option<String>) {
    let (mut hops, mut message_id, mut in_message_id) = (0, None::<Vec<u8>>, false);
    let mut rest = content;
    while !rest.is_empty() {
        let end = rest.windows(2).position(|pair| pair == b"\r\n");
        let (line, behind) = end.map_or((rest, &rest[rest.len()..]), |end| (&rest[..end], &rest[end + 2..]));
        rest = behind;
        let colon = line.iter().position(|octet| *octet == b':');
        let mut value = None;
        if line.starts_with(b" ") || line.starts_with(b"\t") {
            value = in_message_id.then_some(line);
        } else {
            // A name that is too long to matter is a name whatever comes behind it.
            let Some(colon) = colon
                .or((line.len() > 10).then_some(line.len()))
                .filter(|colon| *colon > 0)
            else {
                break;
            };
            let name = line[..colon.min(11)].trim_ascii_end().to_ascii_lowercase();
            let is_name = |wanted: &[u8]| colon <= 11 && name == wanted;
            hops += u32::from(is_name(b"received"));
            in_message_id = is_name(b"message-id") && message_id.is_none();
            if in_message_id {
                message_id = Some(Vec::new());
                value = line.get(colon + 1..);
            }
        }
        if let (Some(kept), Some(value)) = (&mut message_id, value) {
            kept.extend_from_slice(value);
            kept.truncate(MAX_MESSAGE_ID_OCTETS);
        }
    }
    let text = message_id.map(|kept| String::from_utf8_lossy(&kept).trim().to_owned());
    (hops, text.filter(|text| !text.is_empty()))
}
