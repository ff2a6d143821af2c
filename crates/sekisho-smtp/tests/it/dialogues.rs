//! Plays every file in `dialogues/` on the machine. The same files are played on the real port elsewhere.

use std::{fs, path::Path};

use sekisho_testkit::dialogue::Dialogue;

use crate::partner::{Machine, settings};

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the dialogues are files; only the machine is pure"
)]
fn every_dialogue_goes_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("dialogues");
    let mut played = 0;
    let mut discords = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let dialogue = Dialogue::parse(&name, &fs::read_to_string(&path).unwrap()).unwrap();
        if let Err(discord) = dialogue.play(&mut Machine::new(settings())) {
            discords.push(discord.to_string());
        }
        played += 1;
    }
    assert!(discords.is_empty(), "{discords:#?}");
    assert!(played >= 10, "only {played} dialogues were found");
}
