//! Pools and volumes, of the daemon's own storage driver.

use tamer_provider_vm::rpc::code;

use super::{daemon, open, soon};

#[tokio::test]
async fn volumes_are_made_filled_copied_and_removed() {
    let Some((folder, libvirt)) = daemon() else { return };
    let place = folder.path().join("pool");
    std::fs::create_dir(&place).unwrap();
    libvirt
        .virsh(&["pool-create-as", "images", "dir", "--target", place.to_str().unwrap()])
        .unwrap();
    let connection = open(&libvirt, "qemu:///system").await;

    let pools = soon(connection.pools()).await.unwrap();
    let [pool] = pools.as_slice() else { panic!("{pools:?}") };
    assert_eq!(&soon(connection.pool_lookup("images")).await.unwrap(), pool);
    let none = soon(connection.pool_lookup("other")).await.unwrap_err();
    assert_eq!(none.code(), Some(code::VIR_ERR_NO_STORAGE_POOL), "{none:?}");
    assert!(soon(connection.pool_xml(pool)).await.unwrap().contains("<name>images</name>"));
    let info = soon(connection.pool_info(pool)).await.unwrap();
    assert!(info.state == 2 && info.capacity >= info.available, "{info:?}");

    // Odd, and more than what one packet carries.
    let content: Vec<u8> = (0..3_000_001u32).map(|at| (at % 251) as u8).collect();
    let xml = "<volume><name>disk</name><capacity>3000001</capacity></volume>";
    let disk = soon(connection.volume_create_xml(pool, xml, 0)).await.unwrap();
    assert_eq!((disk.pool.as_str(), disk.name.as_str()), ("images", "disk"));
    let twice = soon(connection.volume_create_xml(pool, xml, 0)).await.unwrap_err();
    assert_eq!(twice.code(), Some(code::VIR_ERR_STORAGE_VOL_EXIST), "{twice:?}");
    let mut upload = soon(connection.volume_upload(&disk, 0, 0)).await.unwrap();
    soon(upload.write(&content)).await.unwrap();
    soon(upload.finish()).await.unwrap();
    let path = soon(connection.volume_path(&disk)).await.unwrap();
    assert_eq!(path, place.join("disk").to_str().unwrap());
    assert!(std::fs::read(&path).unwrap() == content, "another content");
    assert_eq!(soon(connection.volume_lookup_path(&path)).await.unwrap(), disk);

    let xml = xml.replace("disk", "copy");
    let copy = soon(connection.volume_create_from(pool, &xml, &disk, 0)).await.unwrap();
    assert!(std::fs::read(place.join("copy")).unwrap() == content, "another content");
    soon(connection.volume_resize(&copy, 4 << 20, 0)).await.unwrap();
    assert_eq!(soon(connection.volume_info(&copy)).await.unwrap().capacity, 4 << 20);
    assert!(soon(connection.volume_xml(&copy)).await.unwrap().contains("<name>copy</name>"));

    // Given up in the middle: the connection and the volume are as good as before.
    let mut upload = soon(connection.volume_upload(&copy, 0, 0)).await.unwrap();
    soon(upload.write(&content[..1000])).await.unwrap();
    soon(upload.abort()).await.unwrap();
    drop(soon(connection.volume_upload(&copy, 0, 0)).await.unwrap());

    std::fs::write(place.join("found"), b"x").unwrap();
    soon(connection.pool_refresh(pool)).await.unwrap();
    let mut names: Vec<_> = soon(connection.volumes(pool))
        .await
        .unwrap()
        .into_iter()
        .map(|volume| volume.name)
        .collect();
    names.sort();
    assert_eq!(names, ["copy", "disk", "found"]);
    soon(connection.volume_delete(&disk, 0)).await.unwrap();
    let none = soon(connection.volume_lookup(pool, "disk")).await.unwrap_err();
    assert_eq!(none.code(), Some(code::VIR_ERR_NO_STORAGE_VOL), "{none:?}");
    assert!(!place.join("disk").exists());
}
