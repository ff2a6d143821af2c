//! Whether this process runs in a container, where a mapped port or a proxy beside it makes the whole world come from a
//! near address, loopback included. What cannot be told counts as none: a listener can always be told who may relay.

use std::{env, fs, path::Path};

/// Set by managers of containers: the convention of systemd (<https://systemd.io/CONTAINER_INTERFACE>), and Kubernetes.
const VARIABLES: [&str; 2] = ["container", "KUBERNETES_SERVICE_HOST"];

/// Put there by Docker, Podman, and systemd inside and outside.
const FILES: [&str; 4] = [
    "/.dockerenv",
    "/run/.containerenv",
    "/run/systemd/container",
    "/run/host/container-manager",
];

/// In the name of the control group, where it is not hidden.
const GROUPS: [&str; 6] = ["docker", "kubepods", "containerd", "crio", "libpod", "lxc"];

/// Whether there is any sign of a container.
pub(super) fn in_container() -> bool {
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    is_told(
        |name| env::var_os(name).is_some(),
        |path| Path::new(path).exists(),
        &groups,
    )
}

fn is_told(is_set: impl Fn(&str) -> bool, exists: impl Fn(&str) -> bool, groups: &str) -> bool {
    VARIABLES.into_iter().any(is_set)
        || FILES.into_iter().any(exists)
        || GROUPS.iter().any(|word| groups.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sign_of_a_container_is_heeded() {
        let told =
            |variable: &str, file: &str, groups: &str| is_told(|name| name == variable, |path| path == file, groups);
        assert!(!told("HOME", "/etc/passwd", "0::/system.slice/sekisho.service\n"));
        for (variable, file, groups) in [
            ("container", "", "0::/\n"),
            // A pod with its control group hidden: the proxies of service meshes come from loopback.
            ("KUBERNETES_SERVICE_HOST", "", "0::/\n"),
            ("", "/.dockerenv", "0::/\n"),
            ("", "/run/.containerenv", "0::/\n"),
            ("", "/run/systemd/container", "0::/\n"),
            ("", "/run/host/container-manager", "0::/\n"),
            ("", "", "0::/kubepods.slice/kubepods-burstable.slice\n"),
            ("", "", "1:name=systemd:/lxc/mail\n"),
        ] {
            assert!(told(variable, file, groups), "{variable}{file} {groups}");
        }
    }
}
