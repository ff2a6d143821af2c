//! What holds of certificates, keys and trust anchors on any octets: a fault that names the file, or facts within
//! bounds. The first octet says whether the rest is a PEM file or a certificate in DER.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf, sync::OnceLock};

use sekisho_mail::{Domain, Timestamp};
use sekisho_tls::{AnchorSet, Identity, IdentityFiles, ensure_self_signed_pair};

/// # Panics
/// When what was read is not within its bounds.
pub(crate) fn check(octets: &[u8]) {
    let Some((choice, rest)) = octets.split_first() else {
        return;
    };
    let place = place();
    let pem = if choice & 1 == 0 { rest.to_vec() } else { pem(rest) };
    fs::write(&place.given, pem).expect("a file");
    let given = || place.given.clone();
    let pairs = [
        (given(), place.own.key.clone()),
        (given(), given()),
        (place.own.chain.clone(), given()),
    ];
    for (chain, key) in pairs {
        match Identity::load(&IdentityFiles { chain, key }) {
            Ok(identity) => {
                assert!(!identity.chain().is_empty());
                for facts in identity.chain() {
                    assert!(facts.subject.len() <= 1024 && facts.issuer.len() <= 1024 && facts.dns_names.len() <= 128);
                }
            }
            Err(error) => assert!(error.to_string().contains(&*place.folder.to_string_lossy()), "{error}"),
        }
    }
    if let Err(error) = AnchorSet::load(&place.given) {
        assert!(error.to_string().contains(&*place.given.to_string_lossy()), "{error}");
    }
}

struct Files {
    folder: PathBuf,
    given: PathBuf,
    own: IdentityFiles,
    _held: tempfile::TempDir,
}

/// A pair of our own, and where the octets go.
fn place() -> &'static Files {
    static FILES: OnceLock<Files> = OnceLock::new();
    FILES.get_or_init(|| {
        let memory = PathBuf::from("/dev/shm");
        let held = tempfile::tempdir_in(if memory.is_dir() { memory } else { std::env::temp_dir() }).expect("a folder");
        let (folder, hostname) = (held.path().to_owned(), Domain::parse("mx.example").expect("a name"));
        let mut pairs =
            ensure_self_signed_pair(&folder, &hostname, Timestamp::from_secs(1_700_000_000)).expect("a pair");
        let given = folder.join("given.pem");
        fs::write(&given, b"").expect("a file");
        fs::set_permissions(&given, fs::Permissions::from_mode(0o600)).expect("our file");
        Files {
            folder,
            given,
            own: pairs.remove(0),
            _held: held,
        }
    })
}

/// The octets as a certificate in PEM (RFC 7468).
fn pem(der: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = b"-----BEGIN CERTIFICATE-----\n".to_vec();
    for (place, three) in der.chunks(3).enumerate() {
        let number = (0..3).fold(0, |number, place| {
            number << 8 | usize::from(*three.get(place).unwrap_or(&0))
        });
        for digit in 0..4 {
            let octet = DIGITS[number >> (18 - 6 * digit) & 63];
            text.push(if digit <= three.len() { octet } else { b'=' });
        }
        if place % 16 == 15 {
            text.push(b'\n');
        }
    }
    text.extend_from_slice(b"\n-----END CERTIFICATE-----\n");
    text
}
