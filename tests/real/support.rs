//! What tests are made of: groups, workloads, waiting, requirements. Everything cleans up after itself, after a panic too.
#![allow(dead_code)]

pub mod changing;
pub mod checkpoint;
pub mod criu;
pub mod fuse;
pub mod group;
pub mod halted;
pub mod hold;
pub mod impostor;
pub mod namespace;
pub mod ordinary;
pub mod own_group;
pub mod pause;
pub mod program;
pub mod requirement;
pub mod stuck;
pub mod terminal;
pub mod wait;
pub mod workload;

pub use group::Group;
pub use requirement::{Need, trial};
pub use wait::{SOON, until};
pub use workload::Workload;

use cryoscope::model::Version;
use libtest_mimic::Trial;

pub fn tests() -> Vec<Trial> {
    vec![
        trial("support::a_group_cleans_up_after_a_panic", &[Need::Root, Need::V2, Need::V1], after_a_panic),
        trial("support::namespaces_show_one_hierarchy", &[Need::Root, Need::V2, Need::V1], namespaces),
    ]
}

fn after_a_panic() {
    for version in [Version::V2, Version::V1] {
        let (tell, told) = std::sync::mpsc::channel();
        let ended = std::thread::spawn(move || {
            let group = Group::new(version, "panic");
            let inner = group.child("inner");
            let workload = Workload::in_group(&inner);
            group.freeze();
            inner.request(true);
            tell.send((group.path().to_owned(), workload.pid())).unwrap();
            std::panic::resume_unwind(Box::new("wanted"));
        });
        ended.join().unwrap_err();
        let (path, pid) = told.recv().unwrap();
        assert!(!path.exists(), "{} is left", path.display());
        assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists(), "process {pid} is left");
    }
}

fn namespaces() {
    for (version, setup) in [(Version::V2, "unified"), (Version::V1, "legacy")] {
        let output =
            namespace::only(version, std::env::current_exe().unwrap()).arg("setup").output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(said.trim(), setup, "{}", String::from_utf8_lossy(&output.stderr));
    }
}
