//! Freezing targets: from what is asked for to a list of hosts or instances, in the order in which
//! they come.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use tamer_model::{
    BatchSpec, Code, HostId, InstanceAction, InstanceId, InstanceTerms, Problem, Selector, Subject,
    TargetKind, TargetSpec,
};
use tamer_rollout::{order, sample};

use crate::fleet::{Member, View};
use crate::instances::find::{Found, Selection};
use crate::state::{Target, TargetInstance};

/// The most targets of one batch.
const MAX_TARGETS: usize = 200_000;

/// The targets of an earlier batch that a request is limited to.
pub type Earlier = HashSet<(HostId, Option<InstanceId>)>;

/// The targets, and the words by which the batch remembers how they were chosen. The selector is
/// without what it says of findings; the hosts that those named come beside it.
pub fn freeze(
    view: &View,
    spec: &BatchSpec,
    earlier: Option<&Earlier>,
    (selector, drifted): (Selector, Option<BTreeSet<HostId>>),
) -> Result<(Vec<Target>, String), Problem> {
    let TargetSpec { selector: _, hosts, instances, earlier: _, sample: share } = &spec.targets;
    let named = both(named(view, hosts)?, drifted);
    let mut targets = match (spec.action.on(), instances) {
        (TargetKind::Host, terms) => select_hosts(view, &selector, named.as_ref(), terms.as_ref())?,
        (TargetKind::Instance, terms) => {
            let terms = terms.clone().unwrap_or_default();
            select_instances(view, spec, &selector, named.as_ref(), &terms)?
        }
    };
    if let Some(earlier) = earlier {
        targets.retain(|target| earlier.contains(&target.identity()));
    }
    if let Some(share) = share {
        let kept = sample(*share, spec.rollout.seed, &names(&targets));
        targets = kept.into_iter().map(|place| targets[place].clone()).collect();
    }
    if targets.len() > MAX_TARGETS {
        let message = format!("{} targets, more than {MAX_TARGETS}", targets.len());
        return Err(Problem::field("targets", message).remedy("select fewer of them"));
    }
    if targets.is_empty() && !spec.allow_empty {
        return Err(nothing(view, spec, &selector));
    }
    let places = order(&spec.rollout, &names(&targets));
    let targets = places.into_iter().map(|place| targets[place].clone()).collect();
    Ok((targets, words(&spec.targets)))
}

/// The selector of a request; an empty one names every host.
pub fn read(text: &str) -> Result<Selector, Problem> {
    if text.is_empty() {
        return Ok(Selector::default());
    }
    text.parse().map_err(|problem: Problem| problem.on("selector"))
}

/// Hosts that two lists have in common; a list that is not there names every host.
fn both(
    one: Option<BTreeSet<HostId>>,
    other: Option<BTreeSet<HostId>>,
) -> Option<BTreeSet<HostId>> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.intersection(&other).copied().collect()),
        (one, other) => one.or(other),
    }
}

fn names(targets: &[Target]) -> Vec<String> {
    targets.iter().map(Target::label).collect()
}

/// The hosts that are named one by one; a name that nobody has is a problem.
fn named(view: &View, names: &[String]) -> Result<Option<BTreeSet<HostId>>, Problem> {
    if names.is_empty() {
        return Ok(None);
    }
    names.iter().map(|name| view.find(name).map(|m| m.host.id)).collect::<Result<_, _>>().map(Some)
}

fn select_hosts(
    view: &View,
    selector: &Selector,
    named: Option<&BTreeSet<HostId>>,
    having: Option<&InstanceTerms>,
) -> Result<Vec<Target>, Problem> {
    let having: Option<HashSet<HostId>> = having
        .map(|terms| {
            let selection = Selection::new(Selector::default(), terms)?;
            let found = selection.find(view)?;
            Ok::<_, Problem>(found.iter().map(|found| found.instance().host).collect())
        })
        .transpose()?;
    let fits = |member: &&Member| {
        let id = member.host.id;
        named.is_none_or(|named| named.contains(&id))
            && having.as_ref().is_none_or(|having| having.contains(&id))
    };
    let target = |member: &Member| Target {
        host: member.host.id,
        name: member.host.name.clone(),
        item: 0,
        instance: None,
    };
    Ok(view.select(selector).into_iter().filter(fits).map(target).collect())
}

/// The instances, in the order of lists, each with its number on its host.
fn select_instances(
    view: &View,
    spec: &BatchSpec,
    hosts: &Selector,
    named: Option<&BTreeSet<HostId>>,
    terms: &InstanceTerms,
) -> Result<Vec<Target>, Problem> {
    let mut found = Selection::new(hosts.clone(), terms)?.find(view)?;
    found.retain(|found| named.is_none_or(|named| named.contains(&found.instance().host)));
    let removes = |action: &tamer_model::Action| {
        matches!(action, tamer_model::Action::Instance(InstanceAction::Remove { .. }))
    };
    let removing = match &spec.action {
        tamer_model::Action::Sequence(steps) => steps.iter().any(removes),
        action => removes(action),
    };
    if removing && !spec.foreign {
        only_managed(&found)?;
    }
    let mut numbers: BTreeMap<HostId, u16> = BTreeMap::new();
    let number = |found: Found<'_>| {
        let instance = found.instance();
        let next = numbers.entry(instance.host).or_default();
        let item = *next;
        *next = next
            .checked_add(1)
            .ok_or_else(|| Problem::field("instances", "more than 65,535 instances of one host"))?;
        Ok(Target {
            host: instance.host,
            name: found.member.host.name.clone(),
            item,
            instance: Some(TargetInstance {
                id: instance.id,
                name: instance.instance.name.clone(),
                reference: instance.reference(),
            }),
        })
    };
    found.into_iter().map(number).collect()
}

fn only_managed(found: &[Found<'_>]) -> Result<(), Problem> {
    let mut strange = found.iter().filter(|found| !found.instance().instance.managed);
    let Some(one) = strange.next() else { return Ok(()) };
    let more = strange.count();
    let name = &one.instance().instance.name;
    let others = if more == 0 { String::new() } else { format!(" and {more} more") };
    let message = format!("{}/{name}{others}: not made by Tamer", one.member.host.name);
    Err(Problem::new(Code::WrongState, message)
        .on("foreign")
        .remedy("look at it with `tamerctl instance show`; --yes removes it all the same"))
}

/// The problem of a request that means nothing, with what may be the reason.
fn nothing(view: &View, spec: &BatchSpec, selector: &Selector) -> Problem {
    let problem = if spec.action.on() == TargetKind::Instance {
        return Problem::new(Code::SelectionEmpty, "no instance fits the selection")
            .on("instances")
            .remedy("`tamerctl instance ls` with the same selection shows what there is");
    } else if view.hosts().next().is_none() {
        Problem::new(Code::SelectionEmpty, "the fleet has no host yet")
            .remedy("join one: `tamerctl token create` prints how")
    } else {
        let unknown: Vec<_> = selector.keys().filter(|key| !is_known(view, key)).collect();
        let why = if unknown.is_empty() {
            String::new()
        } else {
            format!("; no host has {}", unknown.join(", "))
        };
        let words = words(&spec.targets);
        Problem::new(Code::SelectionEmpty, format!("the selector {words:?} names no host{why}"))
            .remedy("`tamerctl host ls -o wide` shows facts and labels; --allow-empty makes an empty selection a success")
    };
    problem.on("selector")
}

fn is_known(view: &View, key: &str) -> bool {
    view.hosts().any(|member| (&member.host, member.status.state).value(key).is_some())
}

/// What was asked for, in one line.
fn words(targets: &TargetSpec) -> String {
    let TargetSpec { selector, hosts, instances, earlier, sample } = targets;
    let listed = |names: &[String]| match names.len() {
        0..=5 => names.join(" "),
        more => format!("{} and {} more", names[..5].join(" "), more - 5),
    };
    let mut words = Vec::new();
    match instances {
        None => words.extend((!selector.is_empty()).then(|| selector.clone())),
        Some(terms) => {
            words.extend((!selector.is_empty()).then(|| format!("hosts {selector}")));
            let InstanceTerms { selector, named } = terms;
            words.extend((!selector.is_empty()).then(|| format!("instances {selector}")));
            words.extend((!named.is_empty()).then(|| listed(named)));
        }
    }
    words.extend((!hosts.is_empty()).then(|| listed(hosts)));
    words.extend(earlier.as_ref().map(|earlier| {
        let ends: Vec<_> = earlier.ends.iter().map(|end| end.as_str()).collect();
        format!("{} of {}", ends.join(", "), earlier.batch)
    }));
    words.extend(sample.map(|sample| format!("sample of {sample}")));
    words.join("; ")
}
