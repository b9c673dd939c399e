//! What cryoscope keeps beside the images, read leniently: other versions wrote other fields.

use serde::Deserialize as _;
use serde_json::Value;

use super::folder::Folder;
use crate::checkpoint::report::FILE;
use crate::checkpoint::service::ServiceRecord;
use crate::model::printable;

/// `cryoscope.json`, as far as it says something that is shown. All text is printable.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    /// The commands that made the images, a line for a shell each.
    pub command: Option<String>,
    /// The group that was checkpointed.
    pub group: Option<String>,
    /// When, as it stands there.
    pub made_at: Option<String>,
    /// The version of criu.
    pub criu_version: Option<String>,
    /// The kernel's release.
    pub kernel: Option<String>,
    /// The host's name.
    pub host: Option<String>,
    /// How long it took, in milliseconds.
    pub elapsed_ms: Option<u64>,
    /// The service that the processes were of; `None` where what it says is not sound.
    pub service: Option<ServiceRecord>,
}

/// Longer than any report.
const LIMIT: u64 = 16 << 20;

/// Reads it; `None` where it is not there.
///
/// # Errors
/// A sentence: it cannot be read, or is no JSON object.
pub(super) fn read(folder: &Folder) -> Result<Option<Record>, String> {
    let Some(text) = folder.text(FILE, LIMIT).map_err(|error| error.to_string())? else { return Ok(None) };
    let broken = |why: String| format!("cannot parse {}: {why}", folder.shown(FILE));
    let value: Value = serde_json::from_slice(&text).map_err(|error| broken(error.to_string()))?;
    let Value::Object(fields) = value else { return Err(broken("it is not a JSON object".to_owned())) };
    let field = |name: &str| fields.get(name)?.as_str().map(|text| printable(text.as_bytes()).into_owned());
    let lines = |name: &str| {
        let text = fields.get(name)?.as_str()?;
        Some(text.lines().map(|line| printable(line.as_bytes())).collect::<Vec<_>>().join("\n"))
    };
    Ok(Some(Record {
        command: lines("command"),
        group: field("group"),
        made_at: field("made_at"),
        criu_version: field("criu_version"),
        kernel: field("kernel"),
        host: field("host"),
        elapsed_ms: fields.get("elapsed_ms").and_then(Value::as_u64),
        service: fields.get("service").and_then(service),
    }))
}

fn service(value: &Value) -> Option<ServiceRecord> {
    ServiceRecord::deserialize(value).ok().filter(ServiceRecord::is_sound)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read_text(text: &str) -> Result<Option<Record>, String> {
        let temp = tempfile::tempdir().unwrap();
        std::fs::write(temp.path().join(FILE), text).unwrap();
        read(&Folder::open(temp.path()).unwrap())
    }

    #[test]
    fn unknown_and_missing_fields_are_fine() {
        let record =
            read_text(r#"{"command":"criu dump\u001b\ncriu 2","kernel":7,"new":[],"elapsed_ms":12}"#);
        let record = record.unwrap().unwrap();
        assert_eq!(record.command.as_deref(), Some("criu dump\\x1b\ncriu 2"));
        assert_eq!((record.kernel, record.elapsed_ms), (None, Some(12)));
    }

    #[test]
    fn what_is_said_of_a_service_must_be_sound() {
        let read = |path: &str| {
            let file = format!(r#"{{"path":"{path}","mode":493,"uid":0,"gid":0,"new":1}}"#);
            let text = format!(r#"{{"service":{{"name":"x.service","runtime_files":[{file}]}}}}"#);
            read_text(&text).unwrap().unwrap().service
        };
        assert_eq!(read("/run/x").unwrap().runtime_files[0].mode, 0o755);
        assert_eq!((read("/etc/x"), read("/run/../etc/x")), (None, None));
    }

    #[test]
    fn a_broken_one_is_said() {
        for text in ["", "{", "[]", "\"x\"", "{\"a\":"] {
            assert!(read_text(text).unwrap_err().contains(FILE), "{text}");
        }
    }

    fn is_printable(text: &str) -> bool {
        !text.chars().any(|c| c.is_control() && c != '\n')
    }

    proptest! {
        #[test]
        fn no_control_byte_comes_out(values: [String; 6], junk: String) {
            let names = ["command", "group", "made_at", "criu_version", "kernel", "host"];
            let fields: serde_json::Map<String, Value> =
                names.iter().zip(values).map(|(&name, value)| (name.to_owned(), value.into())).collect();
            let whole = serde_json::to_string(&fields).unwrap();
            let record = read_text(&whole).unwrap().unwrap();
            let all = [&record.command, &record.group, &record.made_at, &record.criu_version];
            prop_assert!(all.into_iter().chain([&record.kernel, &record.host]).flatten().all(|text| is_printable(text)));
            for broken in [format!("{whole}{junk}"), junk] {
                if let Err(why) = read_text(&broken) {
                    prop_assert!(is_printable(&why), "{why:?}");
                }
            }
        }
    }
}
