//! An argument or path that is run as bytes and shown as text.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use serde::{Serialize, Serializer};

use crate::model::printable;

/// An argument or path: bytes when it is run, printable text when it is serialized.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arg(pub OsString);

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
