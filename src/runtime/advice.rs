//! What a container's own runtime would do for a checkpoint.
//!
//! A plain dump of a container's processes lacks what only the runtime knows: its root file system, its network, its
//! configuration. So the runtime's own command is the first advice.

use serde::Serialize;

use crate::model::State;
use crate::model::owner::{Kind, Owner, Role};

/// The runtime's own way, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Advice {
    /// What it is, and why.
    pub what: String,
    /// The command, as a shell reads it; `None` where the runtime has none for this.
    pub command: Option<String>,
    /// Why the runtime would refuse, or what must be so first.
    pub warning: Option<String>,
}

/// The advice for a group of this owner in this state; `None` where no runtime has a checkpoint for it, or where its ID is
/// not one that a shell takes as it is. `into` is the folder for the images, as a word of a shell.
///
/// The containers run on afterwards. (Man pages of the commands: runc-checkpoint(8), crun(1),
/// podman-container-checkpoint(1), docker-checkpoint-create, ctr, crictl, lxc-checkpoint(1); kubelet's API reference)
pub fn advice(owner: &Owner, state: Option<State>, into: &str) -> Option<Advice> {
    let id = harmless(&owner.id)?;
    if owner.kind == Kind::KubernetesPod {
        return Some(pod(id));
    }
    let command = command(owner, id, into)?;
    let rootless = owner.user.filter(|_| matches!(owner.kind, Kind::Podman));
    let what = match (&owner.pod, owner.kind) {
        (Some(pod), _) => format!(
            "container {id} of pod {} belongs to Kubernetes: use its runtime, or kubelet's POST \
             /checkpoint/NAMESPACE/POD/CONTAINER",
            pod.uid
        ),
        (None, kind) => {
            format!("{id} is a {kind} container: its runtime also saves what a plain dump does not")
        }
    };
    let warning = warning(owner, state, id);
    Some(Advice { what, command: rootless.is_none().then_some(command), warning })
}

fn command(owner: &Owner, id: &str, into: &str) -> Option<String> {
    if owner.pod.is_some() || owner.kind == Kind::CriO {
        return Some(format!("crictl checkpoint --export={into}/checkpoint.tar {id}"));
    }
    let root = match &owner.state_folder {
        Some(folder) => format!("--root {} ", harmless_path(folder)?),
        None => String::new(),
    };
    Some(match owner.kind {
        Kind::Runc | Kind::Crun => format!(
            "{} {root}checkpoint --image-path {into} --work-path {into} --leave-running {id}",
            owner.kind
        ),
        Kind::Podman => format!("podman container checkpoint -R -e {into}/checkpoint.tar.zst {id}"),
        Kind::Docker => format!("docker checkpoint create --leave-running {id} cryoscope"),
        Kind::Containerd => format!("ctr -n default c checkpoint --rw --task {id} checkpoint/{id}"),
        Kind::Lxc => format!("lxc-checkpoint -n {id} -D {into}"),
        Kind::Incus => format!("incus snapshot create {} cryoscope --stateful", in_project(id)),
        Kind::Lxd => format!("lxc snapshot {} cryoscope --stateful", in_project(id)),
        // Neither systemd-nspawn nor virtual machines nor builds have one.
        _ => return None,
    })
}

/// Incus and LXD call a container of another project than the default one PROJECT_NAME; neither name can hold `_` itself.
fn in_project(id: &str) -> String {
    id.split_once('_').map_or_else(|| id.to_owned(), |(project, name)| format!("--project {project} {name}"))
}

fn warning(owner: &Owner, state: Option<State>, id: &str) -> Option<String> {
    let frozen = matches!(state, Some(State::Frozen | State::Freezing));
    let refusal = match owner.kind {
        Kind::Podman if owner.user.is_some() => {
            Some("podman checkpoints only root's containers, and this one belongs to a user".to_owned())
        }
        Kind::Podman if frozen => Some(format!(
            "podman refuses a paused container: podman unpause {id} first; it runs until podman stops it"
        )),
        Kind::Crun => {
            Some("crun has this command only if built with CRIU: crun --version shows it".to_owned())
        }
        Kind::Docker if owner.pod.is_none() => {
            Some("docker has this command only if its daemon runs with \"experimental\": true".to_owned())
        }
        Kind::Containerd if owner.pod.is_none() => {
            Some("replace default by the container's namespace: ctr namespaces ls lists them".to_owned())
        }
        Kind::Incus | Kind::Lxd => Some(
            "it works only if criu is enabled in the daemon; otherwise it says so and does nothing"
                .to_owned(),
        ),
        _ => None,
    };
    let monitor = (owner.role == Role::Monitor)
        .then(|| "this group contains the container's monitor process, not the container".to_owned());
    let all: Vec<String> = monitor.into_iter().chain(refusal).collect();
    (!all.is_empty()).then(|| all.join("; "))
}

fn pod(uid: &str) -> Advice {
    Advice {
        what: format!("pod {uid} belongs to Kubernetes: checkpoint its containers one by one"),
        command: None,
        warning: Some(format!(
            "use the group of one container; crictl ps --label io.kubernetes.pod.uid={uid} lists them"
        )),
    }
}

/// An ID of letters, digits, dots, dashes and underscores: one word for every shell, and no option.
fn harmless(id: &[u8]) -> Option<&str> {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || b"._-".contains(b);
    let fine = id.first().is_some_and(u8::is_ascii_alphanumeric) && id.iter().all(plain);
    std::str::from_utf8(id).ok().filter(|_| fine)
}

fn harmless_path(path: &str) -> Option<&str> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-/".contains(&b);
    Some(path).filter(|path| path.starts_with('/') && path.bytes().all(plain))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::CgroupPath;

    const ID: &str = "05c48c82caff3be3d7f1e896981dd410e81487538936914f32b624d168de9db0";

    fn of(path: &str, state: State) -> Option<Advice> {
        let owner = Owner::of(&CgroupPath::new(path.replace("ID", ID).as_bytes()))?;
        advice(&owner, Some(state), "DIR")
    }

    fn command(path: &str) -> String {
        of(path, State::Thawed).and_then(|advice| advice.command).unwrap_or_default().replace(ID, "ID")
    }

    #[test]
    fn commands() {
        for (path, expected) in [
            (
                "/machine.slice/libpod-ID.scope/container",
                "podman container checkpoint -R -e DIR/checkpoint.tar.zst ID",
            ),
            ("/system.slice/docker-ID.scope", "docker checkpoint create --leave-running ID cryoscope"),
            ("/default/ID", "ctr -n default c checkpoint --rw --task ID checkpoint/ID"),
            ("/kubepods/burstable/pod1/ID", "crictl checkpoint --export=DIR/checkpoint.tar ID"),
            (
                "/kubepods.slice/kubepods-pod1.slice/crio-ID.scope",
                "crictl checkpoint --export=DIR/checkpoint.tar ID",
            ),
            ("/lxc.payload.web", "lxc-checkpoint -n web -D DIR"),
            ("/lxc.payload.a$(b)", ""),
            ("/lxc.payload.-n", ""),
            ("/system.slice/ssh.service", ""),
            (r"/machine.slice/machine-box.scope", ""),
        ] {
            assert_eq!(command(path), expected, "{path}");
        }
    }

    #[test]
    fn runc_and_crun_name_their_state_folder() {
        let group = CgroupPath::new(b"/web");
        let runc = Owner::new(Kind::Runc, b"web", group.clone());
        assert_eq!(
            advice(&runc, None, "'/a b'").unwrap().command.unwrap(),
            "runc checkpoint --image-path '/a b' --work-path '/a b' --leave-running web"
        );
        let state_folder = Some("/run/user/0/crun".into());
        let crun = Owner { state_folder, ..Owner::new(Kind::Crun, b"web", group.clone()) };
        let command = advice(&crun, None, "DIR").unwrap().command.unwrap();
        assert!(command.starts_with("crun --root /run/user/0/crun checkpoint "), "{command}");
        let hostile =
            Owner { state_folder: Some("/run/$(x)".into()), ..Owner::new(Kind::Crun, b"web", group.clone()) };
        assert_eq!(advice(&hostile, None, "DIR"), None);
        let incus = Owner::new(Kind::Incus, b"shop_web", group);
        let command = advice(&incus, None, "DIR").unwrap().command.unwrap();
        assert_eq!(command, "incus snapshot create --project shop web cryoscope --stateful");
    }

    #[test]
    fn where_the_runtime_would_refuse() {
        let warning = |path, state| of(path, state).unwrap().warning.unwrap_or_default();
        let podman = "/machine.slice/libpod-ID.scope";
        assert_eq!(warning(podman, State::Thawed), "");
        assert!(warning(podman, State::Frozen).contains(&format!("podman unpause {ID}")));
        assert!(warning("/machine.slice/libpod-conmon-ID.scope", State::Thawed).contains("monitor process"));
        let rootless =
            of("/user.slice/user-7.slice/user@7.service/user.slice/libpod-ID.scope", State::Thawed);
        let rootless = rootless.unwrap();
        assert_eq!(rootless.command, None);
        assert!(rootless.warning.unwrap().contains("only root's containers"));
        let pod = of("/kubepods/burstable/pod1", State::Thawed).unwrap();
        assert_eq!(pod.command, None);
        assert!(pod.warning.unwrap().contains("io.kubernetes.pod.uid=1"));
    }
}
