//! What is in a picture, what differs between two, and one made from another.

use tamer_drift::diff::{Change, diff};
use tamer_drift::tree;
use tamer_drift::{Digest, Kind, Resource, ResourceKey};
use tamer_model::Problem;

use super::wrong;
use crate::drift::nodes::Nodes;

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
