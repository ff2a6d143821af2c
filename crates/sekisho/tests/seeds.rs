//! The fuzzer's seeds, and what it has found, replayed: what `fuzz/properties` says of a parser holds of each.

#![expect(clippy::unwrap_used, reason = "a test may fail wherever it stands, helpers included")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// The modules of `fuzz/properties` and the test that replays the seeds of each.
macro_rules! replayed {
    ($($name:ident: $path:literal),+ $(,)?) => {
        $(
            #[path = $path]
            mod $name;
        )+

        const REPLAYED: &[&str] = &[$(stringify!($name)),+];

        mod replay {
            $(
                #[test]
                fn $name() {
                    super::replay(stringify!($name), super::$name::check);
                }
            )+
        }
    };
}

replayed! {
    address: "../../../fuzz/properties/address.rs",
    certificate: "../../../fuzz/properties/certificate.rs",
    client_hello: "../../../fuzz/properties/client_hello.rs",
    client_session: "../../../fuzz/properties/client_session.rs",
    command: "../../../fuzz/properties/command.rs",
    configuration: "../../../fuzz/properties/configuration.rs",
    content: "../../../fuzz/properties/content.rs",
    document: "../../../fuzz/properties/document.rs",
    domain: "../../../fuzz/properties/domain.rs",
    header: "../../../fuzz/properties/header.rs",
    line: "../../../fuzz/properties/line.rs",
    notice: "../../../fuzz/properties/notice.rs",
    reply: "../../../fuzz/properties/reply.rs",
    request: "../../../fuzz/properties/request.rs",
    revocation: "../../../fuzz/properties/revocation.rs",
    server_session: "../../../fuzz/properties/server_session.rs",
    shown: "../../../fuzz/properties/shown.rs",
    units: "../../../fuzz/properties/units.rs",
    xtext: "../../../fuzz/properties/xtext.rs",
}

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

/// The properties hold of each seed.
fn replay(name: &str, check: fn(&[u8])) {
    let folder = fuzz().join("seeds").join(name);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut seeds = 0;
    for entry in entries {
        let path = entry.unwrap().path();
        let octets = fs::read(&path).unwrap();
        assert!(octets.len() <= 64 * 1024, "{}: a seed is small", path.display());
        check(&octets);
        seeds += 1;
    }
    assert!(seeds >= 3, "{}: the seeds are there", folder.display());
}

#[test]
fn every_target_is_replayed_and_built() {
    let names = |folder: &str| -> BTreeSet<String> {
        let entries = fs::read_dir(fuzz().join(folder)).unwrap();
        entries
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
            .collect()
    };
    let replayed: BTreeSet<String> = REPLAYED.iter().map(|name| (*name).to_owned()).collect();
    for folder in ["targets", "properties", "seeds"] {
        assert_eq!(names(folder), replayed, "{folder}");
    }
    let manifest: toml::Table = fs::read_to_string(fuzz().join("Cargo.toml")).unwrap().parse().unwrap();
    let built = manifest["bin"].as_array().unwrap();
    let built: BTreeSet<String> = built
        .iter()
        .map(|bin| bin["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(built, replayed, "the binaries of fuzz/Cargo.toml");
}
