//! The page laid out in HTML: without scripts, with one style sheet that stands in it and that the content security
//! policy knows by its digest. What is in a sheet is escaped for people; here it is escaped for HTML too, by maud.

use std::sync::LazyLock;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sekisho_tls::sha256;

use super::{
    advice::StepSheet,
    sheet::{Piece, RoleSheet, Sheet, TableSheet},
};

const STYLE: &str = include_str!("style.css");

/// What a browser may do with the page: show it in its own style, and nothing else.
pub static CONTENT_SECURITY_POLICY: LazyLock<String> = LazyLock::new(|| {
    format!(
        "default-src 'none'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        STANDARD.encode(sha256(STYLE.as_bytes()).0)
    )
});

/// Where the page's own links lead, from the page.
#[derive(Clone, Copy, Debug)]
pub struct Links<'a> {
    /// To the folder of its downloads.
    pub downloads: &'a str,
    /// To the same for programs.
    pub json: &'a str,
}

/// The page.
#[must_use]
pub fn document(sheet: &Sheet, links: Links<'_>) -> String {
    let (words, other) = (sheet.language.words(), sheet.language.other());
    let page = html! {
        (DOCTYPE)
        html lang=(sheet.language.tag()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (sheet.title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    nav {
                        a href={ "?lang=" (other.tag()) } lang=(other.tag()) hreflang=(other.tag()) rel="alternate" {
                            (words.say("other-language"))
                        }
                    }
                    h1 { (sheet.title) }
                    p { (sheet.intro) }
                    p.faint { (sheet.as_of) }
                }
                main {
                    @if let Some(nothing) = &sheet.nothing { p { (nothing) } }
                    @for (place, one) in sheet.roles.iter().enumerate() { (role(one, place, links)) }
                }
                footer { p { a href=(links.json) type="application/json" { (words.say("json")) } } }
            }
        }
    };
    page.into_string()
}

fn role(role: &RoleSheet, place: usize, links: Links<'_>) -> Markup {
    let id = format!("role-{place}");
    html! {
        section aria-labelledby=(id) {
            h2 id=(id) { (role.heading) }
            @for note in &role.notes { p.faint { (note) } }
            @if !role.moves.is_empty() {
                div.moves role="note" { @for text in &role.moves { p { (text) } } }
            }
            h3 { (role.steps_heading) }
            ol.steps { @for one in &role.steps { (step(one, links)) } }
            @for one in &role.tables { (table(one, links)) }
            @if let Some(one) = &role.endpoints { (table(one, links)) }
            @if !role.checks.is_empty() { (checks(role)) }
        }
    }
}

fn step(step: &StepSheet, links: Links<'_>) -> Markup {
    html! {
        li {
            p { (step.text) }
            @if let Some(note) = &step.note { p { (note) } }
            @if !step.facts.is_empty() {
                dl {
                    @for (label, pieces) in &step.facts {
                        dt { (label) }
                        dd { @for one in pieces { (piece(one, links)) } }
                    }
                }
            }
        }
    }
}

fn table(table: &TableSheet, links: Links<'_>) -> Markup {
    html! {
        table {
            caption { (table.caption) }
            colgroup {
                @for place in 0..table.columns.len() {
                    @if place == 0 { col class="label"; } @else { col; }
                }
            }
            thead { tr { @for column in &table.columns { th scope="col" { (column) } } } }
            tbody {
                @for row in &table.rows {
                    tr class=[row.mark.as_ref().map(|_| "changed")] {
                        th scope="row" {
                            (row.label)
                            @if let Some(mark) = &row.mark { " " span.mark { (mark) } }
                        }
                        @for cell in &row.cells { td { @for one in cell { (piece(one, links)) } } }
                    }
                }
            }
        }
    }
}

fn checks(role: &RoleSheet) -> Markup {
    html! {
        details {
            summary { (role.checks_heading) }
            @for check in &role.checks {
                p { (check.what) }
                pre { code { (check.command) } }
            }
        }
    }
}

fn piece(piece: &Piece, links: Links<'_>) -> Markup {
    html! {
        @match piece {
            Piece::Text(text) => span { (text) },
            Piece::Code(text) => code { (text) },
            Piece::Address(text, None) => code { (text) },
            Piece::Address(text, Some(url)) => a href=(url) rel="nofollow noreferrer" { (text) },
            Piece::Instant(at, text) => time datetime=(at) { (text) },
            Piece::Download(file, text) => a href={ (links.downloads) (file) } download=(file) { (text) },
        }
    }
}
