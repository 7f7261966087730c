//! What instances can have and machines cannot.

use tamer_model::{InstanceSpec, RestartPolicy};
use tamer_provider::{Fault, Result};

/// Refuses what a machine cannot have, by its field.
pub fn refuse(spec: &InstanceSpec) -> Result<()> {
    let no = |field: &str, why: &str, remedy: &str| Err(Fault::spec(field, why).remedy(remedy));
    if spec.image.is_some() {
        return no(
            "image",
            "a virtual machine is not made of a container image",
            "give disk (a path of the host or POOL/VOLUME) or template",
        );
    }
    if !spec.command.is_empty() {
        return no("command", "a virtual machine runs what its disk holds", CLOUD_INIT);
    }
    if !spec.env.is_empty() {
        return no("env", "a virtual machine has no environment", CLOUD_INIT);
    }
    if spec.workdir.is_some() {
        return no("workdir", "a virtual machine has no working directory", CLOUD_INIT);
    }
    if spec.user.is_some() {
        return no("user", "a virtual machine has its own users", CLOUD_INIT);
    }
    if !spec.mounts.is_empty() {
        return no(
            "mounts[0]",
            "folders of the host are not shared with virtual machines: 9p is lost in a checkpoint, \
             and virtiofs needs a daemon of its own for each machine",
            "let the guest mount a network file system, or give it a disk",
        );
    }
    if !spec.ports.is_empty() {
        return no(
            "ports[0]",
            "a virtual machine's ports are not published: libvirt does that only with passt",
            "put the machine on a network that can be reached and use its own address",
        );
    }
    if spec.limits.pids.is_some() {
        return no(
            "limits.pids",
            "the processes of a virtual machine are its own kernel's affair",
            "leave it out",
        );
    }
    match spec.restart {
        RestartPolicy::No | RestartPolicy::OnFailure | RestartPolicy::UnlessStopped => Ok(()),
        RestartPolicy::Always => no(
            "restart",
            "libvirt starts a machine again that crashed or whose host booted, not one that was \
             switched off",
            "use unless_stopped",
        ),
    }
}

const CLOUD_INIT: &str = "say it in options.cloud_init_user_data";
