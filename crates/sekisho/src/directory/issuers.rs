//! Issuers of certificates as operators write them: `O=Example Trust, C=CH`.

use sekisho_policy::directory::IssuerPattern;

/// Takes a text apart at its commas; one behind a backslash is part of a value, as is a backslash behind another one
/// (RFC 4514 §2.4). The facts of a certificate have both without it. Whether each piece is an attribute is left to
/// policy.
pub(super) fn parse(text: &str) -> IssuerPattern {
    let mut attributes = vec![String::new()];
    let mut escaped = false;
    for character in text.chars() {
        match (character, attributes.last_mut()) {
            (',', _) if !escaped => attributes.push(String::new()),
            (_, Some(attribute)) => {
                if escaped && matches!(character, ',' | '\\') {
                    attribute.pop();
                }
                attribute.push(character);
            }
            (_, None) => {}
        }
        escaped = character == '\\' && !escaped;
    }
    let attributes = attributes.iter().map(|attribute| attribute.trim().to_owned());
    IssuerPattern {
        attributes: attributes.filter(|attribute| !attribute.is_empty()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_escaped_comma_is_part_of_a_value() {
        let parsed = |text| parse(text).attributes;
        assert_eq!(
            parsed(r"O=Example\, Inc., C=CH"),
            ["O=Example, Inc.".to_owned(), "C=CH".to_owned()]
        );
        assert_eq!(parsed(r"O=a\\,C=CH"), [r"O=a\".to_owned(), "C=CH".to_owned()]);
        assert!(parsed(" , ").is_empty());
    }
}
