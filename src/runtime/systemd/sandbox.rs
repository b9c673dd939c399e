//! The settings of systemd.exec(5) that give a service namespaces which criu cannot dump, or cannot make again.
//!
//! The list is systemd's own: `exec_needs_mount_namespace`, `exec_needs_network_namespace`, `exec_needs_ipc_namespace`,
//! `exec_needs_pid_namespace` and `exec_needs_cgroup_namespace` (`src/core/execute.c`, `src/core/exec-invoke.c`, 252 to 257).
//! A release that does not know a setting does not report it.

/// A setting that gives a service a namespace.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Setting {
    /// The key in the unit's file, and the property that `systemctl show` prints.
    pub(super) name: &'static str,
    /// The values that make no namespace, as `systemctl show` prints them.
    without: &'static [&'static str],
    /// What to assign to take it away; `None` where the program would not run without it.
    pub(super) off: Option<&'static str>,
}

/// A switch, or a choice of which one value is `no`.
const fn switch(name: &'static str) -> Setting {
    Setting { name, without: &["", "no"], off: Some("no") }
}

/// A list or a path: an empty assignment resets it. (systemd.exec(5))
const fn list(name: &'static str) -> Setting {
    Setting { name, without: &[""], off: Some("") }
}

/// What a part of the program's own files comes from.
const fn files(name: &'static str) -> Setting {
    Setting { name, without: &["", "/"], off: None }
}

/// All of them.
pub(super) const SETTINGS: [Setting; 37] = [
    files("RootDirectory"),
    files("RootImage"),
    files("ExtensionDirectories"),
    files("ExtensionImages"),
    files("MountImages"),
    // It implies ProtectSystem=strict and PrivateTmp=, whatever is assigned to these.
    Setting { name: "DynamicUser", without: &["", "no"], off: None },
    switch("PrivateTmp"),
    switch("PrivateDevices"),
    switch("PrivateMounts"),
    switch("PrivateNetwork"),
    switch("PrivateUsers"),
    switch("PrivateIPC"),
    switch("PrivatePIDs"),
    switch("PrivateBPF"),
    switch("ProtectSystem"),
    switch("ProtectHome"),
    switch("ProtectControlGroups"),
    switch("ProtectKernelLogs"),
    switch("ProtectKernelModules"),
    switch("ProtectKernelTunables"),
    Setting { name: "ProtectProc", without: &["", "default"], off: Some("default") },
    Setting { name: "ProcSubset", without: &["", "all"], off: Some("all") },
    list("ReadWritePaths"),
    list("ReadOnlyPaths"),
    list("InaccessiblePaths"),
    list("ExecPaths"),
    list("NoExecPaths"),
    list("BindPaths"),
    list("BindReadOnlyPaths"),
    list("TemporaryFileSystem"),
    switch("BindLogSockets"),
    switch("MountAPIVFS"),
    // The default propagation makes no namespace. (exec_needs_mount_namespace)
    Setting { name: "MountFlags", without: &["", "shared"], off: Some("") },
    list("LogNamespace"),
    list("NetworkNamespacePath"),
    list("IPCNamespacePath"),
    list("UserNamespacePath"),
];

impl Setting {
    /// Whether this value makes a namespace.
    pub(super) fn is_set(&self, value: &str) -> bool {
        !self.without.contains(&value)
    }

    /// The line of a drop-in that takes it away.
    pub(super) fn line(&self) -> Option<String> {
        self.off.map(|off| format!("{}={off}", self.name))
    }
}
