use proptest::prelude::*;

use super::*;

/// An ID as the runtimes make them.
const ID: &str = "05c48c82caff3be3d7f1e896981dd410e81487538936914f32b624d168de9db0";

fn owner(path: &str) -> Option<Owner> {
    Owner::of(&CgroupPath::new(path.replace("ID", ID).as_bytes()))
}

/// `kind id`, with the sample ID written short.
fn short(path: &str) -> String {
    owner(path).map_or_else(String::new, |o| format!("{} {}", o.kind, o.id()).replace(ID, "ID"))
}

#[test]
fn units() {
    for (path, expected) in [
        ("/", ""),
        ("/init.scope", "scope init.scope"),
        ("/system.slice", "slice system.slice"),
        ("/system.slice/ssh.service", "service ssh.service"),
        (r"/system.slice/system-getty.slice/getty@tty1.service", "service getty@tty1.service"),
        (r"/system.slice/system-serial\x2dgetty.slice", r"slice system-serial\x2dgetty.slice"),
        ("/sys-kernel-debug.mount", "unit sys-kernel-debug.mount"),
        ("/user.slice/user-0.slice/session-1.scope", "scope session-1.scope"),
        ("/user.slice/user-1000.slice/user@1000.service", "service user@1000.service"),
        ("/user.slice/user-1000.slice/user@1000.service/init.scope", "scope init.scope"),
        ("/user.slice/user-1000.slice/user@1000.service/app.slice/x.service", "service x.service"),
        // One underscore keeps a unit's name apart from a control file's.
        ("/system.slice/_cpu.service", "service cpu.service"),
        // Delegated to a service: the service's.
        ("/system.slice/systemd-udevd.service/udev", "service systemd-udevd.service"),
        ("/system.slice/x.service/y.service", "service x.service"),
        // Made by hand: nobody's, whatever it is called.
        ("/mine", ""),
        ("/mine/x.service", ""),
        ("/system.slice/mine", ""),
        ("/system.slice/mine/x.service", ""),
        ("/.service", ""),
        ("/a b.service", ""),
    ] {
        assert_eq!(short(path), expected, "{path}");
    }
}

#[test]
fn containers() {
    for (path, expected) in [
        ("/machine.slice/libpod-ID.scope", "podman ID"),
        ("/machine.slice/libpod-ID.scope/container", "podman ID"),
        ("/machine.slice/libpod-conmon-ID.scope", "podman ID"),
        ("/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-ID.scope", "podman ID"),
        ("/system.slice/nginx.service/libpod-payload-ID", "podman ID"),
        ("/system.slice/nginx.service/runtime", "service nginx.service"),
        ("/libpod_parent/libpod-ID", "podman ID"),
        ("/libpod_parent/conmon", ""),
        ("/system.slice/docker-ID.scope", "docker ID"),
        ("/docker/ID", "docker ID"),
        ("/docker/ID/docker/0000", "docker ID"),
        ("/docker/buildkit/mvm5m0hj9yzk5x3sj5xk2q1ab", "buildkit mvm5m0hj9yzk5x3sj5xk2q1ab"),
        ("/system.slice/docker-mvm5m0hj9yzk5x3sj5xk2q1ab.scope", "buildkit mvm5m0hj9yzk5x3sj5xk2q1ab"),
        ("/default/ID", "containerd ID"),
        ("/system.slice/nerdctl-ID.scope", "containerd ID"),
        ("/lxc.payload.web", "lxc web"),
        ("/lxc.payload.web/system.slice/ssh.service", "lxc web"),
        ("/lxc.payload/web", "lxc web"),
        ("/lxc.monitor.web", "lxc web"),
        ("/lxc.monitor/101", "lxc 101"),
        ("/lxc/101/ns/init.scope", "lxc 101"),
        ("/lxc", ""),
        ("/lxc.payload.", ""),
        (r"/machine.slice/machine-my\x2dbox.scope/payload/system.slice/a.service", "machine my-box"),
        (r"/machine.slice/machine-qemu\x2d1\x2dvm.scope", "machine qemu-1-vm"),
        ("/machine.slice/systemd-nspawn@box.service", "service systemd-nspawn@box.service"),
        // A prefix alone is no container.
        ("/system.slice/docker-volume-helper.scope", "scope docker-volume-helper.scope"),
        ("/system.slice/docker.service", "service docker.service"),
        ("/system.slice/libpod-conmon-.scope", "scope libpod-conmon-.scope"),
        ("/docker/mine", ""),
        ("/mine/ID", ""),
    ] {
        assert_eq!(short(path), expected, "{path}");
    }
    let monitor = owner("/machine.slice/libpod-conmon-ID.scope").unwrap();
    assert_eq!((monitor.role, monitor.user), (Role::Monitor, None));
    let rootless =
        owner("/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-ID.scope/container").unwrap();
    assert_eq!((rootless.role, rootless.user), (Role::Payload, Some(1000)));
    assert!(rootless.group.to_string().ends_with(".scope"));
}

#[test]
fn kubernetes() {
    const UID: &str = "87a18a64-b74a-454a-b10b-a4a36059d0a3";
    let slice = format!(
        "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{}.slice",
        UID.replace('-', "_")
    );
    let group = format!("/kubepods/besteffort/pod{UID}");
    for (path, expected, qos) in [
        (slice.clone(), format!("kubernetes-pod {UID}"), Qos::Burstable),
        (format!("{slice}/cri-containerd-ID.scope"), "containerd ID".to_owned(), Qos::Burstable),
        (format!("{slice}/crio-ID.scope/container"), "cri-o ID".to_owned(), Qos::Burstable),
        (format!("{slice}/crio-conmon-ID.scope"), "cri-o ID".to_owned(), Qos::Burstable),
        (format!("{slice}/docker-ID.scope"), "docker ID".to_owned(), Qos::Burstable),
        (group.clone(), format!("kubernetes-pod {UID}"), Qos::BestEffort),
        (format!("{group}/ID"), "kubernetes-container ID".to_owned(), Qos::BestEffort),
        (format!("{group}/crio-ID"), "cri-o ID".to_owned(), Qos::BestEffort),
        (format!("/kubepods/pod{UID}/ID"), "kubernetes-container ID".to_owned(), Qos::Guaranteed),
        (
            format!(
                "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod{}.slice",
                UID.replace('-', "_")
            ),
            format!("kubernetes-pod {UID}"),
            Qos::Guaranteed,
        ),
        (
            format!(
                "/system.slice/containerd.service/kubepods-pod{}.slice:cri-containerd:ID",
                UID.replace('-', "_")
            ),
            "containerd ID".to_owned(),
            Qos::Guaranteed,
        ),
    ] {
        assert_eq!(short(&path), expected, "{path}");
        let pod = owner(&path).unwrap().pod.unwrap();
        assert_eq!((&*pod.uid, pod.qos), (UID, qos), "{path}");
    }
    for path in ["/kubepods", "/kubepods/burstable", "/pod1/ID", "/kubepods/podx y"] {
        assert_eq!(short(path), "", "{path}");
    }
    assert_eq!(short("/kubepods.slice"), "slice kubepods.slice");
}

#[test]
fn the_units_that_a_manager_knows() {
    let unit = |path: &str| UnitName::of(&CgroupPath::new(path.as_bytes()));
    let ssh = unit("/system.slice/ssh.service").unwrap();
    assert_eq!((ssh.as_bytes(), ssh.manager), (&b"ssh.service"[..], Manager::System));
    let of_user = unit("/user.slice/user-7.slice/user@7.service/app.slice/x.scope").unwrap();
    assert_eq!(of_user.manager, Manager::User(7));
    assert_eq!(unit("/user.slice/user-7.slice/user@7.service").unwrap().manager, Manager::System);
    // A container's scope is a unit of the host's systemd as well; what is in it is not.
    assert!(unit("/machine.slice/libpod-1.scope").is_some());
    assert_eq!(unit("/machine.slice/libpod-1.scope/system.slice/ssh.service"), None);
    assert_eq!(unit("/system.slice/ssh.service/sub"), None);
    assert_eq!(unit("/lxc.payload.a/system.slice"), None);
}

/// What names are made of that the rules look at.
const KNOWN: &[&str] = &[
    "system.slice",
    "machine.slice",
    "user@1.service",
    "x.service",
    "kubepods",
    "burstable",
    "pod1",
    "docker",
    "lxc",
    "lxc.payload.x",
    "lxc.monitor",
    "buildkit",
    "machine-.scope",
    r"machine-\x2.scope",
    "default",
    "kubepods-pod_.slice",
    "a.slice:cri-containerd:b",
    "libpod-",
    "docker-.scope",
    ID,
];

fn component() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..12),
        prop::sample::select(KNOWN).prop_map(|name| name.as_bytes().to_vec()),
        (prop::sample::select(KNOWN), any::<u8>())
            .prop_map(|(name, byte)| [name.as_bytes(), &[byte]].concat()),
    ]
}

proptest! {
    #[test]
    fn any_path_is_survived(parts in prop::collection::vec(component(), 0..6)) {
        let path = CgroupPath::new(&parts.join(&b'/'));
        if let Some(owner) = Owner::of(&path) {
            prop_assert!(path.is_within(&owner.group));
            // The owner's own group has the same owner.
            let again = Owner::of(&owner.group);
            prop_assert_eq!(again.as_ref(), Some(&owner));
            prop_assert!(!owner.id.is_empty());
        }
        if let Some(unit) = UnitName::of(&path) {
            prop_assert!(path.name().ends_with(unit.as_bytes()));
        }
    }
}
