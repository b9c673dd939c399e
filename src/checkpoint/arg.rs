//! An argument or path that is run as bytes and shown as text.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use serde::{Serialize, Serializer};

use crate::model::printable;

/// An argument or path: bytes when it is run, printable text when it is serialized.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arg(pub OsString);

/// The name of an option of a command line, without its value; of any other word, that word.
fn option_name(word: &OsString) -> String {
    printable(word.as_bytes()).split('=').next().unwrap_or_default().to_owned()
}

/// Those names of options that are among the words a person gives, in one of their forms: `-r DIR`, `--root DIR`, `--root=DIR`.
pub(super) fn given<'a>(words: &'a [OsString], names: &'a [&str]) -> impl Iterator<Item = String> + 'a {
    words.iter().map(option_name).filter(|name| names.contains(&name.as_str()))
}

/// Whether one of these names of options is among the words.
pub(super) fn gives(words: &[OsString], names: &[&str]) -> bool {
    given(words, names).next().is_some()
}

/// The first word of a person that is an option which this program sets itself. Some short ones may stand before their value
/// without a blank.
pub(super) fn first_of_ours(words: &[OsString], ours: &[&str]) -> Option<String> {
    let glued = |name: &str| ["-t", "-D", "-o", "-W"].iter().any(|option| name.starts_with(option));
    words.iter().map(option_name).find(|name| ours.contains(&name.as_str()) || glued(name))
}

impl Serialize for Arg {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&printable(self.0.as_bytes()))
    }
}

impl<T: Into<OsString>> From<T> for Arg {
    fn from(text: T) -> Self {
        Self(text.into())
    }
}
