//! Chromium without a window: what a page becomes in a browser that people use.

use super::Cell;
use crate::enclosure::Release;

/// A browser with a profile of its own for each page.
#[derive(Debug)]
pub struct Chromium {
    cell: Cell,
}

impl Default for Chromium {
    fn default() -> Self {
        Self::new()
    }
}

impl Chromium {
    /// A place to run it.
    #[must_use]
    pub fn new() -> Self {
        Self {
            cell: Cell::of(Release::Browser),
        }
    }

    /// The document that a page becomes, written as HTML, for a reader of these languages (`ja,en`); and all that the
    /// browser has to say of it: violations of a content security policy, and what it could not load.
    ///
    /// # Panics
    /// When it fails.
    #[must_use]
    pub fn document(&self, url: &str, languages: &str) -> (String, String) {
        let languages = format!("--accept-lang={languages}");
        let output = self.cell.run(
            "/usr/lib/chromium/chromium-headless-shell",
            &[
                // There is no user but root here, and no display, network, bus or service to talk to.
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--user-data-dir=/tmp/profile",
                "--enable-logging=stderr",
                &languages,
                "--dump-dom",
                url,
            ],
        );
        let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "chromium: {}\n{complaints}", output.status);
        (String::from_utf8_lossy(&output.stdout).into_owned(), complaints)
    }
}
