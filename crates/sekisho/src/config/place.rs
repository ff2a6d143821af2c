//! Which file is read and which folder is used.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use thiserror::Error;

use super::{
    checker::Checker,
    document::Document,
    fault::{ConfigFault, ConfigFaults},
    parsed::{self, Machine, Settings},
    raw::Raw,
    reference,
};

/// Where a file is looked for when none is named.
const USUAL_FILES: [&str; 2] = ["sekisho.toml", "/etc/sekisho/sekisho.toml"];
/// Octets of a file at most.
const FILE_LEN_MAX: u64 = 4 * 1024 * 1024;

/// What the command line says about configuration and data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The file; `None` looks in the usual places and takes the defaults when there is none.
    pub file: Option<PathBuf>,
    /// The data folder, whatever the file says.
    pub data_folder: Option<PathBuf>,
}

/// A configuration without faults.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The file that it was read from.
    pub file: Option<PathBuf>,
    /// As written, defaults filled in.
    pub raw: Raw,
    /// What it means.
    pub settings: Settings,
}

/// Why there is no configuration.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error("{}: cannot be read: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What is in it cannot be taken.
    #[error(transparent)]
    Faults(#[from] ConfigFaults),
}

impl Place {
    /// Reads and checks everything.
    ///
    /// # Errors
    /// Every fault at once.
    pub fn load(&self) -> Result<Loaded, LoadError> {
        self.load_on(&machine())
    }

    /// As [`Self::load`], with what the machine says of itself given.
    ///
    /// # Errors
    /// Every fault at once.
    pub fn load_on(&self, machine: &Machine) -> Result<Loaded, LoadError> {
        let file = self.file();
        let text = file.as_deref().map(read).transpose()?.unwrap_or_default();
        let shown = file.clone().unwrap_or_else(|| PathBuf::from("(no file)"));
        let (raw, settings) = self.parse(&shown, &text, machine)?;
        Ok(Loaded { file, raw, settings })
    }

    fn parse(&self, file: &Path, text: &str, machine: &Machine) -> Result<(Raw, Settings), ConfigFaults> {
        let faults = |mut faults: Vec<ConfigFault>| {
            faults.sort_by(|a, b| (a.line, &a.key, &a.problem).cmp(&(b.line, &b.key, &b.problem)));
            ConfigFaults {
                file: file.to_owned(),
                faults,
            }
        };
        let document = Document::parse(text).map_err(faults)?;
        document.check(&reference::schema()).map_err(faults)?;
        let raw: Raw = toml::from_str(text).map_err(|error| {
            let line = error
                .span()
                .map_or(0, |span| text[..span.start].matches('\n').count() + 1);
            let problem = error.message().to_owned();
            faults(vec![ConfigFault {
                line,
                key: String::new(),
                problem,
                remedy: String::new(),
            }])
        })?;
        let folder = file.parent().map(Path::to_owned).unwrap_or_default();
        let mut checker = Checker::new(Some(&document), folder);
        let data_folder = self
            .data_folder
            .clone()
            .unwrap_or_else(|| PathBuf::from(&raw.node.data_folder));
        let built = parsed::build(&raw, machine, data_folder, &mut checker);
        match (built, checker.into_faults()) {
            (Some(settings), found) if found.is_empty() => Ok((raw, settings)),
            (_, found) => Err(faults(found)),
        }
    }

    /// The data folder as far as it can be told without judging the rest: a command must find its server even while
    /// the file is being edited.
    #[must_use]
    pub fn data_folder(&self) -> PathBuf {
        if let Some(folder) = &self.data_folder {
            return folder.clone();
        }
        let text = self.file().and_then(|file| read(&file).ok()).unwrap_or_default();
        let table: Option<toml::Table> = text.parse().ok();
        let folder = table
            .as_ref()
            .and_then(|table| table.get("node")?.get("data-folder")?.as_str());
        PathBuf::from(folder.unwrap_or(&Raw::default().node.data_folder))
    }

    fn file(&self) -> Option<PathBuf> {
        let usual = || USUAL_FILES.iter().map(PathBuf::from).find(|path| path.is_file());
        self.file.clone().or_else(usual)
    }
}

fn read(path: &Path) -> Result<String, LoadError> {
    let fault = |source| LoadError::Read {
        path: path.to_owned(),
        source,
    };
    if fs::metadata(path).map_err(fault)?.len() > FILE_LEN_MAX {
        return Err(fault(io::Error::other("the file is far too long")));
    }
    fs::read_to_string(path).map_err(fault)
}

/// What this machine says of itself.
fn machine() -> Machine {
    let names = rustix::system::uname();
    let user = ["USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok());
    Machine {
        hostname: names.nodename().to_string_lossy().into_owned(),
        user: user.filter(|user| !user.is_empty()).unwrap_or_else(own_user_name),
    }
}

/// The name of this process's user in `/etc/passwd`, or its number.
fn own_user_name() -> String {
    let uid = rustix::process::getuid().as_raw().to_string();
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let mut lines = passwd.lines().map(|line| line.split(':'));
    let name = lines.find_map(|mut fields| {
        let name = fields.next()?;
        (fields.nth(1)? == uid).then(|| name.to_owned())
    });
    name.unwrap_or_else(|| format!("uid{uid}"))
}
