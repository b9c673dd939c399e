//! `cryoscope checkpoint` and `cryoscope restore` on a scene: the same plans, carried out by the same code.

use super::scene::Scene;
use super::spot::Spot;
use crate::checkpoint::{self, After, Control, Report, Request, restore};

/// Carries a checkpoint out, and keeps its report beside the images.
pub(super) fn checkpoint(
    scene: &Scene,
    group: Spot,
    images: &str,
    after: Option<After>,
) -> Result<(), String> {
    let group = scene.group(group).map_err(|error| error.to_string())?;
    let fs = scene.filesystem().ok_or("the hierarchy is gone")?;
    let request = Request {
        fs,
        group: &group,
        hierarchies: &scene.hosts,
        into: scene.folder(images),
        pid: None,
        after,
        criu: scene.criu.clone(),
        extra: Vec::new(),
    };
    let found = checkpoint::preflight(&request);
    let plan = checkpoint::plan(&found, &request).map_err(|refused| refused.to_string())?;
    let ran =
        checkpoint::run(&plan, &Control::automatic(), &mut |_| ()).map_err(|error| error.to_string())?;
    let report = Report::new(&plan, &found.findings, &ran, &checkpoint::verify(&plan, &ran));
    let written = ran.folder.as_ref().map_or(Ok(()), |folder| report.write(folder));
    written.map_err(|error| error.to_string())?;
    match report.checks.iter().find(|check| check.blocks()) {
        Some(check) => Err(check.to_string()),
        None => Ok(()),
    }
}

/// Carries a restore out.
pub(super) fn restore(scene: &Scene, images: &str) -> Result<(), String> {
    let request = restore::Request {
        folder: scene.folder(images),
        hierarchies: &scene.hosts,
        criu: scene.criu.clone(),
        extra: Vec::new(),
        on_terminal: false,
        thaw: false,
        into_group: None,
        copy: None,
    };
    let found = restore::preflight(&request);
    let plan = restore::plan(&found, &request).map_err(|refused| refused.to_string())?;
    let ran = restore::run(&plan, &mut |_| ()).map_err(|error| error.to_string())?;
    let report = restore::Report::new(&plan, &ran, restore::verify(&plan, &ran, &scene.hosts));
    match report.checks.iter().find(|check| check.blocks()) {
        Some(check) => Err(check.to_string()),
        None => Ok(()),
    }
}
