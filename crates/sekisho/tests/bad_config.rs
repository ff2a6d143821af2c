//! Bad configurations are refused whole, with every fault named: file, line, key, remedy (law 9). One folder a case;
//! `UPDATE_GENERATED=1` writes what is expected, to be read before it is committed.

use std::{fs, path::Path};

use sekisho::config::{Machine, Place};

#[test]
fn every_fault_is_named_with_its_line_and_remedy() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad-config");
    let write = std::env::var_os("UPDATE_GENERATED").is_some_and(|value| value == "1");
    let machine = Machine {
        hostname: "mx.example.org".to_owned(),
        user: "alice".to_owned(),
    };
    let mut cases = 0;
    for case in fs::read_dir(&folder).expect("the cases are there") {
        let case = case.expect("a folder can be listed").path();
        let place = Place {
            file: Some(case.join("sekisho.toml")),
            data_folder: None,
        };
        let error = place
            .load_on(&machine)
            .expect_err("the configuration is bad")
            .to_string();
        let shown = error.replace(&format!("{}/", case.display()), "") + "\n";
        let expected = case.join("expected");
        if write {
            fs::write(&expected, &shown).expect("the case can be written");
        }
        let expected = fs::read_to_string(&expected).unwrap_or_default();
        assert_eq!(shown, expected, "{}", case.display());
        cases += 1;
    }
    assert!(cases >= 8, "only {cases} cases were found");
}

#[test]
fn the_annotated_example_is_a_good_configuration() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let machine = Machine {
        hostname: "mx.example.org".to_owned(),
        user: "alice".to_owned(),
    };
    let place = Place {
        file: Some(folder.join("sekisho.example.toml")),
        data_folder: None,
    };
    place.load_on(&machine).expect("the example has no faults");
}
