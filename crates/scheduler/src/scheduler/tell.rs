//! What the scheduler is told: hosts, workloads and placements, as they are stored.

use std::collections::BTreeSet;
use std::sync::Arc;

use tamer_model::{
    Host, HostId, Placement, PlacementId, PlacementStatus, Run, Workload, WorkloadName,
    WorkloadSpec,
};

use super::Scheduler;
use crate::HostView;
use crate::desire::Told;
use crate::state::{HostIx, List, NeedIx, Seat, Slot, WorkloadIx};

impl Scheduler {
    /// A host is there, or is another than before.
    pub fn put_host(&mut self, view: HostView) {
        let ix = self.fleet.hosts.place(view.host.id);
        if self.fleet.hosts.get(ix).view.as_ref().is_some_and(|before| same(before, &view)) {
            return;
        }
        self.tell_host(ix, Some(view));
        self.opened.insert(ix);
    }

    /// A host was removed from the fleet. Its placements stay until their own records go.
    pub fn remove_host(&mut self, id: HostId) {
        let Some(ix) = self.fleet.hosts.find(id) else { return };
        self.tell_host(ix, None);
        self.opened.remove(&ix);
        self.fleet.hosts.tidy(ix);
    }

    /// A workload is there, or is another than before.
    pub fn put_workload(&mut self, workload: Arc<Workload>) {
        let ix = self.fleet.workloads.place(&workload.spec.name);
        if self.fleet.workloads.get(ix).workload.as_deref() == Some(&*workload) {
            return;
        }
        let everywhere = matches!(workload.spec.run, Run::EveryHost);
        self.fleet.tell_workload(ix, Some(workload));
        self.fleet.settle(ix);
        match everywhere {
            true => self.everywhere.insert(ix),
            false => self.everywhere.remove(&ix),
        };
        self.touch_with_followers(ix);
    }

    /// A workload's record is gone.
    pub fn remove_workload(&mut self, name: &WorkloadName) {
        let Some(ix) = self.fleet.workloads.find(name) else { return };
        self.touch_with_followers(ix);
        self.fleet.tell_workload(ix, None);
        for set in [&mut self.touched, &mut self.idle, &mut self.starved, &mut self.everywhere] {
            set.remove(&ix);
        }
        if let Some(due) = self.fleet.workloads.get_mut(ix).due.take() {
            self.due.remove(&(due, ix));
        }
        self.fleet.workloads.tidy(ix);
    }

    /// What an older version of a workload is, of which there are copies.
    pub fn put_template(&mut self, name: &WorkloadName, template: u32, spec: Arc<WorkloadSpec>) {
        let ix = self.fleet.workloads.place(name);
        let need = self.fleet.needs.of(&spec);
        self.fleet.workloads.get_mut(ix).templates.insert(template, need);
        self.fleet.settle(ix);
        self.forget_idle();
        self.touched.insert(ix);
    }

    /// A placement is there, or something of it changed. The status's times are by the
    /// coordinator's clock.
    pub fn put_placement(&mut self, placement: Placement, status: Option<PlacementStatus>) {
        let told = status.as_ref().map(|status| Told::new(status, 0));
        let workload = self.fleet.workloads.place(&placement.workload);
        let host = self.fleet.hosts.place(placement.host);
        if let Some(slot) = self.fleet.placements.find(placement.id) {
            let seat = self.fleet.placements.get(slot);
            if (seat.workload, seat.host) == (workload, host)
                && (seat.index, seat.template) == (placement.index, placement.template)
            {
                return self.change_placement(slot, &placement, told);
            }
            // An id names one placement for life; a record that says otherwise is taken as it is.
            self.remove_placement(placement.id);
        }
        let need = self.fleet.need(workload, placement.template);
        let seat = Seat::new(&placement, told, (host, workload, need));
        self.fleet.add(seat);
        self.touch_with_followers(workload);
    }

    /// A placement's record is gone.
    pub fn remove_placement(&mut self, id: PlacementId) {
        let Some(slot) = self.fleet.placements.find(id) else { return };
        let seat = self.fleet.take(slot);
        self.opened.insert(seat.host);
        self.touch_with_followers(seat.workload);
        self.fleet.hosts.tidy(seat.host);
        self.fleet.workloads.tidy(seat.workload);
    }

    fn change_placement(&mut self, slot: Slot, placement: &Placement, told: Option<Told>) {
        let seat = self.fleet.placements.get(slot);
        if (seat.wish, seat.told) == (placement.wish, told) {
            return;
        }
        let (before, host, workload) = (seat.takes(), seat.host, seat.workload);
        let need = self.fleet.needs.get(seat.need);
        self.fleet.placements.change(slot, placement.wish, told);
        match (before, self.fleet.placements.get(slot).takes()) {
            (true, false) => {
                self.fleet.hosts.usage_mut(host).give(need);
                self.opened.insert(host);
            }
            (false, true) => self.fleet.hosts.usage_mut(host).take(need),
            (true, true) | (false, false) => {}
        }
        self.touch_with_followers(workload);
    }

    fn tell_host(&mut self, ix: HostIx, view: Option<HostView>) {
        self.forget_idle();
        let mut on_it = BTreeSet::new();
        let head = self.fleet.hosts.get(ix).head;
        on_it.extend(self.fleet.placements.of(List::Host, head).map(|(_, seat)| seat.workload));
        let times = |view: Option<&HostView>| -> Vec<_> {
            let times = view.into_iter().flat_map(|view| {
                view.set_aside.into_iter().chain(view.set_aside_for.values().copied())
            });
            times.map(|until| (until, ix)).collect()
        };
        self.aside.extend(times(view.as_ref()));
        let host = view.as_ref().map(|view| Arc::clone(&view.host));
        let before = self.fleet.tell_host(ix, view);
        let after = times(self.fleet.hosts.get(ix).view.as_ref());
        for time in times(before.as_ref()).into_iter().filter(|time| !after.contains(time)) {
            self.aside.remove(&time);
        }
        if host.as_deref() != before.as_ref().map(|view| &*view.host) {
            self.fleet.masks.host(ix, host.as_deref());
            self.fleet.columns.host(ix, host.as_deref());
        }
        // Copies elsewhere do not care, but those that run everywhere may come here now.
        self.touched.extend(on_it);
        self.touched.extend(&self.everywhere);
    }

    fn touch_with_followers(&mut self, ix: WorkloadIx) {
        self.forget_idle();
        let record = self.fleet.workloads.get(ix);
        self.touched.extend(record.named_by.iter().chain([&ix]));
    }
}

impl super::Fleet {
    /// What a copy takes that is made of a version; nothing while nobody has told.
    fn need(&mut self, workload: WorkloadIx, template: u32) -> NeedIx {
        let need = self.workloads.get(workload).need(template);
        need.unwrap_or_else(|| self.needs.nothing())
    }

    fn tell_host(&mut self, ix: HostIx, view: Option<HostView>) -> Option<HostView> {
        self.hosts.tell(ix, view, &mut self.needs)
    }

    fn add(&mut self, seat: Seat) {
        let (host, workload, need, takes) = (seat.host, seat.workload, seat.need, seat.takes());
        let record = self.workloads.get_mut(workload);
        *record.held.entry(need).or_default() += 1;
        self.placements.add(seat, [self.hosts.head_mut(host), &mut record.head]);
        if takes {
            self.hosts.usage_mut(host).take(self.needs.get(need));
        }
    }

    fn take(&mut self, slot: Slot) -> Seat {
        let seat = self.placements.get(slot);
        let (host, workload, need, takes) = (seat.host, seat.workload, seat.need, seat.takes());
        if takes {
            self.hosts.usage_mut(host).give(self.needs.get(need));
        }
        let record = self.workloads.get_mut(workload);
        if let Some(count) = record.held.get_mut(&need) {
            *count -= 1;
        }
        record.held.retain(|_, count| *count > 0);
        self.placements.take(slot, [self.hosts.head_mut(host), &mut record.head])
    }

    /// Copies take what is known by now of their versions.
    fn settle(&mut self, ix: WorkloadIx) {
        let head = self.workloads.get(ix).head;
        let seats = self.placements.of(List::Workload, head);
        let templates: Vec<_> =
            seats.map(|(slot, seat)| (slot, seat.template, seat.need)).collect();
        for (slot, template, before) in templates {
            let need = self.need(ix, template);
            if need != before {
                let mut seat = self.take(slot);
                seat.need = need;
                self.add(seat);
            }
        }
    }
}

/// Whether nothing of a host is another.
fn same(before: &HostView, after: &HostView) -> bool {
    let HostView { host, state, since, providers, taken, set_aside, set_aside_for } = before;
    (state, since, set_aside) == (&after.state, &after.since, &after.set_aside)
        && (providers, taken, set_aside_for)
            == (&after.providers, &after.taken, &after.set_aside_for)
        && same_host(host, &after.host)
}

fn same_host(before: &Arc<Host>, after: &Arc<Host>) -> bool {
    Arc::ptr_eq(before, after) || before == after
}
