//! The value that each host has for a label, for spreading.

use std::collections::HashMap;

use tamer_model::{Host, HostState, Subject};

use super::{ColumnIx, HostIx};

/// The labels in use for spreading, and the hosts' values.
#[derive(Debug, Clone, Default)]
pub struct Columns {
    all: Vec<Column>,
}

#[derive(Debug, Clone)]
struct Column {
    key: String,
    /// By host; 0 for hosts without it.
    values: Vec<u32>,
    /// The values that were seen, from 1. They grow with the distinct values of the label.
    known: HashMap<String, u32>,
    users: u32,
}

impl Columns {
    /// The column of a label or fact, until it is released as often as it was asked for.
    pub fn claim<'a>(
        &mut self,
        key: &str,
        hosts: impl Iterator<Item = (HostIx, &'a Host)>,
    ) -> ColumnIx {
        let used = |column: &Column| column.users > 0 && column.key == key;
        if let Some(at) = self.all.iter().position(used) {
            self.all[at].users += 1;
            return ColumnIx(at as u32);
        }
        let mut column =
            Column { key: key.to_owned(), values: Vec::new(), known: HashMap::new(), users: 1 };
        for (ix, host) in hosts {
            column.host(ix, Some(host));
        }
        let at = self.all.iter().position(|column| column.users == 0);
        match at {
            Some(at) => self.all[at] = column,
            None => self.all.push(column),
        }
        ColumnIx(at.unwrap_or(self.all.len() - 1) as u32)
    }

    /// One user less.
    pub fn release(&mut self, ix: ColumnIx) {
        let column = &mut self.all[ix.at()];
        column.users -= 1;
        if column.users == 0 {
            (column.values, column.known) = (Vec::new(), HashMap::new());
        }
    }

    /// A host is there, is another, or is gone.
    pub fn host(&mut self, ix: HostIx, host: Option<&Host>) {
        for column in self.all.iter_mut().filter(|column| column.users > 0) {
            column.host(ix, host);
        }
    }

    /// How many values there are, with that of hosts without one.
    pub fn values(&self, column: ColumnIx) -> usize {
        self.all[column.at()].known.len() + 1
    }

    /// The value that a host has, as a number; 0: none.
    pub fn value(&self, column: ColumnIx, host: HostIx) -> u32 {
        self.all[column.at()].values.get(host.at()).copied().unwrap_or_default()
    }
}

impl Column {
    fn host(&mut self, ix: HostIx, host: Option<&Host>) {
        if self.values.len() <= ix.at() {
            self.values.resize(ix.at() + 1, 0);
        }
        let fresh = self.known.len() as u32 + 1;
        let subject = host.map(|host| (host, HostState::Ready));
        let value = subject.as_ref().and_then(|subject| subject.value(&self.key));
        self.values[ix.at()] =
            value.map_or(0, |value| *self.known.entry(value.into_owned()).or_insert(fresh));
    }
}
