//! Which instances people mean.

use tamer_model::{Code, FleetInstance, HostState, InstanceId, InstanceTerms, Problem, Selector};
use tamer_proto::{FleetInstanceView, wire};

use crate::fleet::{Member, Placed, View};

/// The most instances that one call may name one by one.
const MAX_NAMED: usize = 1000;

/// An instance with its host.
#[derive(Clone, Copy)]
pub struct Found<'a> {
    pub placed: &'a Placed,
    pub member: &'a Member,
}

impl<'a> Found<'a> {
    pub fn instance(&self) -> &'a FleetInstance {
        &self.placed.instance
    }

    /// Where it stands in lists: by host, provider, name and id.
    pub fn order(&self) -> (&'a str, &'a str, &'a str, InstanceId) {
        let FleetInstance { id, provider, instance, .. } = self.instance();
        (self.member.host.name.as_str(), provider.as_str(), instance.name.as_str(), *id)
    }

    pub fn show(&self, view: &View) -> wire::FleetInstance {
        let instance = self.instance();
        FleetInstanceView {
            instance,
            host: &self.member.host,
            state: self.member.status.state,
            stale: view.is_stale(instance.host, &instance.provider),
        }
        .into()
    }

    /// Refuses what cannot be done now because nobody there would hear it.
    pub fn reachable(&self, view: &View) -> Result<(), Problem> {
        let FleetInstance { host, provider, instance, .. } = self.instance();
        let name = &self.member.host.name;
        if self.member.status.state != HostState::Ready {
            return Err(Problem::new(
                Code::Unreachable,
                format!("{} is on {name}, and that host is lost", instance.name),
            )
            .remedy("`tamerctl host show` says since when; its agent must come back first"));
        }
        let status = view.providers(*host).iter().find(|status| status.name == *provider);
        match status.map(|status| &status.availability) {
            Some(tamer_model::Availability::Available { .. }) => Ok(()),
            Some(tamer_model::Availability::Unavailable(problem)) => Err(problem.clone()),
            None => Err(Problem::new(
                Code::ProviderUnavailable,
                format!("{name} has no provider {provider} now"),
            )),
        }
    }
}

/// Which instances a request means.
#[derive(Debug, Clone)]
pub struct Selection {
    hosts: Selector,
    instances: Selector,
    named: Vec<String>,
}

impl TryFrom<Option<wire::InstanceSelection>> for Selection {
    type Error = Problem;

    fn try_from(selection: Option<wire::InstanceSelection>) -> Result<Self, Problem> {
        let wire::InstanceSelection { hosts, instances, named } = selection.unwrap_or_default();
        let read = |text: &str, field: &str| -> Result<Selector, Problem> {
            if text.is_empty() {
                return Ok(Selector::default());
            }
            text.parse().map_err(|problem: Problem| problem.on(field))
        };
        few(&named)?;
        Ok(Self { hosts: read(&hosts, "hosts")?, instances: read(&instances, "instances")?, named })
    }
}

fn few(named: &[String]) -> Result<(), Problem> {
    if named.len() > MAX_NAMED {
        let message = format!("{} instances named one by one, more than {MAX_NAMED}", named.len());
        return Err(Problem::field("named", message).remedy("use a selector"));
    }
    Ok(())
}

impl Selection {
    /// The instances that terms mean, on the hosts that a selector means.
    pub fn new(hosts: Selector, terms: &InstanceTerms) -> Result<Self, Problem> {
        let InstanceTerms { selector, named } = terms;
        let instances = match selector.as_str() {
            "" => Selector::default(),
            text => text.parse().map_err(|problem: Problem| problem.on("instances"))?,
        };
        few(named)?;
        Ok(Self { hosts, instances, named: named.clone() })
    }

    /// The instances that are meant, in their order. A name that means none is a problem; selectors
    /// that mean none are not.
    pub fn find<'a>(&self, view: &'a View) -> Result<Vec<Found<'a>>, Problem> {
        let mut found = Vec::new();
        if self.named.is_empty() {
            found.extend(view.instances().filter_map(|placed| self.fits(view, placed)));
        } else {
            for name in &self.named {
                let one = find(view, name)?;
                found.extend(self.fits(view, one.placed));
            }
        }
        found.sort_by(|a, b| a.order().cmp(&b.order()));
        found.dedup_by_key(|found| found.instance().id);
        Ok(found)
    }

    fn fits<'a>(&self, view: &'a View, placed: &'a Placed) -> Option<Found<'a>> {
        if !self.instances.matches(&placed.instance) {
            return None;
        }
        let member = view.host(placed.instance.host)?;
        let subject = (&member.host, member.status.state);
        self.hosts.matches(&subject).then_some(Found { placed, member })
    }

    /// As [`Selection::find`], and none is a problem.
    pub fn find_some<'a>(&self, view: &'a View) -> Result<Vec<Found<'a>>, Problem> {
        let found = self.find(view)?;
        if found.is_empty() {
            return Err(Problem::new(Code::SelectionEmpty, "no instance fits the selection")
                .on("instances")
                .remedy("`tamerctl instance ls` with the same selection shows what there is"));
        }
        Ok(found)
    }
}

/// The one instance that a person means: by its id, as HOST/NAME, or by a name or a beginning of
/// its native id that only one has.
pub fn find<'a>(view: &'a View, text: &str) -> Result<Found<'a>, Problem> {
    let with_host =
        |placed: &'a Placed| view.host(placed.instance.host).map(|member| Found { placed, member });
    if let Some(found) = text.parse().ok().and_then(|id| view.instance(id)).and_then(with_host) {
        return Ok(found);
    }
    let (host, name) = match text.split_once('/') {
        Some((host, name)) => (Some(view.find(host)?.host.id), name),
        None => (None, text),
    };
    let all: Vec<Found<'a>> = match host {
        Some(host) => view.instances_of(host).filter_map(with_host).collect(),
        None => view.instances().filter_map(with_host).collect(),
    };
    let named = |found: &&Found<'_>| found.instance().instance.name.as_str() == name;
    let mut candidates: Vec<_> = all.iter().filter(named).copied().collect();
    if candidates.is_empty() && name.len() >= 4 {
        let begins =
            |found: &&Found<'_>| found.instance().instance.native.as_str().starts_with(name);
        candidates = all.iter().filter(begins).copied().collect();
    }
    match candidates[..] {
        [one] => Ok(one),
        [] => Err(Problem::new(Code::NotFound, format!("no instance is called {text:?}"))
            .on("instance")
            .remedy("`tamerctl instance ls` lists them")),
        _ => {
            candidates.sort_by(|a, b| a.order().cmp(&b.order()));
            let places: Vec<_> = candidates
                .iter()
                .take(5)
                .map(|found| {
                    let FleetInstance { id, provider, .. } = found.instance();
                    format!("{}/{name} ({provider}, {id})", found.member.host.name)
                })
                .collect();
            Err(Problem::new(
                Code::Ambiguous,
                format!(
                    "{} instances are called {text:?}: {}",
                    candidates.len(),
                    places.join(", ")
                ),
            )
            .on("instance")
            .remedy("write HOST/NAME, or the id"))
        }
    }
}
