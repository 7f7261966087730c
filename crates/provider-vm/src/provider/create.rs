//! Making machines.

use std::path::{Path, PathBuf};

use tamer_model::{InstanceSpec, NativeId};
use tamer_provider::{Fault, FaultKind, ProgressSink, Result};
use uuid::Uuid;

use super::MachineProvider;
use super::disk::{self, Order};
use super::look::{native, now};
use crate::faults::{fault, of_io};
use crate::machine::{Accelerator, Facts, Plan, Source, Template, plan};
use crate::rpc::code;
use crate::session::Live;
use crate::settings::DomainType;
use crate::{platform, xml};

/// The largest template; one of reason has some hundred bytes.
const MAX_TEMPLATE: u64 = 256 * 1024;

impl MachineProvider {
    pub(super) async fn made(
        &self,
        spec: &InstanceSpec,
        progress: &ProgressSink,
    ) -> Result<NativeId> {
        let spec = self.templated(spec).await?;
        let live = self.session.live().await?;
        let uuid = Uuid::new_v4();
        let folder = self.settings.machines.join(uuid.to_string());
        let text = folder.to_str().ok_or_else(|| {
            Fault::new(FaultKind::Failed, "the folder of machines has a name that is no text")
        })?;
        let (arch, accelerator) = self.accelerator(&live).await?;
        let facts = Facts { uuid, now: now(), arch: &arch, accelerator, folder: text };
        let plan = plan(&spec, facts)?;
        self.check_name(&live, &plan.machine.name).await?;
        self.check_networks(&live, &plan.machine.networks).await?;
        check_files(&plan)?;
        let source = match &plan.disk {
            Some((source, mode)) => Some((self.path(&live, source).await?, *mode)),
            None => None,
        };
        let mut machine = plan.machine;
        machine.base = source.as_ref().map(|(path, _)| path.to_string_lossy().into_owned());
        let made = Made { folder: folder.clone() };
        let order = Order { folder, source, bytes: plan.disk_bytes, seed: plan.seed };
        machine.disk = disk::make(order, progress.clone()).await?;
        let defined = live.quick.define(&xml::domain(&machine), 0).await;
        match defined {
            Ok(domain) => {
                made.keep();
                Ok(native(&domain))
            }
            Err(error) => {
                let what = format!("libvirt does not take the machine {:?}", machine.name);
                Err(of_define(fault(&error, what)))
            }
        }
    }

    /// The spec with what its template gives.
    async fn templated(&self, spec: &InstanceSpec) -> Result<InstanceSpec> {
        let Some(name) = &spec.template else { return Ok(spec.clone()) };
        let none = || {
            Fault::new(FaultKind::NotFound, format!("there is no template {name:?}"))
                .on("template")
                .remedy(format!(
                    "the templates are the files NAME.toml in {} on the host",
                    self.settings.templates.display()
                ))
        };
        if !Template::is_name(name) {
            return Err(none());
        }
        let path = self.settings.templates.join(format!("{name}.toml"));
        match tokio::fs::metadata(&path).await {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(none()),
            Ok(metadata) if metadata.len() > MAX_TEMPLATE => {
                return Err(Fault::spec("template", format!("{} is too large", path.display())));
            }
            _ => {}
        }
        let text = tokio::fs::read_to_string(&path).await.map_err(|error| {
            Fault::new(of_io(&error), format!("cannot read the template {name:?}"))
                .on("template")
                .said(error.to_string())
        })?;
        let mut template = Template::read(name, &text)?;
        // A plain name is a file beside the template.
        if let Some(disk) = template.disk.as_mut().filter(|disk| Template::is_name(disk)) {
            *disk = self.settings.templates.join(&*disk).to_string_lossy().into_owned();
        }
        let applied = template.apply(spec);
        // What came from the template was checked by nobody.
        InstanceSpec {
            template: None,
            disk: applied.disk.clone().or(Some("/".into())),
            ..applied.clone()
        }
        .validate()?;
        Ok(applied)
    }

    /// The architecture and what runs machines here.
    async fn accelerator(&self, live: &Live) -> Result<(String, Accelerator)> {
        let arch = std::env::consts::ARCH.to_owned();
        if self.settings.uri.starts_with("test") {
            return Ok(("i686".to_owned(), Accelerator::Test));
        }
        let accelerator = match self.settings.domain_type {
            DomainType::Kvm => Accelerator::Kvm,
            DomainType::Qemu => Accelerator::Qemu,
            DomainType::Auto if !platform::kvm_can_be_opened() => Accelerator::Qemu,
            DomainType::Auto => {
                match live.quick.domain_capabilities(None, Some(&arch), None, Some("kvm")).await {
                    Ok(_) => Accelerator::Kvm,
                    // It says no with one of several numbers.
                    Err(error) if error.code().is_some() => Accelerator::Qemu,
                    Err(error) => {
                        return Err(fault(&error, "libvirt does not tell what it can do"));
                    }
                }
            }
        };
        Ok((arch, accelerator))
    }

    async fn check_name(&self, live: &Live, name: &str) -> Result<()> {
        match live.quick.lookup_name(name).await {
            Ok(_) => {
                let what = format!("there is a machine {name:?} already");
                Err(Fault::new(FaultKind::AlreadyExists, what).on("name"))
            }
            Err(error) if error.code() == Some(code::VIR_ERR_NO_DOMAIN) => Ok(()),
            Err(error) => Err(fault(&error, format!("cannot look for a machine {name:?}"))),
        }
    }

    async fn check_networks(&self, live: &Live, wanted: &[String]) -> Result<()> {
        if wanted.is_empty() {
            return Ok(());
        }
        let there = live.quick.networks().await;
        let there = there.map_err(|error| fault(&error, "cannot list the networks"))?;
        match wanted.iter().position(|name| !there.iter().any(|network| network.name == *name)) {
            None => Ok(()),
            Some(at) => {
                let names: Vec<_> = there.iter().map(|network| network.name.as_str()).collect();
                let what = format!("there is no network {:?}", wanted[at]);
                Err(Fault::new(FaultKind::NotFound, what)
                    .on(format!("networks[{at}]"))
                    .remedy(format!("the networks of this host are: {}", names.join(", "))))
            }
        }
    }

    /// The file that the disk is made of.
    async fn path(&self, live: &Live, source: &Source) -> Result<PathBuf> {
        let (pool, volume) = match source {
            Source::File(path) => return Ok(path.into()),
            Source::Volume { pool, volume } => (pool, volume),
        };
        let what = || format!("there is no volume {pool}/{volume}");
        let pool = live.quick.pool_lookup(pool).await;
        let pool = pool.map_err(|error| fault(&error, what()).on("disk"))?;
        let found = live.quick.volume_lookup(&pool, volume).await;
        let found = found.map_err(|error| fault(&error, what()).on("disk"))?;
        let path = live.quick.volume_path(&found).await;
        path.map(PathBuf::from).map_err(|error| fault(&error, what()).on("disk"))
    }
}

/// What was made for a machine that is not there yet, taken back unless it is kept. Also when the
/// creation is dropped in the middle.
struct Made {
    folder: PathBuf,
}

impl Made {
    fn keep(mut self) {
        self.folder = PathBuf::new();
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        if self.folder.as_os_str().is_empty() {
            return;
        }
        match std::fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!(%error, folder = %self.folder.display(), "a folder is left");
            }
            _ => {}
        }
    }
}

/// The kernel and its initramfs must be there: libvirt looks for them only at the start.
fn check_files(plan: &Plan) -> Result<()> {
    let files = [("kernel", &plan.machine.kernel), ("initrd", &plan.machine.initrd)];
    match files.iter().find(|(_, path)| path.as_ref().is_some_and(|p| !Path::new(p).is_file())) {
        Some((key, path)) => {
            let what = format!("there is no file {:?}", path.as_deref().unwrap_or_default());
            Err(Fault::new(FaultKind::NotFound, what).on(format!("options.{key}")))
        }
        None => Ok(()),
    }
}

/// What libvirt says no to when a machine is defined is something in its spec.
fn of_define(fault: Fault) -> Fault {
    match fault.kind {
        FaultKind::Unsupported | FaultKind::Failed => {
            Fault { kind: FaultKind::InvalidSpec, field: Some("options".to_owned()), ..fault }
        }
        FaultKind::AlreadyExists => fault.on("name"),
        _ => fault,
    }
}
