//! The seed of cloud-init: a small disk labelled `cidata` with up to three files, as its NoCloud
//! data source looks for it.

use std::io::{self, Cursor, Write as _};

use fatfs::{Date, DateTime, FileSystem, FormatVolumeOptions, FsOptions, Time, TimeProvider};
use tamer_provider::Options;
use uuid::Uuid;

/// Holds the largest seed (a spec has 256 KiB of text) with room for the file system itself.
const IMAGE_BYTES: usize = 1 << 20;
const LABEL: [u8; 11] = *b"cidata     ";

/// The beginning of the file system's time: the content alone makes the image.
#[derive(Debug)]
struct NoTime;

impl TimeProvider for NoTime {
    fn get_current_date(&self) -> Date {
        Date { year: 1980, month: 1, day: 1 }
    }

    fn get_current_date_time(&self) -> DateTime {
        let time = Time { hour: 0, min: 0, sec: 0, millis: 0 };
        DateTime { date: self.get_current_date(), time }
    }
}

/// What a seed holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seed {
    /// `user-data`.
    pub user_data: String,
    /// `meta-data`.
    pub meta_data: String,
    /// `network-config`, where there is one.
    pub network: Option<String>,
}

impl Seed {
    /// What the options say; none when none of them is given.
    pub fn of(options: &Options<'_>, name: &str, uuid: Uuid) -> Option<Self> {
        let text = |key| options.text(key).map(str::to_owned);
        let given = [
            text("cloud_init_user_data"),
            text("cloud_init_meta_data"),
            text("cloud_init_network"),
        ];
        if given.iter().all(Option::is_none) {
            return None;
        }
        let [user_data, meta_data, network] = given;
        Some(Self {
            user_data: user_data.unwrap_or_else(|| "#cloud-config\n".to_owned()),
            meta_data: meta_data
                .unwrap_or_else(|| format!("instance-id: {uuid}\nlocal-hostname: {name}\n")),
            network,
        })
    }

    /// The image, byte for byte the same for the same content.
    pub fn image(&self) -> io::Result<Vec<u8>> {
        let mut image = Cursor::new(vec![0; IMAGE_BYTES]);
        fatfs::format_volume(&mut image, FormatVolumeOptions::new().volume_label(LABEL))?;
        let system = FileSystem::new(&mut image, FsOptions::new().time_provider(&NoTime))?;
        let files = [
            ("user-data", Some(&self.user_data)),
            ("meta-data", Some(&self.meta_data)),
            ("network-config", self.network.as_ref()),
        ];
        for (name, content) in files {
            if let Some(content) = content {
                let mut file = system.root_dir().create_file(name)?;
                file.write_all(content.as_bytes())?;
                file.flush()?;
            }
        }
        system.unmount()?;
        Ok(image.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn files(image: Vec<u8>) -> (String, Vec<(String, String)>) {
        let system = FileSystem::new(Cursor::new(image), FsOptions::new()).expect("a file system");
        let label = system.read_volume_label_from_root_dir().expect("read").expect("a label");
        let read = |entry: fatfs::DirEntry<'_, Cursor<Vec<u8>>>| {
            let mut text = String::new();
            entry.to_file().read_to_string(&mut text).expect("read");
            (entry.file_name(), text)
        };
        let entries = system.root_dir().iter().map(|entry| entry.expect("an entry"));
        (label, entries.filter(fatfs::DirEntry::is_file).map(read).collect())
    }

    #[test]
    fn what_is_put_in_is_found_under_its_label() {
        let large = "x".repeat(250 * 1024);
        let seed = Seed {
            user_data: large.clone(),
            meta_data: "instance-id: 1\n".to_owned(),
            network: Some("version: 2\n".to_owned()),
        };
        let (label, files) = files(seed.image().expect("an image"));
        assert_eq!(label, "cidata");
        let wanted = [
            ("user-data", large.as_str()),
            ("meta-data", "instance-id: 1\n"),
            ("network-config", "version: 2\n"),
        ];
        let seen: Vec<_> = files.iter().map(|(n, t)| (n.as_str(), t.as_str())).collect();
        assert_eq!(seen, wanted);
        assert_eq!(seed.image().expect("again"), seed.image().expect("again"));
    }

    #[test]
    fn without_an_option_there_is_no_seed() {
        let none = std::collections::BTreeMap::new();
        let options = Options::check(&none, crate::options::OPTIONS).expect("fine");
        assert_eq!(Seed::of(&options, "a", Uuid::nil()), None);
    }
}
