//! `docs/workloads.md`, `docs/drift.md` and `README.md` cannot lie: every command of them is run, on
//! real engines and real files.
#![cfg(target_os = "linux")]

mod drift;
mod scene;

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tamer_tests::guide::{Guide, Step};
use tamer_tests::technology::installed;

use scene::{SOON, Scene};

const PAGE: &str = include_str!("../../../docs/workloads.md");
const README: &str = include_str!("../../../README.md");
/// The longest that a command of the page may take: an update that fails and goes back.
const COMMAND: Duration = Duration::from_secs(120);

#[test]
fn every_command_of_the_pages() {
    if !installed(&["docker"]) {
        return;
    }
    let scene = Scene::start();
    for (name, page, least) in [("docs/workloads.md", PAGE, 40), ("README.md", README, 4)] {
        let guide = Guide::read(page);
        assert!(guide.steps.len() >= least, "{name} was read: {guide:?}");
        let folder = scene.folder.path().join(name.replace('/', "-"));
        fs::create_dir(&folder).expect("a folder");
        let wrong = guide.wrong(&scene.ctl, &folder, COMMAND, |step| happens(&scene, step));
        assert!(wrong.is_empty(), "{name} says what is not so:\n{}", wrong.join("\n"));
    }
}

/// What the page says that happens: a command that is only a remark.
fn happens(scene: &Scene, step: &Step) {
    match step.command.as_str() {
        "# frail fails" => {
            scene.becomes("frail", "it has no host", |told| told["copies"]["unplaced"] == 1);
        }
        "# oslo1 is cut off" => {
            scene.cable("oslo1", false);
            scene.becomes("patient", "one takes its place", |told| {
                told["copies"]["well"] == 1 && told["copies"]["unknown"] == 1
            });
        }
        "# oslo1 is back" => {
            scene.cable("oslo1", true);
            scene.becomes("patient", "one of the two stays", |told| {
                let copies = told["placements"].as_array().map(Vec::len);
                told["state"] == "running" && copies == Some(1)
            });
        }
        remark if remark.starts_with('#') => panic!("nothing is known of {remark:?}"),
        _ => {}
    }
}

/// What the page links to is there, and the examples are those that `tamerctl` prints.
#[test]
fn what_the_page_names_is_there() {
    let docs = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs"));
    let named = links(PAGE);
    for example in fs::read_dir(docs.join("examples")).expect("the examples") {
        let name = example.expect("an example").file_name();
        let link = format!("examples/{}", name.to_str().expect("text"));
        assert!(named.contains(&link.as_str()), "the page names {link}");
    }
    let drift = fs::read_to_string(docs.join("drift.md")).expect("the page about drift");
    let all = [named, links(&drift)].concat();
    let gone: Vec<_> = all.iter().filter(|link| !docs.join(link).exists()).collect();
    assert!(gone.is_empty(), "{gone:?}");
}

fn links(page: &str) -> Vec<&str> {
    page.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0)).collect()
}

impl Scene {
    /// Waits until a workload is as wanted.
    fn becomes(&self, workload: &str, what: &str, wanted: impl Fn(&Value) -> bool) {
        tamer_tests::until(&format!("{workload}: {what}"), SOON, || {
            let told = self.ctl.json(&["workload", "show", workload]);
            if wanted(&told) { Ok(()) } else { Err(format!("{told:#}")) }
        });
    }
}
