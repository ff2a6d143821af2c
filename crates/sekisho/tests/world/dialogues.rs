//! The dialogues of the SMTP crate once more, on the real port.

use std::{fs, path::Path};

use sekisho_testkit::{
    dialogue::{Dialogue, RealPort},
    enclosure::enclosed,
    node::SMTP,
};

use crate::node;

/// As the dialogues expect it: every mailbox of `local.example` exists, nobody relays.
const CONFIGURATION: &str = "\
[node]
hostname = \"mx.local.example\"
[local]
domains = [\"local.example\"]
users = [\"u\"]
catch-all = \"u\"
[[listener]]
name = \"default\"
address = \"127.0.0.1:2525\"
relay-from = []
";

#[test]
fn every_dialogue_goes_as_written_on_the_real_port() {
    enclosed(|| {
        let _node = node(CONFIGURATION);
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sekisho-smtp/dialogues");
        let mut discords = Vec::new();
        let mut played = 0;
        for entry in fs::read_dir(folder).expect("the dialogues are there") {
            let path = entry.expect("a folder can be read").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let text = fs::read_to_string(&path).expect("a dialogue can be read");
            let dialogue = Dialogue::parse(&name, &text).unwrap_or_else(|discord| panic!("{discord}"));
            let mut port = RealPort::connect(SMTP).expect("the server listens");
            discords.extend(dialogue.play(&mut port).err().map(|discord| discord.to_string()));
            played += 1;
        }
        assert!(discords.is_empty(), "{discords:#?}");
        assert!(played >= 10, "only {played} dialogues were found");
    });
}
