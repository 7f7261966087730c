//! Deltas in canonical form. Compressing is the keeper's business.

use super::{Delta, DeltaChange, What};
use crate::canonical::{
    Malformed, Reader, VERSION, Writer, key_bytes, read_body, read_key, read_value, write_body,
    write_value,
};
use crate::diff::{FieldChange, Part, Path, Root};
use crate::digest::Digest;
use crate::resource::{MAX_DEPTH, ResourceKey};

const CREATED: u8 = 0;
const DELETED: u8 = 1;
const CHANGED: u8 = 2;

/// The one encoding of a delta whose changes are in the order of keys.
pub fn encode(delta: &Delta) -> Vec<u8> {
    let mut to = Writer::new();
    to.byte(VERSION);
    to.option(delta.before, |to, digest| to.raw(digest.as_bytes()));
    to.raw(delta.after.as_bytes());
    to.count(delta.changes.len());
    for change in &delta.changes {
        to.bytes(&key_bytes(&change.key));
        write_what(&mut to, &change.what);
    }
    to.into_bytes()
}

/// The delta of an encoding. Refuses all else, and changes that are not in the order of keys.
pub fn decode(bytes: &[u8]) -> Result<Delta, Malformed> {
    let mut from = Reader::new(bytes);
    from.version(VERSION)?;
    let before = from.option(|from| from.array().map(Digest::from_bytes))?;
    let after = Digest::from_bytes(from.array()?);
    let mut changes: Vec<DeltaChange> = Vec::new();
    for _ in 0..from.count()? {
        let key = read_key(from.bytes()?)?;
        if changes.last().is_some_and(|last| last.key >= key) {
            return Err(from.refuse("changes out of order"));
        }
        let what = read_what(&mut from, &key)?;
        changes.push(DeltaChange { key, what });
    }
    from.end()?;
    Ok(Delta { before, after, changes })
}

fn write_what(to: &mut Writer, what: &What) {
    match what {
        What::Created(resource) => {
            to.byte(CREATED);
            write_body(to, resource);
        }
        What::Deleted(resource) => {
            to.byte(DELETED);
            write_body(to, resource);
        }
        What::Changed(fields) => {
            to.byte(CHANGED);
            to.count(fields.len());
            fields.iter().for_each(|field| write_field(to, field));
        }
    }
}

fn read_what(from: &mut Reader<'_>, key: &ResourceKey) -> Result<What, Malformed> {
    match from.byte()? {
        CREATED => Ok(What::Created(Box::new(read_body(from, key.clone())?))),
        DELETED => Ok(What::Deleted(Box::new(read_body(from, key.clone())?))),
        CHANGED => read_fields(from).map(What::Changed),
        _unknown => Err(from.refuse("a change of an unknown sort")),
    }
}

fn read_fields(from: &mut Reader<'_>) -> Result<Vec<FieldChange>, Malformed> {
    let mut fields = Vec::new();
    for _ in 0..from.count()? {
        fields.push(read_field(from)?);
    }
    if fields.is_empty() {
        return Err(from.refuse("a change without a field"));
    }
    Ok(fields)
}

fn write_field(to: &mut Writer, field: &FieldChange) {
    to.byte(root_number(field.path.root));
    to.count(field.path.parts.len());
    field.path.parts.iter().for_each(|part| write_part(to, part));
    to.option(field.before.as_ref(), write_value);
    to.option(field.after.as_ref(), write_value);
}

fn read_field(from: &mut Reader<'_>) -> Result<FieldChange, Malformed> {
    let root = read_root(from)?;
    let count = from.count()?;
    // A property, and a step into each value that lies in another.
    if count > 1 + MAX_DEPTH {
        return Err(from.refuse("a path too deep"));
    }
    let parts = (0..count).map(|_| read_part(from)).collect::<Result<_, _>>()?;
    let path = Path { root, parts };
    if !path.is_valid() {
        return Err(from.refuse("a path that leads nowhere"));
    }
    let before = from.option(|from| read_value(from, 0))?;
    let after = from.option(|from| read_value(from, 0))?;
    if before == after {
        return Err(from.refuse("a change without a difference"));
    }
    Ok(FieldChange { path, before, after })
}

const fn root_number(root: Root) -> u8 {
    match root {
        Root::Properties => 0,
        Root::Name => 1,
        Root::Tags => 2,
        Root::Created => 3,
        Root::Updated => 4,
        Root::DependsOn => 5,
        Root::Parent => 6,
    }
}

fn read_root(from: &mut Reader<'_>) -> Result<Root, Malformed> {
    let number = from.byte()?;
    let root = Root::ALL.into_iter().find(|root| root_number(*root) == number);
    root.ok_or_else(|| from.refuse("a path from nowhere"))
}

const KEY: u8 = 0;
const INDEX: u8 = 1;
const MEMBER: u8 = 2;

fn write_part(to: &mut Writer, part: &Part) {
    match part {
        Part::Key(key) => {
            to.byte(KEY);
            to.text(key);
        }
        Part::Index(index) => {
            to.byte(INDEX);
            to.number(u64::from(*index));
        }
        Part::Member(member) => {
            to.byte(MEMBER);
            to.text(member);
        }
    }
}

fn read_part(from: &mut Reader<'_>) -> Result<Part, Malformed> {
    match from.byte()? {
        KEY => Ok(Part::Key(from.text()?.to_owned())),
        INDEX => {
            let index = u32::try_from(from.number()?);
            index.map(Part::Index).map_err(|_| from.refuse("a place too far"))
        }
        MEMBER => Ok(Part::Member(from.text()?.to_owned())),
        _unknown => Err(from.refuse("a step of an unknown sort")),
    }
}
