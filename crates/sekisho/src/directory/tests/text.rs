//! The text says what the documents say, and every slip in it is named with its line.

use sekisho_api::{Documents, FaultView};

use super::{all_set, sample};
use crate::directory::{documents, text};

#[test]
fn what_is_written_is_read_again_with_every_field_set() {
    let all = all_set();
    for (id, body) in documents::bodies(&all).unwrap() {
        let default = documents::default_body(id.kind);
        for (field, value) in body.as_object().unwrap() {
            assert_ne!(default.get(field), Some(value), "{}: {field} is not tested", id.title());
        }
    }
    let written = text::write(&all);
    let (read, _) = text::read(&written).unwrap_or_else(|faults| panic!("{faults:?}\n{written}"));
    assert_eq!(read, all, "{written}");
    assert_eq!(text::write(&read), written);
}

#[test]
fn defaults_are_left_out_and_the_order_is_fixed() {
    let mut documents = sample();
    let written = text::write(&documents);
    assert_eq!(
        written,
        "[[organization]]\nname = \"acme\"\n\n\
         [[domain]]\norganization = \"acme\"\nname = \"acme.example\"\n\n\
         [[inbound_connector]]\norganization = \"acme\"\nname = \"bank\"\nsender_domains = [\"bank.example\"]\n\n\
         [[outbound_connector]]\norganization = \"acme\"\nname = \"bank\"\nrecipient_domains = [\"bank.example\"]\n"
    );
    for name in ["zebra", "ant"] {
        let another = sekisho_api::Organization {
            name: name.to_owned(),
            ..super::acme()
        };
        documents.organization.insert(0, another);
    }
    let sorted = text::write(&documents);
    documents.organization.reverse();
    assert_eq!(text::write(&documents), sorted);
    let places: Vec<_> = ["acme", "ant", "zebra"]
        .map(|name| sorted.find(&format!("\"{name}\"")))
        .into();
    assert!(places.is_sorted() && places[0].is_some(), "{sorted}");
}

#[test]
fn an_empty_text_is_an_empty_directory() {
    assert_eq!(text::read("# nothing\n").unwrap().0, Documents::default());
    assert_eq!(text::write(&Documents::default()), "");
}

#[test]
fn slips_are_named_with_line_and_field() {
    let faults = text::read(
        "[[organization]]\n\
         name = \"acme\"\n\
         reject-direct-send = true\n\
         colour = 1\n\
         expire_after = 3\n\
         \n\
         [[domain]]\n\
         type = \"external\"\n\
         \n\
         [[outbound_connectors]]\n\
         name = \"x\"\n",
    )
    .unwrap_err();
    let found: Vec<_> = faults.iter().map(summary).collect();
    assert_eq!(
        found,
        [
            (3, "organization acme", "reject-direct-send"),
            (4, "organization acme", "colour"),
            (5, "organization acme", "expire_after"),
            (7, "domain ?", "name"),
            (8, "domain ?", "type"),
            (10, "outbound_connectors", ""),
        ],
        "{faults:?}"
    );
    assert_eq!(faults[0].remedy, "did you mean `reject_direct_send`?");
    assert!(faults[1].remedy.starts_with("known here: name, comment"), "{faults:?}");
    assert!(faults[4].reason.contains("`authoritative`"), "{faults:?}");
    assert_eq!(faults[5].remedy, "did you mean `outbound_connector`?");
}

#[test]
fn what_is_no_toml_or_no_list_of_tables_is_named_with_its_line() {
    let faults = text::read("[[organization]]\nname = \n").unwrap_err();
    assert_eq!(
        (faults[0].line, faults[0].place.as_str()),
        (Some(2), "the text"),
        "{faults:?}"
    );
    let faults = text::read("domain = [1]\ninbound_connector = 3\n").unwrap_err();
    assert_eq!(
        faults.iter().map(|fault| fault.line).collect::<Vec<_>>(),
        [Some(1), Some(2)]
    );
}

fn summary(fault: &FaultView) -> (u32, &str, &str) {
    (fault.line.unwrap_or(0), &fault.place, &fault.field)
}
