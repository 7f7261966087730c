//! The authority and credentials on disk.

use std::fs;
use std::path::Path;

use tamer_certs::{
    Authority, CA_CERTIFICATE_FILE, CA_KEY_FILE, Credentials, CredentialsError, LoadError,
    SaveError,
};
use tamer_model::{Code, Problem};

use crate::fleet::{Fleet, host_id, now};

fn saved() -> (Fleet, tempfile::TempDir) {
    let (fleet, folder) = (Fleet::new(1), tempfile::tempdir().expect("a folder"));
    fleet.authority.save(folder.path()).expect("saved");
    (fleet, folder)
}

/// Loading fails, and says which file and what to do.
fn fails(folder: &Path, file: &str) -> LoadError {
    let error = Authority::load(folder).expect_err("damaged");
    let text = error.to_string();
    assert!(text.contains(file), "{text}");
    assert!(!error.remedy().is_empty());
    error
}

#[test]
fn what_is_saved_is_loaded() {
    let (fleet, folder) = saved();
    let loaded = Authority::load(folder.path()).expect("loaded");
    assert_eq!(loaded.trust(), fleet.authority.trust());
    assert_eq!(
        loaded.not_after().as_millis() / 1000,
        fleet.authority.not_after().as_millis() / 1000
    );
    let csr = fleet.host(1).key().csr_der().expect("a request");
    loaded.issue_host(&csr, host_id(1), now()).expect("it issues");
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 2, "nothing left behind");
}

#[cfg(unix)]
#[test]
fn keys_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let (fleet, folder) = saved();
    let path = folder.path().join("host.pem");
    fleet.host(1).save(&path).expect("saved");
    for path in [path, folder.path().join(CA_KEY_FILE)] {
        let mode = fs::metadata(path).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn an_authority_is_never_overwritten() {
    let (_, folder) = saved();
    let before = fs::read(folder.path().join(CA_KEY_FILE)).expect("a key");
    let error = Fleet::new(2).authority.save(folder.path()).expect_err("there is one");
    assert!(matches!(error, SaveError::Exists(_)));
    assert_eq!(fs::read(folder.path().join(CA_KEY_FILE)).expect("a key"), before);
}

#[test]
fn a_first_start_is_told_from_a_loss() {
    let (_, folder) = saved();
    let empty = tempfile::tempdir().expect("a folder");
    assert!(matches!(Authority::load(empty.path()), Err(LoadError::Missing(_))));
    fs::remove_file(folder.path().join(CA_KEY_FILE)).expect("removed");
    assert!(matches!(fails(folder.path(), CA_KEY_FILE), LoadError::KeyMissing(_)));
}

#[test]
fn the_public_copy_comes_back() {
    let (fleet, folder) = saved();
    let copy = folder.path().join(CA_CERTIFICATE_FILE);
    fs::remove_file(&copy).expect("removed");
    Authority::load(folder.path()).expect("loaded");
    assert_eq!(fs::read_to_string(copy).expect("a file"), fleet.authority.trust().to_pem());
}

#[test]
fn damage_is_named() {
    for content in ["", "rubbish", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
    {
        let (_, folder) = saved();
        fs::write(folder.path().join(CA_KEY_FILE), content).expect("written");
        assert!(matches!(fails(folder.path(), CA_KEY_FILE), LoadError::Key { .. }));
    }
    let (_, folder) = saved();
    fs::write(folder.path().join(CA_CERTIFICATE_FILE), "rubbish").expect("written");
    let error = fails(folder.path(), CA_CERTIFICATE_FILE);
    assert!(matches!(error, LoadError::Certificate { .. }));
    assert_eq!(Problem::from(error).code, Code::DataFolder);
}

#[test]
fn pieces_of_two_authorities_do_not_mix() {
    let (_, folder) = saved();
    let (other, _keep) = saved();
    fs::write(folder.path().join(CA_CERTIFICATE_FILE), other.authority.trust().to_pem())
        .expect("written");
    assert!(matches!(fails(folder.path(), CA_CERTIFICATE_FILE), LoadError::Mismatch(_)));
    let (fleet, folder) = saved();
    let bundle = fs::read_to_string(folder.path().join(CA_KEY_FILE)).expect("a key");
    let mixed =
        bundle.replace(&fleet.authority.trust().to_pem(), &other.authority.trust().to_pem());
    fs::write(folder.path().join(CA_KEY_FILE), mixed).expect("written");
    assert!(matches!(fails(folder.path(), CA_KEY_FILE), LoadError::Mismatch(_)));
}

#[test]
fn credentials_come_back_and_damage_is_named() {
    let (fleet, folder) = saved();
    let path = folder.path().join("host.pem");
    assert!(matches!(Credentials::load(&path), Err(CredentialsError::Missing(_))));
    let credentials = fleet.host(1);
    credentials.save(&path).expect("saved");
    let loaded = Credentials::load(&path).expect("loaded");
    assert_eq!((loaded.peer(), loaded.chain()), (credentials.peer(), credentials.chain()));
    let key = credentials.key().to_pem();
    let mixed = format!("{}{}", &*key, fleet.host(1).chain_pem());
    for content in [&key[..40], &*key, &credentials.chain_pem(), &mixed] {
        fs::write(&path, content).expect("written");
        let error = Credentials::load(&path).expect_err("damaged");
        assert!(error.to_string().contains("host.pem"), "{error}");
        assert!(Problem::from(error).remedy.is_some());
    }
}

#[test]
fn secrets_are_not_printed() {
    let (fleet, _folder) = saved();
    let credentials = fleet.host(1);
    let key = credentials.key().to_pem();
    let digits = key.lines().nth(1).expect("a line");
    for text in [format!("{credentials:?}"), format!("{:?}", fleet.authority)] {
        assert!(!text.contains(digits) && text.len() < 1000, "{text}");
    }
}
