//! What would have to change so that a copy has a host.

use std::collections::BTreeMap;

use tamer_model::{Cpu, Size};

use super::draft::Draft;
use super::explain::Barred;
use super::frame::{Barrier, Frame};
use crate::state::{HostIx, Lack, WorkloadIx};

/// The most sentences.
const MOST: usize = 5;

const MIB: u64 = 1 << 20;

/// What a change comes to: how grave it is, then how large. The smallest comes first.
type Weight = (u8, i64);

/// What one change would do.
struct Remedy {
    weight: Weight,
    text: String,
}

/// In sentences, the smallest change first.
pub fn remedies(frame: &Frame<'_>, draft: &Draft<'_>, barred: &Barred) -> Vec<String> {
    if barred.is_empty() {
        return vec!["join hosts: there are none".to_owned()];
    }
    // Hosts that a single change would make fit.
    let mut single: Vec<(Barrier, Vec<HostIx>)> = Vec::new();
    for (host, barriers) in barred.iter() {
        if let [barrier] = *barriers {
            match single.iter_mut().find(|(known, _)| *known == barrier) {
                Some((_, hosts)) => hosts.push(host),
                None => single.push((barrier, vec![host])),
            }
        }
    }
    let mut remedies: Vec<_> = single
        .iter()
        .filter_map(|(barrier, hosts)| remedy(frame, draft, *barrier, hosts))
        .collect();
    remedies.sort_by(|left, right| (left.weight, &left.text).cmp(&(right.weight, &right.text)));
    if remedies.is_empty() {
        return nearest(frame, barred);
    }
    remedies.into_iter().take(MOST).map(|remedy| remedy.text).collect()
}

fn remedy(
    frame: &Frame<'_>,
    draft: &Draft<'_>,
    barrier: Barrier,
    hosts: &[HostIx],
) -> Option<Remedy> {
    let spec = &frame.workload.spec;
    let name = |ix: WorkloadIx| &frame.fleet.workloads.get(ix).name;
    let some = some(hosts.len());
    let (grave, text) = match barrier {
        Barrier::Lack(lack) => return room(frame, draft, lack, hosts),
        Barrier::HasOne => return None,
        Barrier::Cordoned => (0, format!("uncordon {some}")),
        Barrier::SetAside => (1, format!("mend what fails on {some}: set aside until then")),
        Barrier::NotReady => (2, format!("bring back {some}: lost or pending")),
        Barrier::Provider => (4, format!("start {} on {some}", spec.provider)),
        Barrier::With(ix) => (5, format!("place a copy of {} on {some}", name(ix))),
        Barrier::ApartFrom(ix) => (6, format!("move {} away from {some}", name(ix))),
        Barrier::Skew(at) => {
            let over = &spec.spread[at].over;
            (7, format!("raise max_skew over {over}: {} would fit", more(hosts.len())))
        }
        Barrier::Constraint(at) => {
            (8, format!("relax `{}`: {} would fit", spec.constraints[at], more(hosts.len())))
        }
    };
    // Of the same kind the one that helps with more hosts is the smaller change.
    Some(Remedy { weight: (grave, -(hosts.len() as i64)), text })
}

/// What is to be freed, or asked for less.
fn room(frame: &Frame<'_>, draft: &Draft<'_>, lack: Lack, hosts: &[HostIx]) -> Option<Remedy> {
    let need = frame.need;
    let some = some(hosts.len());
    let kind = |kind| frame.fleet.needs.device_name(kind);
    let (need, of, left, total): (i64, String, Vec<i64>, Vec<i64>) = match lack {
        Lack::Port(port, protocol) => {
            let text = format!("free port {port}/{} on {some}", protocol.as_str());
            return Some(Remedy { weight: (3, 1000), text });
        }
        Lack::Cpu => {
            let usage = hosts.iter().map(|host| draft.usage(*host));
            let (left, total) = usage.map(|usage| (usage.cpu, usage.total.0)).unzip();
            (need.cpu, "cpu".to_owned(), left, total)
        }
        Lack::Memory => {
            let usage = hosts.iter().map(|host| draft.usage(*host));
            let (left, total) = usage.map(|usage| (usage.memory, usage.total.1)).unzip();
            (need.memory, "memory".to_owned(), left, total)
        }
        Lack::Disk => {
            let usage = hosts.iter().map(|host| draft.usage(*host));
            let (left, total) = usage.map(|usage| (usage.disk, usage.total_disk)).unzip();
            (need.disk, "disk".to_owned(), left, total)
        }
        Lack::Device(device) => {
            let wanted = need.devices.iter().find(|(known, _)| *known == device)?.1;
            let usage = hosts.iter().map(|host| draft.usage(*host));
            let (left, total) = usage
                .map(|usage| {
                    let all = usage.all_devices().find(|(known, _)| *known == device);
                    (usage.devices_left(device), all.map_or(0, |(_, count)| count))
                })
                .unzip();
            (i64::from(wanted), kind(device).to_string(), left, total)
        }
    };
    // Where the whole host would not do there is nothing to free.
    let large =
        left.iter().zip(&total).filter(|(_, total)| **total >= need).map(|(left, _)| need - left);
    match large.clone().min() {
        Some(least) => {
            let some = self::some(large.count());
            let part = least.saturating_mul(1000) / need.max(1);
            let text = format!("free {} of {of} on {some}", amount_of(lack, least, u64::div_ceil));
            Some(Remedy { weight: (3, part), text })
        }
        None => {
            let most = total.into_iter().max().unwrap_or_default();
            let text = match most {
                0 => format!("ask for no {of}: {} has any", none(hosts.len())),
                most => {
                    let most = amount_of(lack, most, |amount, of| amount / of);
                    format!("ask for at most {most} of {of}: no host has more")
                }
            };
            Some(Remedy { weight: (9, need - most), text })
        }
    }
}

/// Where a single change is not enough: all that the nearest hosts need.
fn nearest(frame: &Frame<'_>, barred: &Barred) -> Vec<String> {
    let fewest = barred.iter().map(|(_, barriers)| barriers.len()).min().unwrap_or_default();
    let mut kinds: BTreeMap<&[Barrier], usize> = BTreeMap::new();
    for (_, barriers) in barred.iter().filter(|(_, barriers)| barriers.len() == fewest) {
        *kinds.entry(barriers).or_default() += 1;
    }
    let told =
        kinds.into_iter().filter(|(barriers, _)| barriers.len() > 1).map(|(barriers, count)| {
            let words: Vec<_> =
                barriers.iter().map(|barrier| frame.told(*barrier).to_string()).collect();
            (count, std::cmp::Reverse(words.join(" and ")))
        });
    let most = told.max();
    most.map(|(count, what)| format!("no single change is enough: {}: {}", many(count), what.0))
        .into_iter()
        .collect()
}

/// An amount as a person would write it: nobody counts the bytes of what is larger than a few MiB.
/// `divide` says which way it is rounded.
fn amount_of(lack: Lack, amount: i64, divide: fn(u64, u64) -> u64) -> String {
    let amount = amount.max(0).unsigned_abs();
    match lack {
        Lack::Cpu => Cpu::from_millis(amount).to_string(),
        Lack::Memory | Lack::Disk if amount < 8 * MIB => Size::from_bytes(amount).to_string(),
        Lack::Memory | Lack::Disk => Size::from_bytes(divide(amount, MIB) * MIB).to_string(),
        Lack::Device(_) | Lack::Port(..) => amount.to_string(),
    }
}

fn some(hosts: usize) -> String {
    match hosts {
        1 => "the one host that would fit".to_owned(),
        more => format!("one of {more} hosts"),
    }
}

fn many(hosts: usize) -> String {
    match hosts {
        1 => "the nearest host".to_owned(),
        more => format!("the nearest {more} hosts"),
    }
}

fn more(hosts: usize) -> String {
    match hosts {
        1 => "1 more host".to_owned(),
        more => format!("{more} more hosts"),
    }
}

fn none(hosts: usize) -> String {
    match hosts {
        1 => "the one host that would fit has not".to_owned(),
        more => format!("none of {more} hosts"),
    }
}
