//! Trees of what the coordinator keeps: what is lacking of one, what differs between two, others made
//! from them. All of it blocks on the disk: call it by [`super::Drift`]'s turns.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashSet};

use tamer_drift::canonical;
use tamer_drift::delta::{self, Delta, DeltaError, apply_delta};
use tamer_drift::diff::{Change, diff};
use tamer_drift::fleet::{HostState, Member};
use tamer_drift::tree::{self, NodeBytes, Nodes as Shelf, Summary, TreeError};
use tamer_drift::{Digest, Kind, Resource, ResourceKey};
use tamer_model::{Code, HostId, Problem};
use tracing::error;

use super::nodes::Nodes;
use super::record::Packed;

/// Changes of one step that are kept as a delta. With more of them the nodes before are kept.
const MAX_DELTA_CHANGES: u64 = 20_000;
/// Bytes of a delta that a record holds, compressed.
const MAX_DELTA: usize = 256 << 10;
/// Bytes of one that was read again: what a frame of so many may grow to.
const MAX_PLAIN: usize = 64 << 20;
/// zstd's level for deltas: they are short and read seldom.
const LEVEL: i32 = 9;

/// From one picture of a host to the next.
#[derive(Debug, Default)]
pub struct Step {
    /// Resources that differ; all of them where there is no picture before.
    pub changed: u64,
    /// The kinds of those that differ from a picture before.
    pub kinds: BTreeSet<Kind>,
    pub delta: Option<Packed>,
    /// How many resources there are.
    pub total: Option<u64>,
    /// The picture before cannot be read.
    pub before_lost: bool,
}

impl Shelf for Nodes {
    fn node(&self, digest: &Digest) -> Option<NodeBytes> {
        self.read(digest).unwrap_or_else(|problem| {
            error!(%problem, "a node of an inventory cannot be read");
            None
        })
    }

    fn has(&self, digest: &Digest) -> bool {
        Self::has(self, digest)
    }
}

/// The nodes of a host's tree that are not here, at most `limit`.
///
/// # Errors
/// `InvalidField` when what is here of it is no tree.
pub fn lacking(
    nodes: &Nodes,
    root: Digest,
    beside: Option<Digest>,
    limit: usize,
) -> Result<Vec<Digest>, Problem> {
    if let Some(beside) = beside {
        match tree::missing_beside::<Resource>(&root, &beside, nodes, limit) {
            // The one beside it is damaged, or this one is: look at all of this one.
            Err(TreeError::Missing(_) | TreeError::Damaged(_)) => {}
            found => return found.map_err(wrong),
        }
    }
    tree::missing::<Resource>(&root, nodes, limit).map_err(wrong)
}

/// What differs between a host's picture and the next one, which is here whole.
///
/// # Errors
/// `InvalidField` when the next one is no tree, `NotFound` when some of it is damaged.
pub fn step(nodes: &Nodes, before: Option<Digest>, root: Digest) -> Result<Step, Problem> {
    let Some(before) = before else {
        let Summary { entries, .. } = tree::verify::<Resource>(&root, nodes).map_err(wrong)?;
        return Ok(Step { changed: entries, total: Some(entries), ..Step::default() });
    };
    match differences(nodes, before, root) {
        Ok(step) => Ok(step),
        Err(TreeError::Missing(_) | TreeError::Damaged(_)) => {
            // If it is the next one, this says so.
            let step = step(nodes, None, root)?;
            Ok(Step { before_lost: true, ..step })
        }
        Err(malformed @ TreeError::Malformed { .. }) => Err(wrong(malformed)),
    }
}

fn differences(nodes: &Nodes, before: Digest, root: Digest) -> Result<Step, TreeError> {
    let mut step = Step { total: Some(tree::count::<Resource>(&root, nodes)?), ..Step::default() };
    for change in diff(Some(&before), Some(&root), nodes)? {
        step.kinds.insert(change?.key.kind());
        step.changed += 1;
    }
    if step.changed <= MAX_DELTA_CHANGES {
        step.delta = pack(&Delta::between(Some(before), root, nodes)?);
    }
    Ok(step)
}

/// As it is kept: a frame of zstd where that is shorter. None when it is too long to be kept.
fn pack(delta: &Delta) -> Option<Packed> {
    let plain = delta::encode(delta);
    let frame = zstd::bulk::compress(&plain, LEVEL).ok();
    let bytes = frame.filter(|frame| frame.len() < plain.len()).unwrap_or(plain);
    (bytes.len() <= MAX_DELTA).then_some(Packed(bytes))
}

/// The delta that was kept.
///
/// # Errors
/// `StoreFailed` when it is damaged.
pub fn unpack(Packed(bytes): &Packed) -> Result<Delta, Problem> {
    let damaged = |why: String| {
        Problem::new(Code::StoreFailed, format!("a delta of the history is damaged: {why}"))
            .remedy("check the store with `tamer-coordinator store verify`")
    };
    // Its first byte is a version when it is plain, and zstd's magic when it is not.
    let plain = match bytes.first() {
        Some(&canonical::VERSION) => Ok(bytes.clone()),
        Some(_) | None => zstd::bulk::decompress(bytes, MAX_PLAIN),
    };
    let plain = plain.map_err(|error| damaged(error.to_string()))?;
    delta::decode(&plain).map_err(|error| damaged(error.to_string()))
}

/// The picture before a delta, made of the one after it, and written.
///
/// # Errors
/// `NotFound` when a node of the one after is damaged, `StoreFailed` when the delta does not fit it.
pub fn undo(nodes: &Nodes, after: Digest, delta: &Delta) -> Result<Option<Digest>, Problem> {
    let Some(back) = delta.undone() else { return Ok(None) };
    let edited = apply_delta(Some(&after), &back, nodes).map_err(|error| match error {
        DeltaError::Tree(tree::EditError::Tree(error)) => wrong(error),
        DeltaError::Tree(tree::EditError::Entry(problem)) => problem,
        DeltaError::OtherTree
        | DeltaError::Misfit(_)
        | DeltaError::OtherResource(_)
        | DeltaError::OtherEnd { .. } => Problem::new(Code::StoreFailed, error.to_string())
            .remedy("the history before this change is lost"),
    })?;
    edited.made.iter().try_for_each(|(digest, node)| nodes.write(*digest, node))?;
    Ok(Some(edited.root))
}

/// What differs between two pictures, at most `limit`, and how many more there are.
///
/// # Errors
/// `NotFound` when a node is damaged.
pub fn changes(
    nodes: &Nodes,
    before: Option<Digest>,
    after: Option<Digest>,
    limit: usize,
) -> Result<(Vec<Change>, u64), Problem> {
    let (mut found, mut more) = (Vec::new(), 0);
    for change in diff(before.as_ref(), after.as_ref(), nodes).map_err(wrong)? {
        let change = change.map_err(wrong)?;
        if found.len() < limit {
            found.push(change);
        } else {
            more += 1;
        }
    }
    Ok((found, more))
}

/// The resources of a picture that are of these kinds, at most `limit`.
pub fn of_kinds(
    nodes: &Nodes,
    root: Digest,
    kinds: &[Kind],
    limit: usize,
) -> Result<Vec<Resource>, Problem> {
    let mut found = Vec::new();
    for kind in kinds {
        // Keys are in the order of kinds, then sources; `a` comes before any source.
        let first = ResourceKey::new("a".parse()?, *kind, "\u{0}")?;
        for resource in tree::iter_from::<Resource>(&root, &first, nodes).map_err(wrong)? {
            let resource = resource.map_err(wrong)?;
            if resource.key.kind() != *kind || found.len() >= limit {
                break;
            }
            found.push(resource);
        }
    }
    Ok(found)
}

/// A page of a picture's resources, and the key that the next page begins with.
pub fn page(
    nodes: &Nodes,
    root: Digest,
    from: Option<&ResourceKey>,
    limit: usize,
) -> Result<(Vec<Resource>, Option<ResourceKey>), Problem> {
    let all = match from {
        Some(from) => tree::iter_from::<Resource>(&root, from, nodes),
        None => tree::iter::<Resource>(&root, nodes),
    };
    let mut found = Vec::new();
    for resource in all.map_err(wrong)? {
        let resource = resource.map_err(wrong)?;
        if found.len() == limit {
            return Ok((found, Some(resource.key)));
        }
        found.push(resource);
    }
    Ok((found, None))
}

/// Calls `with` for each resource of a picture, in order.
pub fn each(
    nodes: &Nodes,
    root: Digest,
    mut with: impl FnMut(Resource) -> Result<(), Problem>,
) -> Result<(), Problem> {
    for resource in tree::iter::<Resource>(&root, nodes).map_err(wrong)? {
        with(resource.map_err(wrong)?)?;
    }
    Ok(())
}

/// How many resources a picture has.
pub fn count(nodes: &Nodes, root: Digest) -> Result<u64, Problem> {
    tree::count::<Resource>(&root, nodes).map_err(wrong)
}

/// One resource of a picture.
pub fn get(nodes: &Nodes, root: Digest, key: &ResourceKey) -> Result<Option<Resource>, Problem> {
    tree::get::<Resource>(&root, key, nodes).map_err(wrong)
}

/// The picture after these changes, written, and how many resources it has.
pub fn edit(
    nodes: &Nodes,
    root: Digest,
    changes: Vec<(ResourceKey, Option<Resource>)>,
) -> Result<(Digest, u64), Problem> {
    let edited = tree::edit::<Resource>(&root, changes, nodes).map_err(|error| match error {
        tree::EditError::Tree(error) => wrong(error),
        tree::EditError::Entry(problem) => problem,
    })?;
    edited.made.iter().try_for_each(|(digest, node)| nodes.write(*digest, node))?;
    Ok((edited.root, count(nodes, edited.root)?))
}

/// Reads every node of a host's tree from the disk, and says what is wrong with the first bad one.
pub fn verify(nodes: &Nodes, root: Digest) -> Result<Summary, TreeError> {
    tree::verify::<Resource>(&root, &FromDisk(nodes))
}

/// Every node is read, whatever is in memory.
struct FromDisk<'a>(&'a Nodes);

impl Shelf for FromDisk<'_> {
    fn node(&self, digest: &Digest) -> Option<NodeBytes> {
        self.0.read_file(digest).unwrap_or_else(|problem| {
            error!(%problem, "a node of an inventory cannot be read");
            None
        })
    }
}

/// Adds what a host's tree reaches to what is marked. What is marked already is not entered, so the
/// time follows what is new.
///
/// # Errors
/// `NotFound` when a node is gone: then what lies below it is not known.
pub fn mark(nodes: &Nodes, root: Digest, marked: &mut HashSet<Digest>) -> Result<(), Problem> {
    let marking = Marking { nodes, marked: RefCell::new(marked), lost: RefCell::default() };
    tree::missing::<Resource>(&root, &marking, usize::MAX).map_err(wrong)?;
    marking.end()
}

/// Nodes that notes what it is asked for.
struct Marking<'a> {
    nodes: &'a Nodes,
    marked: RefCell<&'a mut HashSet<Digest>>,
    lost: RefCell<Option<Digest>>,
}

impl Marking<'_> {
    fn end(self) -> Result<(), Problem> {
        match self.lost.into_inner() {
            Some(lost) => Err(wrong(TreeError::Missing(lost))),
            None => Ok(()),
        }
    }
}

impl Shelf for Marking<'_> {
    fn node(&self, digest: &Digest) -> Option<NodeBytes> {
        // Without its bytes nobody enters it a second time.
        if !self.marked.borrow_mut().insert(*digest) {
            return None;
        }
        let node = Shelf::node(self.nodes, digest);
        if node.is_none() {
            self.lost.borrow_mut().get_or_insert(*digest);
        }
        node
    }

    /// A leaf: nothing is below it.
    fn has(&self, digest: &Digest) -> bool {
        self.marked.borrow_mut().insert(*digest);
        true
    }
}

/// The tree of these hosts, written.
pub fn fleet(nodes: &Nodes, hosts: &BTreeMap<HostId, HostState>) -> Result<Digest, Problem> {
    let members = hosts.iter().map(|(host, state)| Member { host: *host, state: state.clone() });
    let built = tree::build(members)?;
    built.nodes.iter().try_for_each(|(digest, node)| nodes.write(*digest, node))?;
    Ok(built.root)
}

/// The hosts of a snapshot.
///
/// # Errors
/// `NotFound` when a node of the tree of hosts is damaged.
pub fn hosts(nodes: &Nodes, root: Digest) -> Result<BTreeMap<HostId, HostState>, Problem> {
    members(nodes, root).map_err(wrong)
}

/// The same, with every node read from the disk, and the tree found whole.
///
/// # Errors
/// What is wrong with the first bad node.
pub fn hosts_from_disk(
    nodes: &Nodes,
    root: Digest,
) -> Result<BTreeMap<HostId, HostState>, TreeError> {
    tree::verify::<Member>(&root, &FromDisk(nodes))?;
    members(&FromDisk(nodes), root)
}

fn members(nodes: &dyn Shelf, root: Digest) -> Result<BTreeMap<HostId, HostState>, TreeError> {
    let all = tree::iter::<Member>(&root, nodes)?;
    all.map(|member| member.map(|Member { host, state }| (host, state))).collect()
}

/// Marks a tree of hosts, and gives the roots of their trees.
///
/// # Errors
/// `NotFound` when a node of it is gone.
pub fn mark_fleet(
    nodes: &Nodes,
    root: Digest,
    marked: &mut HashSet<Digest>,
) -> Result<Vec<Digest>, Problem> {
    // Of one that was marked before the hosts are asked for all the same: it is short.
    let marking = Marking { nodes, marked: RefCell::new(marked), lost: RefCell::default() };
    tree::missing::<Member>(&root, &marking, usize::MAX).map_err(wrong)?;
    marking.end()?;
    Ok(hosts(nodes, root)?.into_values().map(|state| state.root).collect())
}

/// What is wrong with a tree: what is gone can be asked for, what is malformed cannot.
pub fn wrong(error: TreeError) -> Problem {
    let code = match &error {
        TreeError::Missing(_) | TreeError::Damaged(_) => Code::NotFound,
        TreeError::Malformed { .. } => Code::InvalidField,
    };
    let problem = Problem::new(code, error.to_string()).on("inventory");
    match code {
        Code::NotFound => problem.remedy("`tamerctl snapshot verify` asks the agents for it again"),
        _ => problem,
    }
}
