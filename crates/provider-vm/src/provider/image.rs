//! What machines can be made of: templates and disk images in the templates' folder, and the
//! volumes of libvirt's pools.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest;
use data_encoding::HEXLOWER;
use futures_util::StreamExt as _;
use tamer_provider::{Fault, FaultKind, Image, ImageSource, Progress, ProgressSink, Result};
use tokio::fs::{self, File};
use tokio::io::AsyncWriteExt as _;
use uuid::Uuid;

use super::MachineProvider;
use crate::faults::{fault, of_io};
use crate::machine::Template;
use crate::rpc::{RpcError, Volume, VolumeInfo, code};
use crate::session::Live;
use crate::{platform, qcow2};

/// What a file is called while it is written; never listed.
const LOADING: &str = ".loading-";
const TEMPLATE: &str = "toml";
/// Of a file in the folder of a pool: `virStorageVolType`.
const FILE: i32 = 0;
const RUNNING_POOL: u32 = 2;

impl MachineProvider {
    pub(super) async fn all_images(&self) -> Result<Vec<Image>> {
        let live = self.session.live().await?;
        // The folder may be a pool too: an image is told once, with every reference.
        let mut images: BTreeMap<String, Image> = BTreeMap::new();
        let found = volumes(&live).await?.unwrap_or_default().into_iter().map(|volume| Image {
            size_bytes: Some(volume.info.allocation),
            references: vec![volume.path.clone(), volume.id()],
            id: volume.path,
        });
        for image in self.files().await?.into_iter().chain(found) {
            match images.get_mut(&image.id) {
                None => drop(images.insert(image.id.clone(), image)),
                Some(known) => {
                    known.references.extend(image.references);
                    known.references.sort();
                    known.references.dedup();
                }
            }
        }
        Ok(images.into_values().collect())
    }

    /// The files of the templates' folder.
    pub(super) async fn files(&self) -> Result<Vec<Image>> {
        let folder = &self.settings.templates;
        let failed = |error: std::io::Error| self.folder_fault(&error);
        let mut entries = match fs::read_dir(folder).await {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let mut images = Vec::new();
        while let Some(entry) = entries.next_entry().await.map_err(failed)? {
            let path = entry.path();
            let (Some(name), Some(text)) =
                (path.file_name().and_then(|n| n.to_str()), path.to_str())
            else {
                continue;
            };
            // Removed since it was listed.
            let Ok(metadata) = fs::metadata(&path).await else { continue };
            if !metadata.is_file() || name.starts_with('.') {
                continue;
            }
            let reference = match name.strip_suffix(TEMPLATE).and_then(|n| n.strip_suffix('.')) {
                Some(template) if Template::is_name(template) => template.to_owned(),
                _ => text.to_owned(),
            };
            images.push(Image {
                id: text.to_owned(),
                references: vec![reference],
                size_bytes: Some(metadata.len()),
            });
        }
        Ok(images)
    }

    pub(super) async fn load_image(
        &self,
        mut source: ImageSource,
        progress: &ProgressSink,
    ) -> Result<Vec<String>> {
        let folder = self.settings.templates.clone();
        let failed = |error: std::io::Error| self.folder_fault(&error);
        platform::make_folder(&folder).map_err(failed)?;
        let loading = Loading(folder.join(format!("{LOADING}{}", Uuid::new_v4())));
        let mut file = File::create_new(&loading.0).await.map_err(failed)?;
        let mut digest = digest::Context::new(&digest::SHA256);
        let (mut begin, mut done) = (Vec::new(), 0);
        while let Some(piece) = source.next().await {
            let piece = piece.map_err(|error| {
                Fault::new(FaultKind::Failed, "the image broke off").said(error.to_string())
            })?;
            digest.update(&piece);
            begin.extend_from_slice(&piece[..piece.len().min(512 - begin.len())]);
            done += piece.len() as u64;
            file.write_all(&piece).await.map_err(failed)?;
            let what = "loading a disk image".to_owned();
            progress.tell(Progress { what, done_bytes: Some(done), total_bytes: None });
        }
        let shape = qcow2::shape(&begin, done);
        check(shape, done)?;
        file.sync_all().await.map_err(failed)?;
        // By its content, so that the same image taken in twice is there once.
        let sum = HEXLOWER.encode(&digest.finish().as_ref()[..8]);
        let path = folder.join(format!("sha256-{sum}.{}", shape.format));
        fs::rename(&loading.0, &path).await.map_err(failed)?;
        Ok(vec![path.to_string_lossy().into_owned()])
    }

    pub(super) async fn remove_image(&self, reference: &str) -> Result<()> {
        let none = || {
            Fault::new(FaultKind::NotFound, format!("there is no image {reference:?}"))
                .remedy("`tamerctl image ls` shows what there is")
        };
        let images = self.all_images().await?;
        let image = images
            .into_iter()
            .find(|image| image.id == reference || image.references.iter().any(|r| r == reference))
            .ok_or_else(none)?;
        let live = self.session.live().await?;
        if let Some(user) = user(&live, &image).await? {
            let what = format!("the machine {user:?} uses the image {reference:?}");
            return Err(Fault::new(FaultKind::Conflict, what).remedy("remove the machine first"));
        }
        let path = PathBuf::from(&image.id);
        if path.parent() == Some(&self.settings.templates) {
            return fs::remove_file(&path).await.map_err(|error| self.folder_fault(&error));
        }
        let what = || format!("cannot remove the volume {reference:?}");
        let volume = live.quick.volume_lookup_path(&image.id).await;
        let volume = volume.map_err(|error| fault(&error, what()))?;
        live.slow.volume_delete(&volume, 0).await.map_err(|error| fault(&error, what()))
    }

    fn folder_fault(&self, error: &std::io::Error) -> Fault {
        let kind = match of_io(error) {
            FaultKind::Unavailable => FaultKind::Failed,
            kind => kind,
        };
        let what = format!("cannot use the folder {}", self.settings.templates.display());
        Fault::new(kind, what).said(error.to_string())
    }
}

/// Refuses what no machine could boot.
fn check(shape: qcow2::Shape, length: u64) -> Result<()> {
    let refused = |why: &str| Err(Fault::new(FaultKind::InvalidSpec, why.to_owned()));
    if length == 0 {
        return refused("the image is empty");
    }
    if shape.format == "raw" && !length.is_multiple_of(512) {
        return refused("the file is neither qcow2 nor a whole number of sectors");
    }
    Ok(())
}

/// A file that is removed unless it was renamed. Also when the load is dropped in the middle.
struct Loading(PathBuf);

impl Drop for Loading {
    fn drop(&mut self) {
        match std::fs::remove_file(&self.0) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!(%error, file = %self.0.display(), "a half-loaded image is left");
            }
            _ => {}
        }
    }
}

/// A machine that uses the image.
async fn user(live: &Live, image: &Image) -> Result<Option<String>> {
    let domains = live.quick.domains().await;
    let domains = domains.map_err(|error| fault(&error, "cannot list the machines"))?;
    for domain in domains {
        let known = match live.book.read(&live.quick, &domain).await {
            Ok(known) => known,
            Err(fault) if fault.kind == FaultKind::NotFound => continue,
            Err(fault) => return Err(fault),
        };
        let mark = known.mark.iter().flat_map(|mark| mark.image.iter().chain(&mark.base));
        let disks = known.disks.iter().filter_map(|disk| disk.source.as_ref());
        let mut names = mark.chain(disks);
        if names.any(|name| *name == image.id || image.references.contains(name)) {
            return Ok(Some(domain.name));
        }
    }
    Ok(None)
}

/// A volume of a pool that is there now.
pub(super) struct Found {
    pub volume: Volume,
    pub path: String,
    pub info: VolumeInfo,
}

impl Found {
    /// `POOL/VOLUME`.
    pub fn id(&self) -> String {
        format!("{}/{}", self.volume.pool, self.volume.name)
    }

    /// Whether it is a file in this folder.
    pub fn is_in(&self, folder: &Path) -> bool {
        Path::new(&self.path).starts_with(folder)
    }
}

/// The files in all pools that are active; none where the daemon serves no storage.
pub(super) async fn volumes(live: &Live) -> Result<Option<Vec<Found>>> {
    let what = "cannot list the volumes";
    let Some(pools) = served(live.quick.pools().await, what)? else { return Ok(None) };
    let mut found = Vec::new();
    for pool in pools {
        let Some(info) = there(live.quick.pool_info(&pool).await, what)? else { continue };
        if info.state != RUNNING_POOL {
            continue;
        }
        for volume in there(live.quick.volumes(&pool).await, what)?.unwrap_or_default() {
            let Some(info) = there(live.quick.volume_info(&volume).await, what)? else { continue };
            let Some(path) = there(live.quick.volume_path(&volume).await, what)? else { continue };
            if info.kind == FILE {
                found.push(Found { volume, path, info });
            }
        }
    }
    Ok(Some(found))
}

/// None where the daemon has no driver for it: only QEMU's may be installed.
pub(super) fn served<T>(answer: std::result::Result<T, RpcError>, what: &str) -> Result<Option<T>> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error)
            if matches!(
                error.code(),
                Some(code::VIR_ERR_NO_SUPPORT | code::VIR_ERR_NO_CONNECT)
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(fault(&error, what)),
    }
}

/// None when it was removed, or switched off, since it was listed.
fn there<T>(answer: std::result::Result<T, RpcError>, what: &str) -> Result<Option<T>> {
    match answer {
        Err(error)
            if matches!(
                error.code(),
                Some(
                    code::VIR_ERR_NO_STORAGE_POOL
                        | code::VIR_ERR_NO_STORAGE_VOL
                        | code::VIR_ERR_OPERATION_INVALID
                )
            ) =>
        {
            Ok(None)
        }
        answer => served(answer, what),
    }
}
